"""One small function per scoring method, what is lacking, and the sentence that says how the points came about."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import ceil

from tenants.scoring.values import ASKS_FOR_LESS, ZERO, Indicator, Method, Ratio, Target, Value
from tenants.words import N_, Words, listed, words

Rule = Callable[[Indicator, Target, Value], Fraction]
NOTHING = Fraction(0)
ALL = Fraction(1)
ONE = Decimal(1)


def half_up(number: Fraction, places: int = 2) -> Decimal:
    """Round a number that is not negative; a tie goes up."""
    scale = 10**places
    return Decimal((2 * number.numerator * scale + number.denominator) // (2 * number.denominator)).scaleb(-places)


def plain(number: Decimal) -> str:
    """A number as people write it: no exponent, no superfluous zeros, every digit kept."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


@lru_cache(maxsize=8192)
def exact(number: Decimal | bool) -> Fraction:
    """The same few numbers come again and again: weights, targets, counts."""
    return Fraction(number)


def amount(value: Value) -> Fraction:
    """The value as one exact number; a ratio without a denominator counts as nothing."""
    if isinstance(value, Ratio):
        return exact(value.num) / exact(value.den) if value.den else NOTHING
    return exact(value)


def missing(indicator: Indicator, target: Target, value: Value) -> Fraction:
    """How much the value lacks of the target."""
    return max(NOTHING, exact(target) - amount(value))


def events(indicator: Indicator, target: Target, value: Value) -> Fraction:
    """How many faults there were; of a ratio, the cases that are not in its numerator."""
    return max(NOTHING, Fraction(value.den - value.num) if isinstance(value, Ratio) else amount(value))


def steps(indicator: Indicator, target: Target, value: Value) -> Fraction:
    """How many whole steps the value lies below the target."""
    return Fraction(missing(indicator, target, value) // exact(indicator.step or ONE))


def months_over(indicator: Indicator, target: Target, value: Value) -> Fraction:
    """How many months, begun ones included, are overdue beyond the grace period."""
    return max(NOTHING, ceil(amount(value)) - exact(indicator.grace))


COUNTED: dict[Method, Rule] = {
    Method.DEDUCT_MISSING: missing,
    Method.DEDUCT_EVENT: events,
    Method.DEDUCT_STEP: steps,
    Method.OVERDUE: months_over,
}


def threshold(indicator: Indicator, target: Target, value: Value) -> Fraction:
    return exact(indicator.weight) if amount(value) >= target else NOTHING


def proportional(indicator: Indicator, target: Target, value: Value) -> Fraction:
    """All points times the share of the target reached; for a checklist, of the papers on file."""
    return exact(indicator.weight) * min(ALL, max(NOTHING, amount(value) / exact(target)))


def deduction(indicator: Indicator, target: Target, value: Value) -> Fraction:
    """Points to take off, before the floor at the indicator's own points."""
    return exact(indicator.per_points or ZERO) * COUNTED[indicator.method](indicator, target, value)


def deducted(indicator: Indicator, target: Target, value: Value) -> Fraction:
    return max(NOTHING, exact(indicator.weight) - deduction(indicator, target, value))


RULES: dict[Method, Rule] = {
    Method.THRESHOLD: threshold,
    Method.PROPORTIONAL: proportional,
    Method.CHECKLIST: proportional,
    **dict.fromkeys(COUNTED, deducted),
}


def points(indicator: Indicator, target: Target, value: Value) -> Fraction:
    """The exact points of one unit's value, from 0 to the indicator's weight."""
    return RULES[indicator.method](indicator, target, value)


def shortfall(indicator: Indicator, target: Target, value: Value) -> Decimal | None:
    """What one unit lacks, in the unit of its count or numerator; None where a number would mean nothing."""
    if indicator.method in ASKS_FOR_LESS:
        return _decimal(COUNTED[indicator.method](indicator, target, value))
    if _has_no_number(value):
        return None
    if isinstance(value, Ratio):
        return Decimal(max(0, ceil(exact(target) * exact(value.den) - exact(value.num))))
    return _decimal(missing(indicator, target, value))


def _has_no_number(value: Value) -> bool:
    return isinstance(value, bool) or (isinstance(value, Ratio) and not value.den)


def _decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / Decimal(number.denominator)


# ---- sentences -----------------------------------------------------------------------------------------------------

# What is counted in a ratio's numerator, by how its name ends; the first that fits.
NUMERATOR_UNITS: tuple[tuple[str, str], ...] = (
    ("（元）", N_("元")),
    ("人次", N_("人次")),
    ("学时", N_("学时")),
    ("事项数", N_("项")),
    ("决议数", N_("项")),
    ("议题数", N_("项")),
    ("党员数", N_("人")),
    ("教师数", N_("人")),
    ("人数", N_("人")),
)
CLASSIFIED = {"月": N_("个月")}


def counted_in(indicator: Indicator) -> Words:
    """The unit of `shortfall`; empty where a ratio's numerator does not say what it counts."""
    if indicator.num_name is None:
        return Words(CLASSIFIED.get(indicator.unit, indicator.unit))
    return Words(next((unit for end, unit in NUMERATOR_UNITS if indicator.num_name.endswith(end)), ""))


@lru_cache(maxsize=8192)
def _measure(unit: str, number: Fraction) -> Words:
    if unit == "%":
        return words(N_("{number}%"), number=_short(number * 100))
    return words(N_("{number} {unit}"), number=_short(number), unit=Words(CLASSIFIED.get(unit, unit)))


def measure(indicator: Indicator, number: Fraction) -> Words:
    """A number in the indicator's own unit: 85.5%, 3 次, 4 个月."""
    return _measure(indicator.unit, number)


def _short(number: Fraction) -> str:
    return plain(half_up(number))


def said(indicator: Indicator, value: Target | Value | None) -> Words:
    """A value or a target as read; a ratio shows both its parts."""
    if value is None:
        return words(N_("未报"))
    if isinstance(value, bool):
        return words(N_("“是”")) if value else words(N_("“否”"))
    if isinstance(value, Ratio):
        return _said_ratio(indicator, value)
    return measure(indicator, exact(value))


def _said_ratio(indicator: Indicator, value: Ratio) -> Words:
    share = measure(indicator, amount(value)) if value.den else words(N_("无法计算"))
    parts = {"num_name": indicator.num_name or "", "den_name": indicator.den_name or ""}
    return words(
        N_("{share}（{num_name} {num}，{den_name} {den}）"),
        share=share,
        num=plain(value.num),
        den=plain(value.den),
        **parts,
    )


def rule_words(indicator: Indicator) -> Words:
    """The scoring rule in one clause: “每少 1 次扣 1.5 分”."""
    return RULE_CLAUSES[indicator.method](indicator)


def _unit(indicator: Indicator) -> Words:
    unit = counted_in(indicator)
    return unit if unit.text else words(N_("项"))


def _per(indicator: Indicator) -> str:
    return plain(indicator.per_points or ZERO)


def _per_missing(indicator: Indicator) -> Words:
    if indicator.unit == "%":
        return words(N_("每低 1 个百分点扣 {points} 分"), points=plain((indicator.per_points or ZERO).scaleb(-2)))
    unit = Words(CLASSIFIED.get(indicator.unit, indicator.unit))
    return words(N_("每少 1 {unit}扣 {points} 分"), unit=unit, points=_per(indicator))


def _per_event(indicator: Indicator) -> Words:
    if indicator.event_expr_den_minus_num:
        return words(N_("每有 1 {unit}没有做到扣 {points} 分"), unit=_unit(indicator), points=_per(indicator))
    return words(N_("每发生 1 {unit}扣 {points} 分"), unit=_unit(indicator), points=_per(indicator))


def _step(indicator: Indicator) -> Words:
    step = exact(indicator.step or ONE)
    if indicator.unit == "%":
        return words(N_("{number} 个百分点"), number=_short(step * 100))
    return measure(indicator, step)


def _per_step(indicator: Indicator) -> Words:
    text = N_("每低 {step}扣 {points} 分，不足 {step}的部分不计")
    return words(text, step=_step(indicator), points=_per(indicator))


def _per_month(indicator: Indicator) -> Words:
    return words(
        N_("宽限 {grace} 个月，此后每超 1 个月扣 {points} 分"), grace=plain(indicator.grace), points=_per(indicator)
    )


RULE_CLAUSES: dict[Method, Callable[[Indicator], Words]] = {
    Method.THRESHOLD: lambda indicator: words(N_("达到目标得满分，未达到不得分")),
    Method.PROPORTIONAL: lambda indicator: words(N_("按完成目标的比例计分")),
    Method.CHECKLIST: lambda indicator: words(N_("按齐备项数的比例计分")),
    Method.DEDUCT_MISSING: _per_missing,
    Method.DEDUCT_EVENT: _per_event,
    Method.DEDUCT_STEP: _per_step,
    Method.OVERDUE: _per_month,
}


def gap_words(indicator: Indicator, target: Target, value: Value) -> Words:
    """By how much one unit's value misses the target: “少 2 次”, “低 4.5 个百分点”."""
    if indicator.method in ASKS_FOR_LESS:
        return _excess(indicator, target, value)
    if _has_no_number(value):
        return words(N_("没有达到要求"))
    lack = missing(indicator, target, value)
    if indicator.unit == "%":
        return words(N_("低 {number} 个百分点"), number=_short(lack * 100))
    return words(N_("少 {amount}"), amount=measure(indicator, lack))


def _excess(indicator: Indicator, target: Target, value: Value) -> Words:
    number = _short(COUNTED[indicator.method](indicator, target, value))
    if indicator.event_expr_den_minus_num:
        return words(N_("有 {number} {unit}没有做到"), number=number, unit=_unit(indicator))
    if indicator.method is Method.OVERDUE:
        return words(N_("超过宽限期 {number} 个月"), number=number)
    return words(N_("超出 {number} {unit}"), number=number, unit=_unit(indicator))


def _is_met(indicator: Indicator, target: Target, value: Value) -> bool:
    if indicator.method in ASKS_FOR_LESS:
        return not COUNTED[indicator.method](indicator, target, value)
    return amount(value) >= target


def verdict(indicator: Indicator, target: Target, value: Value) -> Words:
    """What follows from one unit's value, up to the points: the gap, the rule and the deduction."""
    if _is_met(indicator, target, value):
        return words(N_("达到目标"))
    gap = gap_words(indicator, target, value)
    if indicator.method not in COUNTED:
        return words(N_("{gap}；{rule}"), gap=gap, rule=rule_words(indicator))
    off = deduction(indicator, target, value)
    text = N_("{gap}；{rule}，扣 {off} 分") if off <= indicator.weight else N_("{gap}；{rule}，应扣 {off} 分，扣完为止")
    return words(text, gap=gap, rule=rule_words(indicator), off=_short(off))


def why_scored(indicator: Indicator, target: Target, values: Sequence[Value | None], earned: Decimal) -> Words:
    """Value, target, rule and result in one sentence; several units are told one after the other."""
    value = values[0]
    if len(values) > 1 or value is None:
        return _why_units(indicator, target, values, earned)
    is_yes_no = isinstance(target, bool)
    return words(
        N_("要求为{target}，实报{value}，{verdict}，得 {earned} 分。")
        if is_yes_no
        else N_("目标 {target}，实报 {value}，{verdict}，得 {earned} 分。"),
        target=said(indicator, target),
        value=said(indicator, value),
        verdict=verdict(indicator, target, value),
        earned=plain(earned),
    )


def _why_units(indicator: Indicator, target: Target, values: Sequence[Value | None], earned: Decimal) -> Words:
    each = [NOTHING if value is None else points(indicator, target, value) for value in values]
    return words(
        N_("目标 {target}；{count} 个支部分别报 {values}；{rule}，各得 {points} 分，平均得 {earned} 分。"),
        target=said(indicator, target),
        count=len(values),
        values=listed([said(indicator, value) for value in values]),
        rule=rule_words(indicator),
        points=listed([Words(_short(part)) for part in each]),
        earned=plain(earned),
    )
