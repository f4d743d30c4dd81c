from dataclasses import FrozenInstanceError
from decimal import Decimal as D

import pytest

from tenants.schemes.format import default_scheme
from tenants.scoring.values import Accumulate, Band, Method, Period, PointItem
from tests.tenants.scoring.examples import COUNT, count, ratio, scheme_of

PAPERS = count(method=Method.CHECKLIST, target=None, checklist=("甲", "乙"), accumulate=Accumulate.SNAPSHOT)
STEADY = D(3)
DUE = [
    # indicator, targets in Q1..Q4
    (COUNT, (STEADY,) * 4),
    (count(quarter_targets=(D(8), D(12), D(5), None)), (8, 12, 5, None)),
    (count(quarter_targets=(D(8), D(12), D(0), D(1))), (8, 12, None, 1)),
    (count(cumulative_targets=(D(0), D(1), D(2), D(3)), accumulate=Accumulate.YTD), (None, 1, 2, 3)),
    (count(accumulate=Accumulate.SEMESTER), (None, 3, None, 3)),
    (count(accumulate=Accumulate.YEAR), (None, None, None, 3)),
    (count(accumulate=Accumulate.SCHOOL_YEAR), (None, None, 3, None)),
    (count(period=Period.HALF_YEAR), (None, 3, None, 3)),
    (count(period=Period.HALF_YEAR, quarter_targets=(D(1), None, D(1), None)), (1, None, 1, None)),
    (PAPERS, (2, 2, 2, 2)),
    (count(target=None), (None,) * 4),
    (count(target=D(0)), (None,) * 4),
    (count(target=None, method=Method.DEDUCT_EVENT), (0, 0, 0, 0)),
    (count(target=D(0), method=Method.OVERDUE), (0, 0, 0, 0)),
    (count(target=True, method=Method.THRESHOLD), (True,) * 4),
]


@pytest.mark.parametrize(("indicator", "targets"), DUE)
def test_when_and_how_much_is_due(indicator, targets):
    assert tuple(indicator.target_in(quarter) for quarter in (1, 2, 3, 4)) == targets
    assert [indicator.is_due(quarter) for quarter in (1, 2, 3, 4)] == [target is not None for target in targets]


QUARTERS = [(1, 29, 74), (2, 36, 93), (3, 30, 76), (4, 39, 100)]


@pytest.mark.parametrize(("quarter", "indicators", "points"), QUARTERS)
def test_what_the_default_scheme_asks_in_each_quarter(quarter, indicators, points):
    due = default_scheme().due(quarter)
    assert (len(due), sum(indicator.weight for indicator in due)) == (indicators, points)


def test_finding_by_code():
    scheme = scheme_of(COUNT, ratio())
    assert scheme.indicator("share").code == "share"
    assert scheme.veto("v_fraud").cap == D("59.99")
    for find in (scheme.indicator, scheme.veto):
        with pytest.raises(KeyError):
            find("nobody")


BANDS = [("100", "好"), ("90", "好"), ("89.99", "一般"), ("70", "一般"), ("69.99", "差"), ("0", "差")]


@pytest.mark.parametrize(("total", "name"), BANDS)
def test_bands_are_half_open(total, name):
    assert scheme_of(COUNT).band(D(total)).name_zh == name


def test_below_every_band_is_the_lowest():
    scheme = scheme_of(COUNT, bands=(Band(D(60), "合格", ""), Band(D(90), "优秀", "")))
    assert scheme.band(D(10)).name_zh == "合格"


def test_a_denominator_of_zero_takes_a_ratio_out_only_where_the_scheme_says_so():
    assert ratio(na_when="den==0").na_when_den_zero
    assert not ratio(na_when=None).na_when_den_zero
    assert not count(na_when="支部未设委员会").na_when_den_zero


AWARD = PointItem("b_award", "表彰", {"区县": D("0.5"), "市": D(1), "省": D(2)}, cap=D(3), highest_only=True)
POINTS = [
    (AWARD.for_levels(["区县", "省"]), "2"),
    (AWARD.for_levels([]), "0"),
    (PointItem("b", "交流", {"区县": D("0.5"), "市": D(1)}, cap=D(1)).for_levels(["区县", "市"]), "1"),
    (PointItem("b", "交流", {"区县": D("0.5"), "市": D(1)}).for_levels(["区县", "市"]), "1.5"),
    (PointItem("p_late", "逾期", per_event=D("0.5"), cap=D(2)).for_events(3), "1.5"),
    (PointItem("p_late", "逾期", per_event=D("0.5"), cap=D(2)).for_events(9), "2"),
    (AWARD.for_events(9), "0"),
]


@pytest.mark.parametrize(("points", "wanted"), POINTS)
def test_bonus_and_penalty_items(points, wanted):
    assert points == D(wanted)


def test_values_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        COUNT.weight = D(5)
