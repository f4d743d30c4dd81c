from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.scoring.ranking import median, movement, percentile, rank

TOTALS = st.dictionaries(st.integers(), st.decimals(min_value=0, max_value=105, places=2), max_size=40)
RANKS = [
    ({}, {}),
    ({"a": "90"}, {"a": 1}),
    ({"a": "80", "b": "95", "c": "95.00", "d": "70"}, {"b": 1, "c": 1, "a": 3, "d": 4}),
    ({"a": "90", "b": "85.5", "c": "85.50", "d": "85.49"}, {"a": 1, "b": 2, "c": 2, "d": 4}),
]


@pytest.mark.parametrize(("totals", "places"), RANKS)
def test_rank(totals, places):
    ranked = rank({key: D(total) for key, total in totals.items()})
    assert ranked == places
    assert list(ranked) == list(places)


@given(TOTALS)
def test_a_place_is_one_more_than_the_number_of_better_ones(totals):
    assert rank(totals) == {key: 1 + sum(other > mine for other in totals.values()) for key, mine in totals.items()}


def test_movement():
    assert movement({"a": 3, "b": 1, "c": 2}, {"a": 1, "b": 4, "c": 2, "new": 3}) == {
        "a": 2,
        "b": -3,
        "c": 0,
        "new": None,
    }


MIDDLES = [(["5"], "5"), (["1", "9"], "5"), (["9", "1", "2"], "2"), (["72.54", "80.01", "90", "100"], "85.005")]


@pytest.mark.parametrize(("totals", "middle"), MIDDLES)
def test_median(totals, middle):
    assert median(map(D, totals)) == D(middle)


PERCENTILES = [("0", "10"), ("25", "20"), ("50", "30"), ("90", "46"), ("100", "50"), ("12.5", "15")]


@pytest.mark.parametrize(("percent", "value"), PERCENTILES)
def test_percentile(percent, value):
    assert percentile(map(D, (50, 10, 40, 20, 30)), D(percent)) == D(value)


@pytest.mark.parametrize(("totals", "percent"), [([], "50"), ([D(1)], "100.1"), ([D(1)], "-1")])
def test_no_percentile(totals, percent):
    with pytest.raises(ValueError, match="percentile"):
        percentile(totals, D(percent))
