"""Scheme files: from YAML to the engine's values and to plain data and back; a refusal names its place and line."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn

import yaml
from pydantic import TypeAdapter, ValidationError

from tenants.errors import Invalid
from tenants.schemes.checks import cross_problems, lights_of
from tenants.schemes.faults import Path, Problem
from tenants.schemes.shape import File, IndicatorNode, LibraryNode, PointNode, indicator_of, shape_problem
from tenants.schemes.yaml_text import read_with_nodes
from tenants.scoring.canonical import data_of
from tenants.scoring.values import (
    Band,
    Group,
    LibraryItem,
    Lights,
    PointItem,
    Scheme,
    Source,
    Veto,
)
from tenants.words import N_, Words, words

MAX_PROBLEMS = 100


def load_scheme(text: str) -> Scheme:
    """The scheme that a YAML text describes; Invalid names every wrong place ("indicators.12.weight") and its line."""
    data, node = read_with_nodes(text)
    try:
        file = File.model_validate(data)
    except ValidationError as error:
        _refuse(map(shape_problem, error.errors()), node)
    problems = list(cross_problems(file))
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


def _scheme(file: File) -> Scheme:
    head = file.scheme
    return Scheme(
        code=head.code,
        name_zh=head.name_zh,
        name_en=head.name_en,
        version=head.version,
        groups=tuple(Group(node.code, node.name_zh, node.name_en, node.weight) for node in file.groups),
        indicators=tuple(indicator_of(node, number) for node, number in numbered(file)),
        bands=tuple(Band(node.min, node.zh, node.en) for node in head.grade_bands),
        vetoes=tuple(Veto(node.code, node.name_zh, node.cap, tuple(node.sources)) for node in file.veto),
        bonus_cap=file.bonus.cap_total,
        bonus_items=tuple(map(_point_item, file.bonus.items)),
        penalty_cap=file.penalties.cap_total,
        penalty_items=tuple(map(_point_item, file.penalties.items)),
        lights=lights_of(head.traffic_light) or Lights(),
        base_total=head.base_total,
        ceiling=_ceiling(head.quarter_score),
        library=tuple(map(_library_item, file.library)),
        sources=tuple(Source(code, node.doc, node.status, node.url) for code, node in file.sources.items()),
    )


def numbered(file: File) -> Iterator[tuple[IndicatorNode, str]]:
    """Each indicator with its printed number: the group's position, a point, the position within the group."""
    places = {group.code: place for place, group in enumerate(file.groups, start=1)}
    within: Counter[str] = Counter()
    for node in file.indicators:
        within[node.group] += 1
        yield node, f"{places[node.group]}.{within[node.group]}"


def _point_item(node: PointNode) -> PointItem:
    return PointItem(node.code, node.name_zh, dict(node.levels), node.per_event, node.cap, node.highest_only)


def _library_item(node: LibraryNode) -> LibraryItem:
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
