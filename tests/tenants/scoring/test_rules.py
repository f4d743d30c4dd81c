from decimal import Decimal as D
from fractions import Fraction

import pytest

from tenants.scoring.engine import score, shortfall_words
from tenants.scoring.rules import counted_in, half_up, plain, points, rule_words, shortfall
from tenants.scoring.values import Kind, Method
from tests.tenants.scoring.examples import count, facts_of, ratio, scheme_of, share

THRESHOLD = count(method=Method.THRESHOLD, target=D(1), weight=D(3))
YES = count(method=Method.THRESHOLD, target=True, kind=Kind.BOOLEAN, unit="是/否")
PROPORTIONAL = count(method=Method.PROPORTIONAL, target=D(16), weight=D(2))
MISSING = count()
PERCENT_MISSING = ratio(method=Method.DEDUCT_MISSING, per_points=D(20), target=D("0.9"), weight=D(2))
EVENT = count(method=Method.DEDUCT_EVENT, target=D(0), per_points=D(1), weight=D(3))
CASES_LEFT = ratio(
    method=Method.DEDUCT_EVENT,
    target=D(1),
    per_points=D(2),
    event_expr_den_minus_num=True,
    num_name="经党组织会议集体决定的三重一大事项数",
    den_name="本季度发生的三重一大事项数",
)
STEP = ratio(
    method=Method.DEDUCT_STEP,
    target=D("0.90"),
    step=D("0.01"),
    per_points=D("0.2"),
    weight=D(2),
    num_name="实到人次",
    den_name="应到人次",
)
COUNT_STEP = count(method=Method.DEDUCT_STEP, target=D(20), step=D(5), per_points=D(1))
MONTHS = count(method=Method.OVERDUE, kind=Kind.DATE, unit="月", target=D(0), grace=D(2), per_points=D(1), weight=D(3))
CHECKLIST = count(
    method=Method.CHECKLIST,
    kind=Kind.ATTACHMENT,
    unit="项",
    target=None,
    checklist=("甲", "乙", "丙", "丁"),
    weight=D(2),
)
HOURS = ratio(unit="学时", target=D(16), weight=D(3), num_name="党员集中学习总学时", den_name="党员人数")
FUND = ratio(
    target=D("0.02"),
    weight=D(3),
    num_name="年初预算安排的党建工作经费（元）",
    den_name="年初预算公用经费总额（元）",
    na_when=None,
)

# indicator, value, points, what is lacking, words for it
CASES = [
    (THRESHOLD, D(1), "3", "0", None),
    (THRESHOLD, D(2), "3", "0", None),
    (THRESHOLD, D(0), "0", "1", "还差 1 次"),
    (THRESHOLD, D("0.5"), "0", "0.5", "还差 0.5 次"),
    (YES, True, "4", None, None),
    (YES, False, "0", None, "还没有达到要求"),
    (PROPORTIONAL, D(16), "2", "0", None),
    (PROPORTIONAL, D(20), "2", "0", None),
    (PROPORTIONAL, D(12), "1.5", "4", "还差 4 次"),
    (PROPORTIONAL, D(0), "0", "16", "还差 16 次"),
    (ratio(weight=D(2)), share(9, 10), "2", "0", None),
    (ratio(weight=D(2)), share(6, 10), "1.33", "3", "还差 3 项"),
    (ratio(weight=D(2)), share(11, 10), "2", "0", None),
    (ratio(weight=D("0.375"), target=D(1)), share(1, 3), "0.13", "2", "还差 2 项"),  # a tie only if thirds stay exact
    (HOURS, share(960, 60), "3", "0", None),
    (HOURS, share(600, 60), "1.88", "360", "还差 360 学时"),
    (FUND, share(24000, 1200000), "3", "0", None),
    (FUND, share(15000, 1200000), "1.88", "9000", "还差 9000 元"),
    (FUND, share(0, 0), "0", None, "还没有达到要求"),
    (ratio(num_name="参加的支部"), share(1, 2), "2.22", "1", "还差 1"),
    (MISSING, D(3), "4", "0", None),
    (MISSING, D(4), "4", "0", None),
    (MISSING, D(2), "2.5", "1", "还差 1 次"),
    (MISSING, D(1), "1", "2", "还差 2 次"),
    (MISSING, D(0), "0", "3", "还差 3 次"),  # 4.5 off, floored
    (PERCENT_MISSING, share(85, 100), "1", "5", "还差 5 项"),
    (EVENT, D(0), "3", "0", None),
    (EVENT, D(1), "2", "1", "超出 1 次"),
    (EVENT, D(3), "0", "3", "超出 3 次"),
    (EVENT, D(4), "0", "4", "超出 4 次"),
    (CASES_LEFT, share(6, 6), "4", "0", None),
    (CASES_LEFT, share(7, 6), "4", "0", None),
    (CASES_LEFT, share(5, 6), "2", "1", "还差 1 项"),
    (CASES_LEFT, share(3, 6), "0", "3", "还差 3 项"),
    (STEP, share(90, 100), "2", "0", None),
    (STEP, share(895, 1000), "2", "5", "还差 5 人次"),  # half a step does not count
    (STEP, share(89, 100), "1.8", "1", "还差 1 人次"),
    (STEP, share(855, 1000), "1.2", "45", "还差 45 人次"),
    (STEP, share(0, 100), "0", "90", "还差 90 人次"),
    (COUNT_STEP, D(11), "3", "9", "还差 9 次"),
    (COUNT_STEP, D(10), "2", "10", "还差 10 次"),
    (MONTHS, D(0), "3", "0", None),
    (MONTHS, D(2), "3", "0", None),
    (MONTHS, D("2.1"), "2", "1", "超出 1 个月"),
    (MONTHS, D(4), "1", "2", "超出 2 个月"),
    (MONTHS, D(6), "0", "4", "超出 4 个月"),
    (CHECKLIST, D(4), "2", "0", None),
    (CHECKLIST, D(3), "1.5", "1", "还差 1 项"),
    (CHECKLIST, D(5), "2", "0", None),
    (CHECKLIST, D(0), "0", "4", "还差 4 项"),
]


@pytest.mark.parametrize(("indicator", "value", "earned", "lacking", "said"), CASES)
def test_points_and_what_is_lacking(indicator, value, earned, lacking, said):
    target = indicator.target_in(1)
    assert half_up(points(indicator, target, value)) == D(earned)
    assert shortfall(indicator, target, value) == (None if lacking is None else D(lacking))
    row = score(scheme_of(indicator), 1, facts_of(indicator, value)).items[0]
    sentence = shortfall_words(indicator, row)
    assert (row.earned, row.shortfall) == (D(earned), None if lacking is None else D(lacking))
    assert (None if sentence is None else str(sentence)) == said


WHY = [
    (MISSING, D(1), "目标 3 次，实报 1 次，少 2 次；每少 1 次扣 1.5 分，扣 3 分，得 1 分。"),
    (MISSING, D(0), "目标 3 次，实报 0 次，少 3 次；每少 1 次扣 1.5 分，应扣 4.5 分，扣完为止，得 0 分。"),
    (MISSING, D(3), "目标 3 次，实报 3 次，达到目标，得 4 分。"),
    (THRESHOLD, D(0), "目标 1 次，实报 0 次，少 1 次；达到目标得满分，未达到不得分，得 0 分。"),
    (YES, True, "要求为“是”，实报“是”，达到目标，得 4 分。"),
    (YES, False, "要求为“是”，实报“否”，没有达到要求；达到目标得满分，未达到不得分，得 0 分。"),
    (PROPORTIONAL, D(12), "目标 16 次，实报 12 次，少 4 次；按完成目标的比例计分，得 1.5 分。"),
    (
        STEP,
        share(855, 1000),
        "目标 90%，实报 85.5%（实到人次 855，应到人次 1000），低 4.5 个百分点；"
        "每低 1 个百分点扣 0.2 分，不足 1 个百分点的部分不计，扣 0.8 分，得 1.2 分。",
    ),
    (
        HOURS,
        share(600, 60),
        "目标 16 学时，实报 10 学时（党员集中学习总学时 600，党员人数 60），"
        "少 6 学时；按完成目标的比例计分，得 1.88 分。",
    ),
    (
        CASES_LEFT,
        share(5, 6),
        "目标 100%，实报 83.33%（经党组织会议集体决定的三重一大事项数 5，本季度发生的三重一大事项数 6），"
        "有 1 项没有做到；每有 1 项没有做到扣 2 分，扣 2 分，得 2 分。",
    ),
    (
        FUND,
        share(0, 0),
        "目标 2%，实报 无法计算（年初预算安排的党建工作经费（元） 0，年初预算公用经费总额（元） 0），"
        "没有达到要求；按完成目标的比例计分，得 0 分。",
    ),
    (
        PERCENT_MISSING,
        share(85, 100),
        "目标 90%，实报 85%（按期办结的决议数 85，到期应办结的决议数 100），"
        "低 5 个百分点；每低 1 个百分点扣 0.2 分，扣 1 分，得 1 分。",
    ),
    (EVENT, D(1), "目标 0 次，实报 1 次，超出 1 次；每发生 1 次扣 1 分，扣 1 分，得 2 分。"),
    (EVENT, D(0), "目标 0 次，实报 0 次，达到目标，得 3 分。"),
    (COUNT_STEP, D(11), "目标 20 次，实报 11 次，少 9 次；每低 5 次扣 1 分，不足 5 次的部分不计，扣 1 分，得 3 分。"),
    (
        MONTHS,
        D(4),
        "目标 0 个月，实报 4 个月，超过宽限期 2 个月；宽限 2 个月，此后每超 1 个月扣 1 分，扣 2 分，得 1 分。",
    ),
    (CHECKLIST, D(3), "目标 4 项，实报 3 项，少 1 项；按齐备项数的比例计分，得 1.5 分。"),
]


@pytest.mark.parametrize(("indicator", "value", "sentence"), WHY)
def test_why(indicator, value, sentence):
    assert str(score(scheme_of(indicator), 1, facts_of(indicator, value)).items[0].why) == sentence


def test_why_of_several_branches():
    row = score(scheme_of(MISSING), 1, facts_of(MISSING, D(3), None, D(2))).items[0]
    assert str(row.why) == (
        "目标 3 次；3 个支部分别报 3 次、未报、2 次；每少 1 次扣 1.5 分，各得 4、0、2.5 分，平均得 2.17 分。"
    )


def test_a_count_whose_ratio_does_not_say_its_unit_speaks_of_matters():
    indicator = ratio(method=Method.DEDUCT_EVENT, event_expr_den_minus_num=True, per_points=D(1), num_name="参加的支部")
    assert counted_in(indicator).text == ""
    assert str(rule_words(indicator)) == "每有 1 项没有做到扣 1 分"


ROUNDED = [
    ("1/8", "0.13"),
    ("1/3", "0.33"),
    ("2/3", "0.67"),
    ("0", "0.00"),
    ("5/1000", "0.01"),
    ("4999/1000000", "0.00"),
]


@pytest.mark.parametrize(("number", "rounded"), ROUNDED)
def test_half_up(number, rounded):
    assert str(half_up(Fraction(number))) == rounded


PLAIN = [
    ("3.00", "3"),
    ("2.50", "2.5"),
    ("1E+3", "1000"),
    ("0.00", "0"),
    ("-0", "0"),
    ("100", "100"),
    ("1E-7", "0.0000001"),
]


@pytest.mark.parametrize(("number", "text"), PLAIN)
def test_plain(number, text):
    assert plain(D(number)) == text
