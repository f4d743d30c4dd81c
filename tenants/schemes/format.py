"""The files that people write: a scheme as YAML, facts as JSON; every refusal names its place in the file."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal, NamedTuple, NoReturn

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, TypeAdapter, ValidationError

from tenants.errors import Invalid
from tenants.scoring.canonical import data_of
from tenants.scoring.engine import score
from tenants.scoring.rules import COUNTED, plain
from tenants.scoring.values import (
    ALL_QUARTERS,
    Accumulate,
    Band,
    Facts,
    Group,
    Indicator,
    ItemState,
    Kind,
    LibraryItem,
    Lights,
    Method,
    Per,
    Period,
    PointItem,
    Ratio,
    Result,
    Scheme,
    Source,
    Value,
    Veto,
)
from tenants.words import N_, Words, words

MAX_TEXT = 1024 * 1024
MAX_ALIASES = 500
MAX_NODES = 100_000
MAX_DEPTH = 20
MAX_DIGITS = 12  # before the point, and after it
MAX_PROBLEMS = 100

Path = tuple[str | int, ...]
Problem = tuple[Path, Words]


class _Wrong(ValueError):
    """One thing wrong with one value; the caller knows where it stands."""

    def __init__(self, said: Words) -> None:
        self.words = said
        super().__init__(str(said))


def _number(value: object) -> Decimal:
    """A finite number of sane size, from what the YAML and JSON readers give (never a binary float)."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _Wrong(words(N_("这里要写数字")))
    number = Decimal(value)
    if not number.is_finite():
        raise _Wrong(words(N_("这里不是有限的数，不能写 NaN 或无穷大")))
    exponent = number.as_tuple().exponent
    if number.adjusted() > MAX_DIGITS or not isinstance(exponent, int) or exponent < -MAX_DIGITS:
        raise _Wrong(words(N_("这个数太大或小数位太多，整数和小数各不超过 {digits} 位"), digits=MAX_DIGITS))
    return number


def _not_negative(value: object) -> Decimal:
    number = _number(value)
    if number < 0:
        raise _Wrong(words(N_("这里不能是负数（写的是 {number}）"), number=plain(number)))
    return number


# ---- YAML text -----------------------------------------------------------------------------------------------------


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
    return _read(text)[0]


def _read(text: str) -> tuple[Any, yaml.Node | None]:
    if len(text.encode("utf-8", "replace")) > MAX_TEXT:
        _refuse_file(words(N_("文件超过 {limit} KB，请精简后再导入"), limit=MAX_TEXT // 1024))
    try:
        _guard(yaml.parse(text, Loader=_Loader))
        loader = _Loader(text)
        node = loader.get_single_node()
        return (None if node is None else loader.construct_document(node)), node
    except yaml.MarkedYAMLError as error:
        _refuse_file(_syntax(error))
    except (yaml.YAMLError, ValueError, ArithmeticError):
        _refuse_file(words(N_("文件里有不能识别的字符或数字，请用 UTF-8 编码保存后再导入")))


def _refuse_file(said: Words) -> NoReturn:
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
            _refuse_file(words(N_("文件里的引用（*）太多或嵌套太深，请把内容直接写出来")))


def _leaf(event: yaml.ScalarEvent | yaml.AliasEvent, sizes: Mapping[str, int]) -> tuple[str | None, int]:
    """An alias weighs what it stands for; one to a node that is still open would never end."""
    if isinstance(event, yaml.AliasEvent):
        return None, sizes.get(str(event.anchor), MAX_NODES + 1)
    return event.anchor, 1


# ---- the shape of a scheme file ------------------------------------------------------------------------------------


def _schedule_entry(value: object) -> Decimal | None:
    return None if value is None else _not_negative(value)


def _target(value: object) -> Decimal | bool | None:
    return value if value is None or isinstance(value, bool) else _not_negative(value)


def _two_places(value: Decimal) -> Decimal:
    if value != round(value, 2):
        raise _Wrong(words(N_("分值最多写两位小数（写的是 {number}）"), number=plain(value)))
    return value


def _above_zero(value: Decimal) -> Decimal:
    if not value:
        raise _Wrong(words(N_("这里要大于 0")))
    return value


def _known_event(value: str) -> str:
    if value.replace(" ", "") != "den-num":
        raise _Wrong(words(N_("这里只能写 den - num（分母减分子，即没有做到的件数）")))
    return value


Number = Annotated[Decimal, PlainValidator(_not_negative)]
Positive = Annotated[Number, AfterValidator(_above_zero)]
Points = Annotated[Number, AfterValidator(_two_places)]
AnyTarget = Annotated[Decimal | bool | None, PlainValidator(_target)]
Entry = Annotated[Decimal | None, PlainValidator(_schedule_entry)]
FourQuarters = Annotated[list[Entry], Field(min_length=4, max_length=4)]
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Free = dict[str, object]
lax = Field(strict=False)


class _Node(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Rounding(_Node):
    indicator: Literal["ROUND_HALF_UP 2dp"] = "ROUND_HALF_UP 2dp"
    total: Literal["ROUND_HALF_UP 2dp"] = "ROUND_HALF_UP 2dp"
    display: str = ""


class _BandNode(_Node):
    min: Number
    zh: Text
    en: str = ""
    note: str = ""


class _LightNode(_Node):
    green: Text
    yellow: Text
    red: str = ""


class _Head(_Node):
    code: Code
    name_zh: Text
    name_en: str = ""
    version: Text
    base_total: Positive = Decimal(100)
    rounding: _Rounding = _Rounding()
    arithmetic: Literal["decimal"] = "decimal"
    quarter_score: str = ""
    not_applicable: str = ""
    missing_value: str = ""
    ranking: Free = {}
    annual_score_default: str = ""
    grade_bands: Annotated[list[_BandNode], Field(min_length=1)]
    traffic_light: _LightNode = _LightNode(green=">= 0.90", yellow=">= 0.70 and < 0.90")
    pace_light: Free = {}


class _SourceNode(_Node):
    doc: Text
    url: str | None = None
    status: Literal["document", "seen", "general", "design"]


class _GroupNode(_Node):
    code: Code
    name_zh: Text
    name_en: str = ""
    weight: Points


class _IndicatorNode(_Node):
    code: Code
    name_zh: Text
    name_en: str = ""
    group: str
    weight: Points
    unit: Text
    kind: Annotated[Kind, lax]
    num: Text | None = None
    den: Text | None = None
    period: Annotated[Period, lax]
    accumulate: Annotated[Accumulate, lax]
    scope: Annotated[Per, lax] = Per.SCHOOL
    target: AnyTarget = None
    quarter_targets: FourQuarters | None = None
    cumulative_targets: FourQuarters | None = None
    method: Annotated[Method, lax]
    step: Positive | None = None
    per: Positive | None = None
    grace: Number = Decimal(0)
    checklist: list[Text] = []
    event_expr: Annotated[str, AfterValidator(_known_event)] | None = None
    na_when: Text | None = None
    rule_zh: Text | None = None
    target_note: Text | None = None
    evidence: list[Text] = []
    sources: list[str] = []


class _VetoNode(_Node):
    code: Code
    name_zh: Text
    effect: Literal["cap"] = "cap"
    cap: Points
    sources: list[str] = []


class _PointNode(_Node):
    code: Code
    name_zh: Text
    levels: dict[str, Points] = {}
    per_event: Points | None = None
    cap: Points | None = None
    highest_only: bool = False


class _PointsNode(_Node):
    cap_total: Points
    items: list[_PointNode] = []


class _LibraryNode(_Node):
    code: Code
    name_zh: Text
    unit: Text
    kind: Annotated[Kind, lax]
    period: Annotated[Period, lax]
    target: AnyTarget = None
    na_when: Text | None = None
    note: Text | None = None
    sources: list[str] = []


class _ExampleItem(_Node):
    value: object
    earned: Number


class _Example(_Node):
    name: Text
    quarter: Annotated[int, Field(ge=1, le=4)]
    not_applicable: list[str] = []
    indicators: dict[str, _ExampleItem]
    earned_sum: Number
    weight_sum: Number
    base: Number
    bonus: Number = Decimal(0)
    penalty: Number = Decimal(0)
    veto: str | None = None
    total: Number
    grade: Text


class _File(_Node):
    """The whole file. `periods`, `methods`, `accumulate` and `scopes` explain to readers and are not computed from."""

    schema_version: Literal[1]
    scheme: _Head
    periods: Free = {}
    methods: Free = {}
    accumulate: Free = {}
    scopes: Free = {}
    sources: dict[str, _SourceNode] = {}
    groups: Annotated[list[_GroupNode], Field(min_length=1)]
    indicators: Annotated[list[_IndicatorNode], Field(min_length=1, max_length=500)]
    veto: list[_VetoNode] = []
    veto_rules: Free = {}
    bonus: _PointsNode = _PointsNode(cap_total=Decimal(0))
    penalties: _PointsNode = _PointsNode(cap_total=Decimal(0))
    library: list[_LibraryNode] = []
    examples: list[_Example] = []


SAID = {
    "missing": N_("缺少“{field}”，请补上"),
    "extra_forbidden": N_("不认识“{field}”，请核对拼写，或删去这一行"),
    "string_type": N_("这里要写文字；数字、日期或是否样的内容请加引号"),
    "string_too_short": N_("这里不能空着"),
    "string_too_long": N_("这里的文字太长"),
    "string_pattern_mismatch": N_("编码用小写字母、数字和下划线，以字母开头，不超过 64 个字符"),
    "enum": N_("没有“{found}”这一种，可以写 {expected}"),
    "literal_error": N_("这里写的是“{found}”，目前只支持 {expected}"),
    "list_type": N_("这里要写成列表"),
    "dict_type": N_("这里要写成“名称: 内容”的形式"),
    "model_type": N_("这里要写成“名称: 内容”的形式"),
    "bool_type": N_("这里只能写 true 或 false"),
    "int_type": N_("这里要写整数"),
    "too_short": N_("这里只有 {actual} 项，至少要 {least} 项；按季度写的目标正好 4 个，没有任务的季度写 null"),
    "too_long": N_("这里有 {actual} 项，最多 {most} 项；按季度写的目标正好 4 个，没有任务的季度写 null"),
}


def _shape_problem(error: Mapping[str, Any]) -> Problem:
    context = error.get("ctx", {})
    reason, path = context.get("error"), tuple(error["loc"])
    if isinstance(reason, _Wrong):
        return path, reason.words
    said = words(
        SAID.get(error["type"], N_("这里的写法不对，请对照默认指标体系修改")),
        field=str(path[-1]) if path else "",
        found=str(error["input"])[:40],
        expected=str(context.get("expected", "")).replace("'", "").replace(" or ", "、").replace(", ", "、"),
        actual=str(context.get("actual_length", "")),
        least=str(context.get("min_length", "")),
        most=str(context.get("max_length", "")),
    )
    return path, said


# ---- what the shape cannot say -------------------------------------------------------------------------------------


def _cross_problems(file: _File) -> Iterator[Problem]:
    yield from _twice("groups", file.groups)
    yield from _twice("indicators", [*file.indicators])
    yield from _twice("library", [*file.indicators, *file.library], skip=len(file.indicators))
    yield from _twice("veto", file.veto)
    yield from _twice("bonus.items", file.bonus.items)
    yield from _twice("penalties.items", file.penalties.items)
    yield from _sums(file)
    yield from _unknown_sources(file)
    yield from _bands(file.scheme.grade_bands)
    yield from _lights_problems(file.scheme.traffic_light)
    for index, node in enumerate(file.indicators):
        yield from ((("indicators", index, field), said) for field, said in _indicator_problems(node))


def _twice(where: str, nodes: Sequence[Any], skip: int = 0) -> Iterator[Problem]:
    """A code that stood before; the first `skip` nodes are of another list."""
    seen: set[str] = set()
    for index, node in enumerate(nodes):
        if node.code in seen and index >= skip:
            yield (*where.split("."), index - skip, "code"), words(N_("编码“{code}”重复了，请换一个"), code=node.code)
        seen.add(node.code)


def _sums(file: _File) -> Iterator[Problem]:
    codes = {group.code for group in file.groups}
    for index, node in enumerate(file.indicators):
        if node.group not in codes:
            yield (
                ("indicators", index, "group"),
                words(N_("没有“{group}”这个分组，请先写进 groups，或改用已有的分组"), group=node.group),
            )
    for index, group in enumerate(file.groups):
        found = sum((node.weight for node in file.indicators if node.group == group.code), Decimal(0))
        yield from _unequal(("groups", index, "weight"), group.name_zh, group.weight, found)
    total = sum((group.weight for group in file.groups), Decimal(0))
    yield from _unequal(("scheme", "base_total"), file.scheme.name_zh, file.scheme.base_total, total)


def _unequal(path: Path, name: str, wanted: Decimal, found: Decimal) -> Iterator[Problem]:
    if wanted == found:
        return
    more = N_("“{name}”定为 {wanted} 分，下面各项合计 {found} 分，多了 {by} 分；请改各项分值，或把这里改为 {found}")
    less = N_("“{name}”定为 {wanted} 分，下面各项合计 {found} 分，少了 {by} 分；请改各项分值，或把这里改为 {found}")
    by = plain(abs(found - wanted))
    text = more if found > wanted else less
    yield path, words(text, name=name, wanted=plain(wanted), found=plain(found), by=by)


def _unknown_sources(file: _File) -> Iterator[Problem]:
    for where, nodes in (("indicators", file.indicators), ("veto", file.veto), ("library", file.library)):
        for index, node in enumerate[_IndicatorNode | _VetoNode | _LibraryNode](nodes):
            for place, source in enumerate(node.sources):
                if source not in file.sources:
                    said = words(N_("sources 里没有登记依据“{source}”，请先登记"), source=source)
                    yield (where, index, "sources", place), said


def _bands(nodes: Sequence[_BandNode]) -> Iterator[Problem]:
    minimums = [node.min for node in nodes]
    if sorted(set(minimums), reverse=True) != minimums or minimums[-1] != 0:
        yield ("scheme", "grade_bands"), words(N_("等次要从高到低写，分数线不能重复，最后一档从 0 开始"))


LIGHT_FORM = re.compile(r"\s*>=\s*(0\.\d{1,4}|1(?:\.0+)?)(?:\s+and\s+<\s*(0\.\d{1,4}|1(?:\.0+)?))?\s*")


def _lights(node: _LightNode) -> Lights | None:
    green, yellow = LIGHT_FORM.fullmatch(node.green), LIGHT_FORM.fullmatch(node.yellow)
    if green is None or yellow is None or green[2] is not None:
        return None
    lights = Lights(Decimal(green[1]), Decimal(yellow[1]))
    upper = lights.green_from if yellow[2] is None else Decimal(yellow[2])
    return lights if lights.yellow_from <= lights.green_from == upper else None


def _lights_problems(node: _LightNode) -> Iterator[Problem]:
    if _lights(node) is None:
        text = N_('红黄绿灯写成 green: ">= 0.90" 和 yellow: ">= 0.70 and < 0.90" 的形式，黄灯上限就是绿灯下限')
        yield ("scheme", "traffic_light"), words(text)


def _indicator_problems(node: _IndicatorNode) -> Iterator[tuple[str, Words]]:
    """(field, sentence) for what does not go together within one indicator."""
    yield from _method_problems(node)
    yield from _kind_problems(node)
    yield from _target_problems(node)


def _method_problems(node: _IndicatorNode) -> Iterator[tuple[str, Words]]:
    if node.method in COUNTED and node.per is None:
        yield "per", words(N_("计分方法 {method} 要写 per：每少一次、每发生一次或每超一个月扣几分"), method=node.method)
    if node.method is Method.DEDUCT_STEP and node.step is None:
        yield "step", words(N_("计分方法 deduct_step 要写 step：每低多少算一档，百分比写小数，1 个百分点是 0.01"))
    if node.method is Method.CHECKLIST and not node.checklist:
        yield "checklist", words(N_("计分方法 checklist 要写 checklist：逐项列出应备的材料"))
    if node.method is Method.CHECKLIST and node.kind is not Kind.ATTACHMENT:
        yield "kind", words(N_("计分方法 checklist 用于材料类指标，kind 要写 attachment"))


def _kind_problems(node: _IndicatorNode) -> Iterator[tuple[str, Words]]:
    is_ratio = node.kind is Kind.RATIO
    for field, name in (("num", node.num), ("den", node.den)):
        if is_ratio and name is None:
            yield field, words(N_("比率类指标要写 num 和 den：分子、分母各是什么"))
    if node.na_when is not None and node.na_when.replace(" ", "") == "den==0" and not is_ratio:
        yield "na_when", words(N_("den == 0 只用于比率类指标；其他情形请用文字写明何时不适用"))
    if is_ratio and node.method is Method.DEDUCT_EVENT and node.event_expr is None:
        yield "event_expr", words(N_("比率类指标按件扣分，要写 event_expr: den - num"))
    if node.event_expr is not None and not (is_ratio and node.method is Method.DEDUCT_EVENT):
        yield "event_expr", words(N_("event_expr 只用于按件扣分的比率类指标，请删去"))
    if node.kind is Kind.BOOLEAN and node.method is not Method.THRESHOLD:
        yield "method", words(N_("是否类指标只能用 threshold：达到得满分，否则不得分"))


def _target_problems(node: _IndicatorNode) -> Iterator[tuple[str, Words]]:
    if (node.kind is Kind.BOOLEAN) != (node.target is True) or node.target is False:
        yield "target", words(N_("是否类指标的目标写 true，其他指标的目标写数字"))
    if node.quarter_targets is not None and node.cumulative_targets is not None:
        yield "cumulative_targets", words(N_("quarter_targets 和 cumulative_targets 只能写一个"))
    for field in ("target", "quarter_targets", "cumulative_targets"):
        if node.unit == "%" and any(entry and entry > 1 for entry in _targets(getattr(node, field))):
            yield field, words(N_("百分比的目标写成小数：90% 写 0.9"))
    if not any(_indicator(node, "").is_due(quarter) for quarter in ALL_QUARTERS):
        yield "target", words(N_("照这样写，哪个季度都不计分；请写大于 0 的目标，并核对 period 和 accumulate"))


def _targets(value: Decimal | list[Decimal | None] | None) -> Sequence[Decimal | None]:
    return value if isinstance(value, list) else [value]


# ---- from the file to the engine's values --------------------------------------------------------------------------


def load_scheme(text: str) -> Scheme:
    """The scheme that a YAML text describes; Invalid names every wrong place ("indicators.12.weight") and its line."""
    data, node = _read(text)
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        _refuse(map(_shape_problem, error.errors()), node)
    problems = list(_cross_problems(file))
    if problems:
        _refuse(problems, node)
    return _scheme(file)


def _refuse(problems: Iterable[Problem], root: yaml.Node | None) -> NoReturn:
    found: dict[str, Words] = {}
    for path, said in problems:
        line = _line(root, path)
        text = N_("第 {line} 行：{problem}。")
        found.setdefault(".".join(map(str, path)) or "file", words(text, line=line, problem=said))
    raise Invalid(dict(list(found.items())[:MAX_PROBLEMS]))


def _line(node: yaml.Node | None, path: Path) -> int:
    """The line (from 1) of the deepest node that `path` reaches."""
    for step in path:
        child = _child(node, step)
        if child is None:
            break
        node = child
    return 1 if node is None else node.start_mark.line + 1


def _child(node: yaml.Node | None, step: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        return node.value[step] if step < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == str(step)), None)
    return None


def _scheme(file: _File) -> Scheme:
    head = file.scheme
    return Scheme(
        code=head.code,
        name_zh=head.name_zh,
        name_en=head.name_en,
        version=head.version,
        groups=tuple(Group(node.code, node.name_zh, node.name_en, node.weight) for node in file.groups),
        indicators=tuple(_indicator(node, number) for node, number in _numbered(file)),
        bands=tuple(Band(node.min, node.zh, node.en) for node in head.grade_bands),
        vetoes=tuple(Veto(node.code, node.name_zh, node.cap, tuple(node.sources)) for node in file.veto),
        bonus_cap=file.bonus.cap_total,
        bonus_items=tuple(map(_point_item, file.bonus.items)),
        penalty_cap=file.penalties.cap_total,
        penalty_items=tuple(map(_point_item, file.penalties.items)),
        lights=_lights(head.traffic_light) or Lights(),
        base_total=head.base_total,
        ceiling=_ceiling(head.quarter_score),
        library=tuple(map(_library_item, file.library)),
        sources=tuple(Source(code, node.doc, node.status, node.url) for code, node in file.sources.items()),
    )


def _numbered(file: _File) -> Iterator[tuple[_IndicatorNode, str]]:
    """Each indicator with its printed number: the group's position, a point, the position within the group."""
    places = {group.code: place for place, group in enumerate(file.groups, start=1)}
    within: Counter[str] = Counter()
    for node in file.indicators:
        within[node.group] += 1
        yield node, f"{places[node.group]}.{within[node.group]}"


def _indicator(node: _IndicatorNode, number: str) -> Indicator:
    return Indicator(
        code=node.code,
        number=number,
        name_zh=node.name_zh,
        name_en=node.name_en,
        group=node.group,
        weight=node.weight,
        unit=node.unit,
        kind=node.kind,
        period=node.period,
        accumulate=node.accumulate,
        per=node.scope,
        method=node.method,
        target=node.target,
        quarter_targets=None if node.quarter_targets is None else tuple(node.quarter_targets),
        cumulative_targets=None if node.cumulative_targets is None else tuple(node.cumulative_targets),
        step=node.step,
        per_points=node.per,
        grace=node.grace,
        checklist=tuple(node.checklist),
        na_when=node.na_when,
        num_name=node.num,
        den_name=node.den,
        event_expr_den_minus_num=node.event_expr is not None,
        rule_zh=node.rule_zh,
        target_note=node.target_note,
        evidence=tuple(node.evidence),
        sources=tuple(node.sources),
    )


def _point_item(node: _PointNode) -> PointItem:
    return PointItem(node.code, node.name_zh, dict(node.levels), node.per_event, node.cap, node.highest_only)


def _library_item(node: _LibraryNode) -> LibraryItem:
    return LibraryItem(
        node.code,
        node.name_zh,
        node.unit,
        node.kind,
        node.period,
        node.target,
        node.na_when,
        node.note,
        tuple(node.sources),
    )


def _ceiling(quarter_score: str) -> Decimal:
    """The upper end of “clamp 0..105” in the file's own formula, 105 where it says nothing."""
    match = re.search(r"clamp 0\.\.(\d{1,4}(?:\.\d{1,2})?)", quarter_score)
    return Decimal(match[1]) if match else Decimal(105)


def default_text() -> str:
    """The YAML text of the product's own default scheme."""
    return (files("tenants.schemes") / "default_scheme.yaml").read_text(encoding="utf-8")


@cache
def default_scheme() -> Scheme:
    return load_scheme(default_text())


_ADAPTER = TypeAdapter(Scheme)


def scheme_to_data(scheme: Scheme) -> dict[str, Any]:
    """A scheme as JSON data without loss, every number a decimal string."""
    data: dict[str, Any] = data_of(scheme)
    return data


def scheme_from_data(data: Mapping[str, Any]) -> Scheme:
    """The way back from `scheme_to_data`; for stored data, which is trusted to be whole."""
    return _ADAPTER.validate_python(data)


# ---- facts ---------------------------------------------------------------------------------------------------------


def read_facts(text: str) -> list[Any]:
    """The list in a JSON text, decimals exact; Invalid for NaN, Infinity, a key written twice, or no list."""
    try:
        data = json.loads(
            text, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_constant, object_pairs_hook=_no_key_twice
        )
    except _Wrong as error:
        _refuse_facts(error.words)
    except json.JSONDecodeError as error:
        _refuse_facts(words(N_("第 {line} 行第 {column} 列不是合法的 JSON"), line=error.lineno, column=error.colno))
    except (ArithmeticError, ValueError, RecursionError):
        _refuse_facts(words(N_("文件里有读不出的数字或嵌套太深")))
    if not isinstance(data, list):
        _refuse_facts(words(N_("文件最外层要是一个列表：每所学校一条")))
    return data


def _refuse_facts(said: Words) -> NoReturn:
    raise Invalid({"facts": said}, said)


def _no_constant(text: str) -> NoReturn:
    raise _Wrong(words(N_("文件里有 {found}：数字要是有限的，没有填报请写 null"), found=text))


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = next((key for key, count in Counter(key for key, _ in pairs).items() if count > 1), None)
    if twice is not None:
        raise _Wrong(words(N_("同一条里“{key}”写了不止一次"), key=twice))
    return dict(pairs)


class _Case(NamedTuple):
    """One entry of a facts file, checked."""

    id: object
    quarter: int
    facts: Facts


FACT_FIELDS = frozenset({"id", "quarter", "values", "not_applicable", "bonus", "penalty", "veto"})


def score_facts(scheme: Scheme, facts_json: list[Any]) -> list[dict[str, Any]]:
    """Points of each entry as decimal strings with two places; Invalid names every wrong place ("facts.3.bonus")."""
    if not isinstance(facts_json, list):
        _refuse_facts(words(N_("文件最外层要是一个列表：每所学校一条")))
    problems: list[Problem] = []
    cases = [_case(scheme, entry, ("facts", index), problems) for index, entry in enumerate(facts_json)]
    if problems:
        raise Invalid({".".join(map(str, path)): said for path, said in problems[:MAX_PROBLEMS]})
    return [_scored(case, score(scheme, case.quarter, case.facts)) for case in cases if case is not None]


def _scored(case: _Case, result: Result) -> dict[str, Any]:
    applicable = [item for item in result.items if item.state is not ItemState.NOT_APPLICABLE]
    return {
        "id": case.id,
        "indicators": {item.code: f"{item.earned:.2f}" for item in applicable},
        "base": f"{result.base:.2f}",
        "total": f"{result.total:.2f}",
        "grade": result.grade.name_zh,
    }


def _case(scheme: Scheme, entry: object, path: Path, problems: list[Problem]) -> _Case | None:
    """The checked entry, or None with what is wrong added to `problems`."""
    before = len(problems)
    if not isinstance(entry, dict):
        problems.append((path, words(N_('每一条要写成 {{"id": …, "quarter": …, "values": …}} 的形式'))))
        return None
    for field in sorted(FACT_FIELDS & {"id", "quarter", "values"} - entry.keys()):
        problems.append(((*path, field), words(N_("缺少“{field}”，请补上"), field=field)))
    for field in sorted(map(str, entry.keys() - FACT_FIELDS)):
        problems.append(((*path, field), words(N_("不认识“{field}”，请核对拼写，或删去"), field=field)))
    taker = _Taker(scheme, entry, path, problems)
    case = taker.case()
    return case if len(problems) == before else None


class _Taker(NamedTuple):
    """Takes one entry apart; what is wrong goes to `problems`, and a harmless value stands in for it."""

    scheme: Scheme
    entry: dict[str, Any]
    path: Path
    problems: list[Problem]

    def case(self) -> _Case:
        quarter = self.quarter()
        not_applicable = self.codes()
        facts = Facts(
            values=self.values(quarter, not_applicable),
            not_applicable=not_applicable,
            bonus=self.points("bonus"),
            penalty=self.points("penalty"),
            veto=self.veto(),
        )
        return _Case(self.id(), quarter, facts)

    def wrong(self, said: Words, *path: str | int) -> None:
        self.problems.append(((*self.path, *path), said))

    def id(self) -> str | int:
        found = self.entry.get("id", "")
        if isinstance(found, str):
            return found
        number = self._whole(found)
        if number is None:
            self.wrong(words(N_("id 要写文字或整数")), "id")
        return number or 0

    def quarter(self) -> int:
        found = self._whole(self.entry.get("quarter", 1))
        if found not in ALL_QUARTERS:
            self.wrong(words(N_("季度要写 1、2、3 或 4")), "quarter")
            return 1
        return found

    @staticmethod
    def _whole(found: object) -> int | None:
        try:
            number = _number(found)
        except _Wrong:
            return None
        return int(number) if number == int(number) else None

    def codes(self) -> frozenset[str]:
        found = self.entry.get("not_applicable", [])
        if not isinstance(found, list):
            self.wrong(words(N_("这里要写成列表")), "not_applicable")
            return frozenset()
        known = {indicator.code for indicator in self.scheme.indicators}
        for index, code in enumerate(found):
            if not isinstance(code, str) or code not in known:
                self.wrong(_unknown(code), "not_applicable", index)
        return frozenset(code for code in found if isinstance(code, str))

    def points(self, field: str) -> Decimal:
        try:
            return _not_negative(self.entry.get(field, 0))
        except _Wrong as error:
            self.wrong(error.words, field)
            return Decimal(0)

    def veto(self) -> str | None:
        found = self.entry.get("veto")
        if found is None or found in [veto.code for veto in self.scheme.vetoes]:
            return found
        self.wrong(words(N_("没有“{code}”这个一票否决项"), code=str(found)[:40]), "veto")
        return None

    def values(self, quarter: int, not_applicable: frozenset[str]) -> dict[str, tuple[Value | None, ...]]:
        found = self.entry.get("values", {})
        if not isinstance(found, dict):
            self.wrong(words(N_("这里要写成“编码: 数值”的形式")), "values")
            return {}
        known = {indicator.code: indicator for indicator in self.scheme.indicators}
        for code in found.keys() - known.keys():
            self.wrong(_unknown(code), "values", str(code))
        due = {code: known[code] for code in found if code in known and known[code].is_due(quarter)}
        return {
            code: (self.value(indicator, found[code]),) for code, indicator in due.items() if code not in not_applicable
        }

    def value(self, indicator: Indicator, found: object) -> Value | None:
        try:
            return None if found is None else _value(indicator.kind, found)
        except _Wrong as error:
            self.wrong(error.words, "values", indicator.code)
            return None


def _unknown(code: object) -> Words:
    return words(N_("指标体系里没有编码“{code}”"), code=str(code)[:64])


def _value(kind: Kind, found: object) -> Value:
    """What an indicator of this kind takes: true or false, [num, den], or a number."""
    if kind is Kind.BOOLEAN:
        if not isinstance(found, bool):
            raise _Wrong(words(N_("这项指标要写 true 或 false")))
        return found
    if kind is Kind.RATIO:
        if not isinstance(found, list | tuple) or len(found) != 2:
            raise _Wrong(words(N_("比率要写成 [分子, 分母]")))
        return Ratio(_not_negative(found[0]), _not_negative(found[1]))
    return _not_negative(found)
