"""From a scheme, a quarter and a school's facts to its result: every figure of a score comes from here."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from tenants.scoring.rules import counted_in, half_up, plain, points, shortfall, why_scored
from tenants.scoring.values import (
    ALL_QUARTERS,
    ASKS_FOR_LESS,
    ZERO,
    Facts,
    Indicator,
    ItemResult,
    ItemState,
    Light,
    Lights,
    Ratio,
    Result,
    Scheme,
    Target,
    Value,
)
from tenants.words import N_, Words, words

NIL = Decimal("0.00")
WHY_UNSCORED = {
    ItemState.MISSING: N_("到期没有报送，按 0 分计，亮红灯。"),
    ItemState.OPEN: N_("还没有报送，暂不计得分，也不计失分。"),
    ItemState.NOT_APPLICABLE: N_("经确认本季度不适用，得分和满分都不计。"),
}


def score(scheme: Scheme, quarter: int, facts: Facts) -> Result:
    """Score one school for one quarter (1-4); values of indicators that are not due are ignored."""
    if quarter not in ALL_QUARTERS:
        raise ValueError(f"no such quarter: {quarter}")
    items = tuple(_item(scheme.lights, indicator, quarter, facts) for indicator in scheme.due(quarter))
    counted = [item for item in items if item.state is not ItemState.NOT_APPLICABLE]
    weight = sum((item.weight for item in counted), ZERO)
    earned = sum((item.earned for item in counted), NIL)
    lost = sum((item.lost for item in counted), NIL)
    base = half_up(Fraction(100 * earned) / Fraction(weight)) if weight else NIL
    return _total(scheme, facts, items, earned, lost, weight, base)


def _total(
    scheme: Scheme,
    facts: Facts,
    items: tuple[ItemResult, ...],
    earned: Decimal,
    lost: Decimal,
    weight: Decimal,
    base: Decimal,
) -> Result:
    bonus, penalty = min(facts.bonus, scheme.bonus_cap), min(facts.penalty, scheme.penalty_cap)
    exact = max(ZERO, min(scheme.ceiling, base + bonus - penalty))
    if facts.veto is not None:
        exact = min(exact, scheme.veto(facts.veto).cap)
    total = half_up(Fraction(exact))
    grade = scheme.band(total)
    still_open = weight - earned - lost
    return Result(items, earned, lost, still_open, weight, base, bonus, penalty, facts.veto, total, grade)


def _item(lights: Lights, indicator: Indicator, quarter: int, facts: Facts) -> ItemResult:
    target = indicator.target_in(quarter)
    assert target is not None, "only due indicators are scored"
    values = facts.values.get(indicator.code, ())
    if indicator.code in facts.not_applicable:
        return _unscored(indicator, target, values, ItemState.NOT_APPLICABLE)
    if all(value is None for value in values):
        return _unscored(indicator, target, values, ItemState.MISSING if facts.final else ItemState.OPEN)
    applicable = tuple(value for value in values if not _without_cases(indicator, value))
    if not applicable:
        return _unscored(indicator, target, values, ItemState.NOT_APPLICABLE, _no_cases(indicator))
    return _scored(lights, indicator, target, applicable)


def _without_cases(indicator: Indicator, value: Value | None) -> bool:
    return isinstance(value, Ratio) and not value.den and indicator.na_when_den_zero


def _no_cases(indicator: Indicator) -> Words:
    return words(N_("{den_name}为 0，本季度没有可考核的内容，得分和满分都不计。"), den_name=indicator.den_name or "")


def _unscored(
    indicator: Indicator, target: Target, values: tuple[Value | None, ...], state: ItemState, why: Words | None = None
) -> ItemResult:
    is_missing = state is ItemState.MISSING
    lost, light = (indicator.weight, Light.RED) if is_missing else (NIL, None)
    why = why or Words(WHY_UNSCORED[state])
    return ItemResult(
        indicator.code, indicator.group, state, indicator.weight, target, values, NIL, lost, light, None, why
    )


def _scored(lights: Lights, indicator: Indicator, target: Target, values: tuple[Value | None, ...]) -> ItemResult:
    exact = sum((points(indicator, target, value) for value in values if value is not None), Fraction(0))
    earned = half_up(exact / len(values))
    return ItemResult(
        code=indicator.code,
        group=indicator.group,
        state=ItemState.SCORED,
        weight=indicator.weight,
        target=target,
        values=values,
        earned=earned,
        lost=indicator.weight - earned,
        light=_light(lights, earned, indicator.weight),
        shortfall=_sum(_unit_shortfall(indicator, target, value) for value in values),
        why=why_scored(indicator, target, values, earned),
    )


def _light(lights: Lights, earned: Decimal, weight: Decimal) -> Light | None:
    """No light for an indicator that is only watched (weight 0)."""
    if not weight:
        return None
    if earned >= weight * lights.green_from:
        return Light.GREEN
    return Light.YELLOW if earned >= weight * lights.yellow_from else Light.RED


def _unit_shortfall(indicator: Indicator, target: Target, value: Value | None) -> Decimal | None:
    """A unit that reports nothing lacks a whole target, where the target is a number of things."""
    if value is not None:
        return shortfall(indicator, target, value)
    is_count = indicator.num_name is None and not isinstance(target, bool) and indicator.method not in ASKS_FOR_LESS
    return Decimal(target) if is_count else None


def _sum(parts: Iterable[Decimal | None]) -> Decimal | None:
    known = [part for part in parts if part is not None]
    return sum(known, ZERO) if known else None


def shortfall_words(indicator: Indicator, item: ItemResult) -> Words | None:
    """What is still to do, for lists and mails: “还差 2 次”; None when nothing is."""
    if item.state is ItemState.MISSING:
        return words(N_("还没有报送"))
    if item.state is not ItemState.SCORED or not (item.lost or item.shortfall):
        return None
    if not item.shortfall:
        return words(N_("还没有达到要求"))
    exceeds = indicator.method in ASKS_FOR_LESS and not indicator.event_expr_den_minus_num
    text = N_("超出 {number} {unit}") if exceeds else N_("还差 {number} {unit}")
    unit = counted_in(indicator)
    if not unit.text:
        return words(N_("还差 {number}"), number=plain(item.shortfall))
    return words(text, number=plain(item.shortfall), unit=unit)
