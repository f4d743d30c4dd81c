"""Small indicators, a small scheme, and the strategies that fill the default one."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tenants.schemes.format import default_scheme
from tenants.scoring.values import (
    Accumulate,
    Band,
    Facts,
    Group,
    Indicator,
    Kind,
    Method,
    Per,
    Period,
    Ratio,
    Scheme,
    Value,
    Veto,
)

D = Decimal
COUNT = Indicator(
    code="meetings",
    number="1.1",
    name_zh="会议次数",
    name_en="Meetings",
    group="g",
    weight=D(4),
    unit="次",
    kind=Kind.COUNT,
    period=Period.QUARTER,
    accumulate=Accumulate.IN_QUARTER,
    per=Per.SCHOOL,
    method=Method.DEDUCT_MISSING,
    target=D(3),
    per_points=D("1.5"),
)
RATIO = replace(
    COUNT,
    code="share",
    unit="%",
    kind=Kind.RATIO,
    method=Method.PROPORTIONAL,
    target=D("0.9"),
    per_points=None,
    num_name="按期办结的决议数",
    den_name="到期应办结的决议数",
    na_when="den == 0",
)


def count(**changes: Any) -> Indicator:
    return replace(COUNT, **changes)


def ratio(**changes: Any) -> Indicator:
    return replace(RATIO, **changes)


def share(num: int | str, den: int | str) -> Ratio:
    return Ratio(D(num), D(den))


def scheme_of(*indicators: Indicator, **changes: Any) -> Scheme:
    """A scheme of these indicators alone, with the default's bands."""
    whole = Scheme(
        code="small",
        name_zh="小",
        name_en="small",
        version="1",
        groups=(Group("g", "组", "group", sum((one.weight for one in indicators), D(0))),),
        indicators=indicators,
        bands=(Band(D(90), "好", "good"), Band(D(70), "一般", "average"), Band(D(0), "差", "poor")),
        vetoes=(Veto("v_fraud", "弄虚作假", D("59.99")),),
        bonus_cap=D(5),
        penalty_cap=D(5),
    )
    return replace(whole, **changes)


def facts_of(indicator: Indicator, *units: Value | None, **changes: Any) -> Facts:
    return replace(Facts({indicator.code: units}), **changes)


NUMBERS = st.decimals(min_value=0, max_value=60, places=1)
PARTS = st.integers(min_value=0, max_value=400)


def values_of(indicator: Indicator) -> st.SearchStrategy[Value | None]:
    """Any value that may be reported for an indicator, none included."""
    if indicator.kind is Kind.BOOLEAN:
        return st.none() | st.booleans()
    if indicator.kind is Kind.RATIO:
        return st.none() | st.builds(lambda num, den: Ratio(D(num), D(den)), PARTS, PARTS)
    return st.none() | NUMBERS


def units_of(indicator: Indicator) -> st.SearchStrategy[tuple[Value | None, ...]]:
    most = 3 if indicator.per is Per.BRANCH else 1
    return st.lists(values_of(indicator), max_size=most).map(tuple)


EITHER = st.booleans()


def any_facts(final: st.SearchStrategy[bool] = EITHER) -> st.SearchStrategy[Facts]:
    """Facts of one school under the default scheme."""
    scheme = default_scheme()
    codes = [indicator.code for indicator in scheme.indicators]
    return st.builds(
        Facts,
        values=st.fixed_dictionaries({indicator.code: units_of(indicator) for indicator in scheme.indicators}),
        not_applicable=st.frozensets(st.sampled_from(codes), max_size=6),
        bonus=st.decimals(min_value=0, max_value=12, places=2),
        penalty=st.decimals(min_value=0, max_value=12, places=2),
        veto=st.none() | st.sampled_from([veto.code for veto in scheme.vetoes]),
        final=final,
    )


QUARTERS = st.integers(min_value=1, max_value=4)
