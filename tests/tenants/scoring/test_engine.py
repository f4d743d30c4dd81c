from dataclasses import replace
from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants.schemes.format import default_scheme, default_text
from tenants.schemes.yaml_text import read_yaml
from tenants.scoring.engine import score, shortfall_words
from tenants.scoring.values import ASKS_FOR_LESS, Facts, ItemState, Kind, Light, Per, Ratio
from tests.tenants.scoring.examples import QUARTERS, any_facts, count, facts_of, ratio, scheme_of, share, values_of

COUNT = count()
RATIO = ratio()
BRANCHES = count(per=Per.BRANCH)
EXAMPLES = read_yaml(default_text())["examples"]


def value_of(raw):
    return Ratio(*map(D, raw)) if isinstance(raw, list) else raw if raw is None or isinstance(raw, bool) else D(raw)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["name"][:2])
def test_the_worked_examples_of_the_default_scheme(example):
    facts = Facts(
        values={code: (value_of(row["value"]),) for code, row in example["indicators"].items()},
        not_applicable=frozenset(example["not_applicable"]),
        bonus=example["bonus"],
        penalty=example["penalty"],
        veto=example["veto"],
    )
    result = score(default_scheme(), example["quarter"], facts)
    earned = {item.code: item.earned for item in result.items if item.state is not ItemState.NOT_APPLICABLE}
    assert earned == {code: row["earned"] for code, row in example["indicators"].items()}
    assert (result.earned, result.weight, result.base) == tuple(
        example[f] for f in ("earned_sum", "weight_sum", "base")
    )
    assert (result.total, result.grade.name_zh) == (example["total"], example["grade"])


STATES = [
    # facts, state, earned, lost, open, light, sentence
    (Facts({}), ItemState.MISSING, "0", "4", "0", Light.RED, "到期没有报送，按 0 分计，亮红灯。"),
    (facts_of(COUNT), ItemState.MISSING, "0", "4", "0", Light.RED, "到期没有报送，按 0 分计，亮红灯。"),
    (facts_of(COUNT, None, None), ItemState.MISSING, "0", "4", "0", Light.RED, "到期没有报送，按 0 分计，亮红灯。"),
    (Facts({}, final=False), ItemState.OPEN, "0", "0", "4", None, "还没有报送，暂不计得分，也不计失分。"),
    (
        facts_of(COUNT, D(0), not_applicable=frozenset({"meetings"})),
        ItemState.NOT_APPLICABLE,
        "0",
        "0",
        "0",
        None,
        "经确认本季度不适用，得分和满分都不计。",
    ),
]


@pytest.mark.parametrize(("facts", "state", "earned", "lost", "still_open", "light", "why"), STATES)
def test_what_is_not_reported(facts, state, earned, lost, still_open, light, why):
    result = score(scheme_of(COUNT), 1, facts)
    row = result.items[0]
    assert (row.state, row.light, str(row.why)) == (state, light, why)
    assert (result.earned, result.lost, result.open) == (D(earned), D(lost), D(still_open))
    assert row.shortfall is None


def test_words_for_what_is_not_reported():
    scheme = scheme_of(COUNT)
    said = [shortfall_words(COUNT, score(scheme, 1, facts).items[0]) for facts, *_ in STATES]
    assert [None if words is None else str(words) for words in said] == ["还没有报送"] * 3 + [None, None]


def test_a_ratio_without_cases_leaves_numerator_and_denominator():
    result = score(scheme_of(RATIO, COUNT), 1, Facts({"share": (share(0, 0),), "meetings": (D(3),)}))
    assert (result.weight, result.base) == (4, 100)
    assert str(result.items[0].why) == "到期应办结的决议数为 0，本季度没有可考核的内容，得分和满分都不计。"


def test_a_ratio_without_cases_scores_nothing_where_the_scheme_does_not_excuse_it():
    result = score(scheme_of(ratio(na_when=None)), 1, Facts({"share": (share(0, 0),)}))
    assert (result.items[0].state, result.earned, result.items[0].light) == (ItemState.SCORED, 0, Light.RED)


def test_nothing_applicable_is_worth_nothing():
    result = score(scheme_of(COUNT), 1, Facts({}, not_applicable=frozenset({"meetings"})))
    assert (result.weight, result.base, result.total, result.grade.name_zh) == (0, 0, 0, "差")


UNITS = [
    # branches' values, earned, lacking
    ((D(3), D(3), D(3)), "4", "0"),
    ((D(3), None), "2", "3"),
    ((D(3), D(3), D(2)), "3.5", "1"),
    ((D(2), D(2), D(3)), "3", "2"),
    ((None, D(1), None), "0.33", "8"),
]


@pytest.mark.parametrize(("units", "earned", "lacking"), UNITS)
def test_the_mean_of_the_branches(units, earned, lacking):
    row = score(scheme_of(BRANCHES), 1, facts_of(BRANCHES, *units)).items[0]
    assert (row.earned, row.shortfall) == (D(earned), D(lacking))


def test_the_mean_is_rounded_once():
    thirds = ratio(per=Per.BRANCH, weight=D("0.015"), target=D(1))
    units = (share(1, 3), share(1, 3), share(1, 3))
    assert score(scheme_of(thirds), 1, facts_of(thirds, *units)).items[0].earned == D("0.01")  # exactly 0.005, up


def test_a_branch_without_cases_leaves_the_mean():
    shared = ratio(per=Per.BRANCH)
    row = score(scheme_of(shared), 1, facts_of(shared, share(0, 0), share(9, 10))).items[0]
    assert (row.earned, row.values) == (4, (share(9, 10),))


UNKNOWN = [
    (ratio(), (None, share(0, 10)), "9"),  # what a silent branch lacks of a ratio cannot be known
    (count(target=True, kind=Kind.BOOLEAN, method="threshold"), (None, True), None),
    (count(target=D(0), method="deduct_event", per_points=D(1)), (None, D(1)), "1"),
]


@pytest.mark.parametrize(("indicator", "units", "lacking"), UNKNOWN)
def test_what_a_silent_branch_lacks(indicator, units, lacking):
    row = score(scheme_of(indicator), 1, facts_of(indicator, *units)).items[0]
    assert row.shortfall == (None if lacking is None else D(lacking))


def test_values_that_are_not_due_are_ignored():
    later = count(code="later", quarter_targets=(None, D(1), None, D(1)))
    result = score(scheme_of(COUNT, later), 1, Facts({"meetings": (D(3),), "later": (D(0),)}))
    assert [item.code for item in result.items] == ["meetings"]


@pytest.mark.parametrize("quarter", [0, 5, -1])
def test_no_such_quarter(quarter):
    with pytest.raises(ValueError, match="no such quarter"):
        score(scheme_of(COUNT), quarter, Facts({}))


LIGHTS = [("9", Light.GREEN), ("8.99", Light.YELLOW), ("7", Light.YELLOW), ("6.99", Light.RED), ("0", Light.RED)]


@pytest.mark.parametrize(("value", "light"), LIGHTS)
def test_lights(value, light):
    indicator = count(method="proportional", target=D(10), weight=D(10))
    assert score(scheme_of(indicator), 1, facts_of(indicator, D(value))).items[0].light is light


def test_what_is_only_watched_has_no_light():
    indicator = count(weight=D(0))
    assert score(scheme_of(indicator), 1, facts_of(indicator, D(1))).items[0].light is None


TOTALS = [
    # value of the one indicator (3 is all), bonus, penalty, veto, base, total, grade
    ("3", "0", "0", None, "100", "100", "好"),
    ("3", "5", "0", None, "100", "105", "好"),
    ("3", "9", "0", None, "100", "105", "好"),
    ("3", "0", "9", None, "100", "95", "好"),
    ("3", "2", "3.5", None, "100", "98.5", "好"),
    ("2", "1", "0.5", None, "62.5", "63", "差"),
    ("0", "0", "5", None, "0", "0", "差"),
    ("3", "5", "0", "v_fraud", "100", "59.99", "差"),
    ("0", "1", "0", "v_fraud", "0", "1", "差"),
    ("3", "0", "0.005", None, "100", "100", "好"),
]


@pytest.mark.parametrize(("value", "bonus", "penalty", "veto", "base", "total", "grade"), TOTALS)
def test_bonus_penalty_and_veto(value, bonus, penalty, veto, base, total, grade):
    facts = facts_of(COUNT, D(value), bonus=D(bonus), penalty=D(penalty), veto=veto)
    result = score(scheme_of(COUNT), 1, facts)
    assert (result.base, result.total, result.grade.name_zh, result.veto) == (D(base), D(total), grade, veto)


def test_the_ceiling_is_the_scheme_s():
    facts = facts_of(COUNT, D(3), bonus=D(9))
    assert score(scheme_of(COUNT, bonus_cap=D(20), ceiling=D(105)), 1, facts).total == 105
    assert score(scheme_of(COUNT, bonus_cap=D(20), ceiling=D(110)), 1, facts).total == 109


# ---- properties ----------------------------------------------------------------------------------------------------

SCHEME = default_scheme()


@settings(max_examples=50, deadline=None)
@given(any_facts(), QUARTERS)
def test_the_rows_add_up_and_the_caps_hold(facts, quarter):
    result = score(SCHEME, quarter, facts)
    applicable = [item for item in result.items if item.state is not ItemState.NOT_APPLICABLE]
    assert result.earned == sum(item.earned for item in applicable)
    assert result.earned + result.lost + result.open == result.weight == sum(item.weight for item in applicable)
    assert all(0 <= item.earned <= item.weight and item.earned + item.lost <= item.weight for item in applicable)
    assert 0 <= result.base <= 100 and 0 <= result.total <= 105
    assert result.bonus <= SCHEME.bonus_cap and result.penalty <= SCHEME.penalty_cap
    assert facts.veto is None or result.total <= D("59.99")
    assert facts.final or all(item.state is not ItemState.MISSING for item in result.items)


@settings(max_examples=50, deadline=None)
@given(any_facts(), QUARTERS)
def test_every_row_speaks(facts, quarter):
    for item in score(SCHEME, quarter, facts).items:
        said = shortfall_words(SCHEME.indicator(item.code), item)
        assert str(item.why).endswith("。") and "{" not in f"{item.why}{said or ''}"


@settings(max_examples=50, deadline=None)
@given(any_facts(), QUARTERS, st.randoms(use_true_random=False))
def test_the_order_of_the_indicators_does_not_matter(facts, quarter, random):
    shuffled = replace(SCHEME, indicators=tuple(random.sample(SCHEME.indicators, len(SCHEME.indicators))))
    one, other = score(SCHEME, quarter, facts), score(shuffled, quarter, facts)
    assert replace(one, items=()) == replace(other, items=())
    assert {item.code: item for item in one.items} == {item.code: item for item in other.items}


@settings(max_examples=50, deadline=None)
@given(any_facts(), QUARTERS, st.sampled_from([indicator.code for indicator in SCHEME.indicators]))
def test_what_does_not_apply_never_raises_the_earned_sum(facts, quarter, code):
    without = replace(facts, not_applicable=facts.not_applicable | {code})
    before, after = score(SCHEME, quarter, facts), score(SCHEME, quarter, without)
    assert after.earned <= before.earned and after.weight <= before.weight


@settings(max_examples=50, deadline=None)
@given(st.data(), st.sampled_from(SCHEME.indicators))
def test_more_of_what_is_asked_never_costs(data, indicator):
    low, high = (data.draw(values_of(indicator).filter(lambda value: value is not None)) for _ in "ab")
    if isinstance(low, Ratio):
        low, high = (Ratio(value.num, max(low.den, D(1))) for value in (low, high))
    key = {Ratio: lambda value: value.num}.get(type(low), lambda value: value)
    low, high = sorted((low, high), key=key)
    asks_less = indicator.method in ASKS_FOR_LESS and not indicator.event_expr_den_minus_num
    worse, better = (high, low) if asks_less else (low, high)
    earned = [score(SCHEME, 4, facts_of(indicator, value)).earned for value in (worse, better)]
    assert earned[0] <= earned[1]


@settings(max_examples=50, deadline=None)
@given(any_facts(final=st.just(False)), QUARTERS)
def test_the_deadline_turns_open_into_lost(facts, quarter):
    before, after = score(SCHEME, quarter, facts), score(SCHEME, quarter, replace(facts, final=True))
    assert (after.lost, after.open, after.total) == (before.lost + before.open, 0, before.total)
