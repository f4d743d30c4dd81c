from decimal import Decimal as D
from pathlib import Path

import pytest

from tenants.schemes.yaml_text import read_yaml
from tenants.scoring.tables import TableError, TablesReport, check, evaluate, item_result, show, sum_warnings

PUBLISHED = read_yaml((Path(__file__).parents[2] / "data" / "published_tables.yaml").read_text(encoding="utf-8"))


def test_every_printed_vector_comes_out_exactly():
    report = check(PUBLISHED)
    assert (report.passed, report.total, report.failures, report.is_exact) == (34, 34, (), True)


def test_sums_that_do_not_add_up_are_told():
    assert [str(warning) for warning in check(PUBLISHED).warnings] == [
        "R01《中小学校（幼儿园、职业中学）党组织分类定级评分参考标准》“党员队伍好”印的是 20 分，"
        "各项合计 15 分，少 5 分；请对照原件再定。",
        "R09《党风廉政建设量化考核评分一览表 (2012)》“宣传教育”印的是 24 分，各项合计 22 分，少 2 分；请对照原件再定。",
    ]


def item(points="10", **rule):
    return {"item_no": 1, "points": D(points), "rules": [{"id": "x", **rule}]}


RULES = [
    # item, fact, result
    (item(type="once", pts=3), 1, "7"),
    (item(type="once", pts=3), True, "7"),
    (item(type="once", pts=3), 0, "10"),
    (item(type="per_event", pts=3), 4, "0"),
    (item(type="per_event", pts=3, cap=8), 4, "2"),
    (item(type="per_missing", pts=D("0.5"), target=4), 2, "9"),
    (item(type="per_missing", pts=D("0.5"), target=4), 5, "10"),
    (item(type="per_pp", pts=D("0.2"), target=70), 65, "9"),
    (item(type="per_pp", pts=D("0.2"), target=70), D("69.5"), "9.9"),
    (item(type="per_month", pts=1, grace=2), 5, "7"),
    (item(type="per_month", pts=1, grace=2), 2, "10"),
    (item(type="per_month", pts=1), 2, "8"),
    (item(type="range", lo=1, hi=2), D("1.5"), "8.5"),
    (item(type="range", lo=1, hi=2), 0, "10"),
    (item(type="zero"), 1, "0"),
    (item(type="zero"), 0, "10"),
    (item(type="gain_per", pts=D("0.5"), cap=2), 7, "12"),
    (item(type="gain_per", pts=D("0.5")), 1, "10.5"),
    (item("3", type="two_way_step", target=30, step=10, pts=1), 50, "5"),
    (item("3", type="two_way_step", target=30, step=10, pts=1), 12, "2"),
    (item("3", type="two_way_step", target=30, step=10, pts=1), 39, "3"),
    (item("3", type="two_way_step", target=30, step=10, pts=1, cap=1), 90, "4"),
    (item("3", type="two_way_step", target=30, step=10, pts=1, cap=1), 0, "2"),
    (item(type="note"), 1, "10"),
    (item(type="levels", levels={"好": 20, "差": 0}), "好", "20"),
]


@pytest.mark.parametrize(("printed", "fact", "result"), RULES)
def test_each_kind_of_rule(printed, fact, result):
    assert show(item_result(printed, {"x": fact})) == result


def test_levels_beside_the_item():
    printed = {"item_no": 1, "points": 20, "levels": {"好": 20, "较好": 15, "差": 0}}
    assert [show(item_result(printed, {"level": level})) for level in ("好", "较好", "差")] == ["20", "15", "0"]


def test_a_shut_gate_keeps_no_gain():
    printed = {"points": 2, "rules": [{"id": "none", "type": "zero"}, {"id": "more", "type": "gain_per", "pts": 1}]}
    assert item_result(printed, {"none": 1, "more": 3}) == 0


def test_a_rule_without_a_fact_changes_nothing():
    assert item_result(item(type="per_missing", pts=1, target=4), {}) == 10


REFUSED = [
    (item(type="range", lo=1, hi=2), {"x": 3}, "“x”扣 3 分，不在印出的范围内"),
    (item(type="magic"), {"x": 1}, "不认识计分规则“magic”"),
    (item(type="once", pts=1), {"y": 1}, "这一项没有名为“y”的规则"),
    (item(type="once", pts=1), {"x": D("NaN")}, "“NaN”不是数字"),
    (item(type="once", pts=1), {"x": 1.5}, "“1.5”不是数字"),
    (item(type="levels", levels={"好": 20}), {"x": "坏"}, "这一项没有“坏”这一档"),
]


@pytest.mark.parametrize(("printed", "facts", "said"), REFUSED)
def test_what_cannot_be_computed(printed, facts, said):
    with pytest.raises(TableError) as refused:
        item_result(printed, facts)
    assert str(refused.value) == said


FORMULAS = [
    ("1 + 2*3", "7"),
    ("(1 + 2)*3", "9"),
    ("10 - 4 - 3", "3"),
    ("12 / 4 / 3", "1"),
    ("-a + +b - -a", "2.5"),
    ("0.70*(0.50*a + 0.50*b) + 0.30*a", "1.525"),
    ("min(a, b, 0.1) + max(a, b)", "2.6"),
    ("min", "4"),
    ("1/3 + 1/3 + 1/3", "1"),
    ("1/3", "1/3"),
    ("分值 * 2", "10"),
    ("0.1 + 0.2", "0.3"),
]
VALUES = {"a": 1, "b": D("2.5"), "min": 4, "分值": 5}


@pytest.mark.parametrize(("formula", "result"), FORMULAS)
def test_formulas(formula, result):
    assert show(evaluate(formula, VALUES)) == result


BAD_FORMULAS = [
    "",
    "1 +",
    "(1",
    "1)",
    "a b",
    "c",
    "min(1",
    "max()",
    "2 ** 3",
    "a.b",
    "__import__('os')",
    "1e5",
    "1/0",
    "a/(1-a)",
]
BAD_FORMULAS += ["[1]", "'x'", "((" * 20 + "1" + "))" * 20, "1+" * 200 + "1", "a=1", "1 if a else 2", "lambda: 1"]


@pytest.mark.parametrize("formula", BAD_FORMULAS)
def test_what_is_no_formula(formula):
    with pytest.raises(TableError):
        evaluate(formula, VALUES)


def table(**parts):
    section = {"name": "甲", "printed_points": 10, "items": [{"item_no": 1, "points": 10, "rules": []}]}
    return {"id": "T1", "title": "表", "sections": [section], **parts}


BANDS = [{"min": 80, "zh": "合格"}, {"min": 90, "zh": "优秀"}]
FAILURES = [
    # table, place, sentence
    (table(tests=[{"item": 2, "facts": {}, "expect": 1}]), "T1 tests 1", "表中没有编号为“2”的项"),
    (table(tests=[{"item": 1, "facts": {}, "expect": 9}]), "T1 tests 1", "应为 9，算得 10"),
    (table(tests=[{"item": 1, "expect": 9}]), "T1 tests 1", "这里缺少内容或写法不对，无法计算"),
    (table(tests=["x"]), "T1 tests 1", "这里缺少内容或写法不对，无法计算"),
    (table(tests=7), "T1 tests", "这里缺少内容或写法不对，无法计算"),
    (
        table(sections=table()["sections"] * 2, tests=[{"item": 1, "facts": {}, "expect": 1}]),
        "T1 tests 1",
        "表中有 2 个编号为“1”的项，请写成“部分名/编号”",
    ),
    (
        table(formula="1 +", formula_tests=[{"values": {}, "expect": 1}]),
        "T1 formula_tests 1",
        "算式写到“末尾”这里读不下去",
    ),
    (table(formula="1/0", formula_tests=[{"values": {}, "expect": 1}]), "T1 formula_tests 1", "算式里除以了 0"),
    (table(bands=BANDS, band_tests=[{"score": 79, "expect": "合格"}]), "T1 band_tests 1", "79 分不在任何一档"),
    (table(bands=BANDS, band_tests=[{"score": 90, "expect": "合格"}]), "T1 band_tests 1", "应为 合格，算得 优秀"),
    ("x", "tables.0", "这里缺少内容或写法不对，无法计算"),
    (
        table(sections=[{"name": "甲", "printed_points": "ten", "items": [{"points": 1}]}]),
        "T1 sections",
        "“ten”不是数字",
    ),
    (table(sections=[{"printed_points": 3}]), "T1 sections", "这里缺少内容或写法不对，无法计算"),
]


@pytest.mark.parametrize(("printed", "where", "said"), FAILURES)
def test_a_failure_says_where_and_what(printed, where, said):
    report = check({"tables": [printed]})
    assert (report.failures[0].where, str(report.failures[0].words)) == (where, said)
    assert report.passed == 0
    assert not report.is_exact


def test_one_bad_vector_does_not_hide_the_good_ones():
    vectors = [{"item": "甲/1", "facts": {}, "expect": 10}, {"item": 1, "facts": {}, "expect": 10}, {"item": 9}]
    report = check({"tables": [table(tests=vectors)]})
    assert (report.passed, report.total, len(report.failures)) == (2, 3, 1)


@pytest.mark.parametrize("data", [None, [], {}, {"tables": 3}, "tables"])
def test_no_tables(data):
    report = check(data)
    assert (report.total, report.is_exact) == (0, False)


def test_an_empty_file_is_exact():
    assert check({"tables": []}) == TablesReport(0, 0, (), ())


def section(printed, points, **flags):
    return {"name": "甲", "printed_points": printed, "item_points": points, **flags}


SUMS = [
    (section(10, [4, 6]), []),
    (section(10, [4, 6], sum_check={"ok": False}), []),  # the file's own flag is not believed
    (
        section(10, [4, 7], sum_check={"ok": True}),
        ["T1《表》“甲”印的是 10 分，各项合计 11 分，多 1 分；请对照原件再定。"],
    ),
    (section(10, [4, 4], sum_check={"ok": None}), []),
    (section(None, [4]), []),
    (section(10, [4, None]), []),
    (section(10, []), []),
    (
        {"name": "甲", "items": [{"item_no": 3, "points": 11, "split": {"组织科": 4, "电教科": 6}}]},
        ["T1《表》第 3 项的分解印的是 11 分，各项合计 10 分，少 1 分；请对照原件再定。"],
    ),
]


@pytest.mark.parametrize(("printed", "warnings"), SUMS)
def test_sums(printed, warnings):
    assert [str(warning) for warning in sum_warnings(table(sections=[printed]))] == warnings
