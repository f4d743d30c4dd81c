"""What the shape cannot say: sums that must add up, codes that must be unique, fields that a method needs."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from tenants.schemes.faults import Path, Problem
from tenants.schemes.shape import BandNode, File, IndicatorNode, LibraryNode, LightNode, VetoNode, indicator_of
from tenants.scoring.rules import COUNTED, plain
from tenants.scoring.values import (
    ALL_QUARTERS,
    Kind,
    Lights,
    Method,
)
from tenants.words import N_, Words, words


def cross_problems(file: File) -> Iterator[Problem]:
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


def _sums(file: File) -> Iterator[Problem]:
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


def _unknown_sources(file: File) -> Iterator[Problem]:
    for where, nodes in (("indicators", file.indicators), ("veto", file.veto), ("library", file.library)):
        for index, node in enumerate[IndicatorNode | VetoNode | LibraryNode](nodes):
            for place, source in enumerate(node.sources):
                if source not in file.sources:
                    said = words(N_("sources 里没有登记依据“{source}”，请先登记"), source=source)
                    yield (where, index, "sources", place), said


def _bands(nodes: Sequence[BandNode]) -> Iterator[Problem]:
    minimums = [node.min for node in nodes]
    if sorted(set(minimums), reverse=True) != minimums or minimums[-1] != 0:
        yield ("scheme", "grade_bands"), words(N_("等次要从高到低写，分数线不能重复，最后一档从 0 开始"))


LIGHT_FORM = re.compile(r"\s*>=\s*(0\.\d{1,4}|1(?:\.0+)?)(?:\s+and\s+<\s*(0\.\d{1,4}|1(?:\.0+)?))?\s*")


def lights_of(node: LightNode) -> Lights | None:
    green, yellow = LIGHT_FORM.fullmatch(node.green), LIGHT_FORM.fullmatch(node.yellow)
    if green is None or yellow is None or green[2] is not None:
        return None
    lights = Lights(Decimal(green[1]), Decimal(yellow[1]))
    upper = lights.green_from if yellow[2] is None else Decimal(yellow[2])
    return lights if lights.yellow_from <= lights.green_from == upper else None


def _lights_problems(node: LightNode) -> Iterator[Problem]:
    if lights_of(node) is None:
        text = N_('红黄绿灯写成 green: ">= 0.90" 和 yellow: ">= 0.70 and < 0.90" 的形式，黄灯上限就是绿灯下限')
        yield ("scheme", "traffic_light"), words(text)


def _indicator_problems(node: IndicatorNode) -> Iterator[tuple[str, Words]]:
    """(field, sentence) for what does not go together within one indicator."""
    yield from _method_problems(node)
    yield from _kind_problems(node)
    yield from _target_problems(node)


def _method_problems(node: IndicatorNode) -> Iterator[tuple[str, Words]]:
    if node.method in COUNTED and node.per is None:
        yield "per", words(N_("计分方法 {method} 要写 per：每少一次、每发生一次或每超一个月扣几分"), method=node.method)
    if node.method is Method.DEDUCT_STEP and node.step is None:
        yield "step", words(N_("计分方法 deduct_step 要写 step：每低多少算一档，百分比写小数，1 个百分点是 0.01"))
    if node.method is Method.CHECKLIST and not node.checklist:
        yield "checklist", words(N_("计分方法 checklist 要写 checklist：逐项列出应备的材料"))
    if node.method is Method.CHECKLIST and node.kind is not Kind.ATTACHMENT:
        yield "kind", words(N_("计分方法 checklist 用于材料类指标，kind 要写 attachment"))


def _kind_problems(node: IndicatorNode) -> Iterator[tuple[str, Words]]:
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


def _target_problems(node: IndicatorNode) -> Iterator[tuple[str, Words]]:
    if (node.kind is Kind.BOOLEAN) != (node.target is True) or node.target is False:
        yield "target", words(N_("是否类指标的目标写 true，其他指标的目标写数字"))
    if node.quarter_targets is not None and node.cumulative_targets is not None:
        yield "cumulative_targets", words(N_("quarter_targets 和 cumulative_targets 只能写一个"))
    for field in ("target", "quarter_targets", "cumulative_targets"):
        if node.unit == "%" and any(entry and entry > 1 for entry in _targets(getattr(node, field))):
            yield field, words(N_("百分比的目标写成小数：90% 写 0.9"))
    if not any(indicator_of(node, "").is_due(quarter) for quarter in ALL_QUARTERS):
        yield "target", words(N_("照这样写，哪个季度都不计分；请写大于 0 的目标，并核对 period 和 accumulate"))


def _targets(value: Decimal | list[Decimal | None] | None) -> Sequence[Decimal | None]:
    return value if isinstance(value, list) else [value]
