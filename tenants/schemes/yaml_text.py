"""YAML text as plain data: decimals kept exact, no tags, no bombs."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NoReturn

import yaml

from tenants.errors import Invalid
from tenants.words import N_, Words, words

MAX_TEXT = 1024 * 1024
MAX_ALIASES = 500
MAX_NODES = 100_000
MAX_DEPTH = 20


class _Loader(yaml.CSafeLoader):
    """Safe tags only; decimals from their text, dates as text, and no key twice."""


def _decimal_of(loader: _Loader, node: yaml.ScalarNode) -> Decimal:
    text = str(loader.construct_scalar(node)).lower().replace("_", "")
    return Decimal(text.replace(".inf", "inf").replace(".nan", "nan"))


def _text_of(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


def _mapping_of(loader: _Loader, node: yaml.MappingNode) -> Iterator[dict[Any, Any]]:
    node.value = _rejoined(node) if node.flow_style else node.value
    seen: set[str] = set()
    for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"duplicate key: {key.value}", key.start_mark)
        seen.add(key.value)
    yield from loader.construct_yaml_map(node)


def _rejoined(node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
    """Within braces an unquoted comma cuts a text (`{name: Study, training}`): put the lone piece back to its text."""
    pairs: list[tuple[yaml.Node, yaml.Node]] = []
    for key, value in node.value:
        before = pairs[-1][1] if pairs else None
        if _is_piece(key, value) and isinstance(before, yaml.ScalarNode) and before.tag == "tag:yaml.org,2002:str":
            before.value = f"{before.value}, {key.value}"
        else:
            pairs.append((key, value))
    return pairs


def _is_piece(key: yaml.Node, value: yaml.Node) -> bool:
    """A key without a colon: its empty value begins where the key ends."""
    is_empty = isinstance(value, yaml.ScalarNode) and value.value == "" and not value.style
    return is_empty and isinstance(key, yaml.ScalarNode) and value.start_mark.index == key.end_mark.index


_Loader.add_constructor("tag:yaml.org,2002:float", _decimal_of)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text_of)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping_of)


def read_yaml(text: str) -> Any:
    """Plain data of a YAML text: safe tags, decimals exact, size, depth and aliases limited; Invalid names the line."""
    return read_with_nodes(text)[0]


def read_with_nodes(text: str) -> tuple[Any, yaml.Node | None]:
    if len(text.encode("utf-8", "replace")) > MAX_TEXT:
        refuse_file(words(N_("文件超过 {limit} KB，请精简后再导入"), limit=MAX_TEXT // 1024))
    try:
        _guard(yaml.parse(text, Loader=_Loader))
        loader = _Loader(text)
        node = loader.get_single_node()
        return (None if node is None else loader.construct_document(node)), node
    except yaml.MarkedYAMLError as error:
        refuse_file(_syntax(error))
    except (yaml.YAMLError, ValueError, ArithmeticError):
        refuse_file(words(N_("文件里有不能识别的字符或数字，请用 UTF-8 编码保存后再导入")))


def refuse_file(said: Words) -> NoReturn:
    raise Invalid({"file": said}, said)


def _syntax(error: yaml.MarkedYAMLError) -> Words:
    mark = error.problem_mark or error.context_mark
    text = N_("第 {line} 行附近不是合法的 YAML（{detail}）；请检查缩进、冒号后的空格、引号和重复的键")
    return words(text, line=mark.line + 1 if mark else 1, detail=error.problem or error.context or "")


def _guard(events: Iterable[yaml.Event]) -> None:
    """Count what the text would become with every alias written out, before anything is built."""
    sizes: dict[str, int] = {}
    stack: list[tuple[str | None, int]] = [(None, 0)]
    aliases = 0
    for event in events:
        aliases += isinstance(event, yaml.AliasEvent)
        if isinstance(event, yaml.CollectionStartEvent):
            stack.append((event.anchor, 1))
        elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent | yaml.CollectionEndEvent):
            anchor, size = stack.pop() if isinstance(event, yaml.CollectionEndEvent) else _leaf(event, sizes)
            if anchor is not None:
                sizes[anchor] = size
            stack[-1] = (stack[-1][0], stack[-1][1] + size)
        if aliases > MAX_ALIASES or stack[-1][1] > MAX_NODES or len(stack) > MAX_DEPTH:
            refuse_file(words(N_("文件里的引用（*）太多或嵌套太深，请把内容直接写出来")))


def _leaf(event: yaml.ScalarEvent | yaml.AliasEvent, sizes: Mapping[str, int]) -> tuple[str | None, int]:
    """An alias weighs what it stands for; one to a node that is still open would never end."""
    if isinstance(event, yaml.AliasEvent):
        return None, sizes.get(str(event.anchor), MAX_NODES + 1)
    return event.anchor, 1
