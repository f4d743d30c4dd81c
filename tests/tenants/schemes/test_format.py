import json
from dataclasses import replace
from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants.errors import Invalid
from tenants.schemes.facts import read_facts, score_facts
from tenants.schemes.format import default_scheme, default_text, load_scheme, scheme_from_data, scheme_to_data
from tenants.schemes.yaml_text import MAX_TEXT, read_yaml
from tenants.scoring.engine import score
from tenants.scoring.values import Facts, Lights, Per, Ratio
from tests.tenants.scoring.examples import NUMBERS, PARTS, scheme_of

SMALL = """\
schema_version: 1
scheme:
  code: small
  name_zh: 小方案
  version: "1"
  grade_bands:
    - {min: 60, zh: 合格}
    - {min: 0, zh: 不合格}
sources:
  DESIGN: {doc: 本区设计, status: design}
groups:
  - {code: org_life, name_zh: 组织生活, weight: 60}
  - {code: funds, name_zh: 保障, weight: 40}
indicators:
  - code: meetings
    name_zh: 会议次数
    group: org_life
    weight: 60
    unit: 次
    kind: count
    period: quarter
    accumulate: in_quarter
    quarter_targets: [3, 3, null, 3]
    method: deduct_missing
    per: 1.5
    sources: [DESIGN]
  - code: fund_share
    name_zh: 经费占比
    group: funds
    weight: 40
    unit: "%"
    kind: ratio
    num: 党建经费（元）
    den: 公用经费（元）
    period: quarter
    accumulate: snapshot
    target: 0.1
    method: proportional
veto:
  - {code: v_fraud, name_zh: 弄虚作假, cap: 59.99}
"""
FUND = "    target: 0.1\n    method: proportional\n"


def problems_of(text):
    with pytest.raises(Invalid) as refused:
        load_scheme(text)
    return {where: str(said) for where, said in refused.value.problems.items()}


def test_a_small_scheme():
    scheme = load_scheme(SMALL)
    assert [indicator.number for indicator in scheme.indicators] == ["1.1", "2.1"]
    assert scheme.indicator("fund_share").target == D("0.1")
    assert scheme.indicator("meetings").quarter_targets == (3, 3, None, 3)
    assert (scheme.lights, scheme.ceiling, scheme.base_total) == (Lights(D("0.90"), D("0.70")), 105, 100)


def test_the_default_scheme():
    scheme = default_scheme()
    assert (len(scheme.groups), len(scheme.indicators), len(scheme.vetoes), len(scheme.library)) == (8, 39, 6, 25)
    assert (len(scheme.bonus_items), len(scheme.penalty_items), scheme.bonus_cap, scheme.penalty_cap) == (5, 3, 5, 5)
    talk = scheme.indicator("secretary_principal_talk_count")
    assert (talk.number, talk.quarter_targets, talk.per_points) == ("3.1", (8, 12, 5, 12), D("0.5"))
    assert scheme.indicator("election_overdue_months").per is Per.BRANCH
    assert scheme.indicator("three_major_collective_rate").event_expr_den_minus_num
    assert scheme.bonus_items[0].levels == {"区县": D("0.5"), "市": 1, "省": 2, "国家": 3}
    assert scheme.groups[4].name_en == "Study, training and members"


def test_the_default_scheme_cites_only_sources_that_it_names_and_no_paths():
    assert "source_documents" not in default_text()
    assert all(source.doc and source.status for source in default_scheme().sources)


def test_a_text_cut_by_a_comma_in_braces_is_put_together_again():
    assert read_yaml('{a: b, c, d: "e, f", g: 2, h, i: , j: k , l}') == {
        **{"a": "b, c", "d": "e, f", "g": 2, "h": None},
        **{"i": None, "j": "k, l"},
    }
    assert load_scheme(SMALL.replace("name_zh: 组织生活,", "name_zh: 组织生活, name_en: Life, of members,")).groups[
        0
    ].name_en == ("Life, of members")


# what is written, what is written instead, place, sentence
WRONG = [
    (
        "group: funds",
        "group: fund",
        "indicators.1.group",
        "第 29 行：没有“fund”这个分组，请先写进 groups，或改用已有的分组。",
    ),
    (
        "    weight: 60\n",
        "    weight: 58.5\n",
        "groups.0.weight",
        "第 12 行：“组织生活”定为 60 分，下面各项合计 58.5 分，少了 1.5 分；请改各项分值，或把这里改为 58.5。",
    ),
    (
        "name_zh: 保障, weight: 40",
        "name_zh: 保障, weight: 45",
        "scheme.base_total",
        "第 3 行：“小方案”定为 100 分，下面各项合计 105 分，多了 5 分；请改各项分值，或把这里改为 105。",
    ),
    ("code: fund_share", "code: meetings", "indicators.1.code", "第 27 行：编码“meetings”重复了，请换一个。"),
    ("code: funds, ", "code: org_life, ", "groups.1.code", "第 13 行：编码“org_life”重复了，请换一个。"),
    (
        "method: deduct_missing",
        "method: deduct_mising",
        "indicators.0.method",
        "第 24 行：没有“deduct_mising”这一种，可以写 threshold、proportional、deduct_missing、deduct_event、"
        "deduct_step、overdue、checklist。",
    ),
    ("kind: count", "kind: number", "indicators.0.kind", None),
    ("period: quarter", "period: monthly", "indicators.0.period", None),
    ("accumulate: snapshot", "accumulate: always", "indicators.1.accumulate", None),
    (
        "    per: 1.5\n",
        "",
        "indicators.0.per",
        "第 15 行：计分方法 deduct_missing 要写 per：每少一次、每发生一次或每超一个月扣几分。",
    ),
    ("per: 1.5", "per: 0", "indicators.0.per", "第 25 行：这里要大于 0。"),
    (
        "[3, 3, null, 3]",
        "[3, 3, 3]",
        "indicators.0.quarter_targets",
        "第 23 行：这里只有 3 项，至少要 4 项；按季度写的目标正好 4 个，没有任务的季度写 null。",
    ),
    (
        "[3, 3, null, 3]",
        "[3, 3, 3, 3, 3]",
        "indicators.0.quarter_targets",
        "第 23 行：这里有 5 项，最多 4 项；按季度写的目标正好 4 个，没有任务的季度写 null。",
    ),
    ("[3, 3, null, 3]", "[3, 3, null, x]", "indicators.0.quarter_targets.3", "第 23 行：这里要写数字。"),
    (
        "[3, 3, null, 3]",
        "[null, null, 0, null]",
        "indicators.0.target",
        "第 15 行：照这样写，哪个季度都不计分；请写大于 0 的目标，并核对 period 和 accumulate。",
    ),
    ("target: 0.1", "target: .nan", "indicators.1.target", "第 37 行：这里不是有限的数，不能写 NaN 或无穷大。"),
    ("target: 0.1", "target: .inf", "indicators.1.target", "第 37 行：这里不是有限的数，不能写 NaN 或无穷大。"),
    ("target: 0.1", "target: -0.1", "indicators.1.target", "第 37 行：这里不能是负数（写的是 -0.1）。"),
    ("target: 0.1", "target: 10", "indicators.1.target", "第 37 行：百分比的目标写成小数：90% 写 0.9。"),
    (
        "target: 0.1",
        "target: 1.0e+300",
        "indicators.1.target",
        "第 37 行：这个数太大或小数位太多，整数和小数各不超过 12 位。",
    ),
    ("target: 0.1", "target: true", "indicators.1.target", "第 37 行：是否类指标的目标写 true，其他指标的目标写数字。"),
    ("    weight: 60\n", "    weight: -60\n", "indicators.0.weight", "第 18 行：这里不能是负数（写的是 -60）。"),
    (
        "    weight: 60\n",
        "    weight: 59.999\n",
        "indicators.0.weight",
        "第 18 行：分值最多写两位小数（写的是 59.999）。",
    ),
    ("    weight: 60\n", "    weight: true\n", "indicators.0.weight", "第 18 行：这里要写数字。"),
    (
        "    weight: 60\n",
        "    wieght: 60\n",
        "indicators.0.wieght",
        "第 18 行：不认识“wieght”，请核对拼写，或删去这一行。",
    ),
    ("    weight: 60\n", "", "indicators.0.weight", "第 15 行：缺少“weight”，请补上。"),
    ("    name_zh: 会议次数\n", "    name_zh: ''\n", "indicators.0.name_zh", "第 16 行：这里不能空着。"),
    (
        "    name_zh: 会议次数\n",
        "    name_zh: 2024\n",
        "indicators.0.name_zh",
        "第 16 行：这里要写文字；数字、日期或是否样的内容请加引号。",
    ),
    (
        "code: meetings",
        "code: 会议",
        "indicators.0.code",
        "第 15 行：编码用小写字母、数字和下划线，以字母开头，不超过 64 个字符。",
    ),
    ("    num: 党建经费（元）\n", "", "indicators.1.num", "第 27 行：比率类指标要写 num 和 den：分子、分母各是什么。"),
    ("    per: 1.5\n", "    per: 1.5\n    na_when: den == 0\n", "indicators.0.na_when", None),
    ("    per: 1.5\n", "    per: 1.5\n    event_expr: den - num\n", "indicators.0.event_expr", None),
    ("    per: 1.5\n", "    per: 1.5\n    cumulative_targets: [1, 2, 3, 4]\n", "indicators.0.cumulative_targets", None),
    (FUND, FUND.replace("proportional", "deduct_event\n    per: 1"), "indicators.1.event_expr", None),
    (
        FUND,
        FUND.replace("proportional", "deduct_event\n    per: 1\n    event_expr: num - den"),
        "indicators.1.event_expr",
        "第 40 行：这里只能写 den - num（分母减分子，即没有做到的件数）。",
    ),
    (FUND, FUND.replace("proportional", "deduct_step\n    per: 1"), "indicators.1.step", None),
    (FUND, FUND.replace("proportional", "checklist"), "indicators.1.checklist", None),
    (FUND, FUND.replace("proportional", "checklist\n    checklist: [甲]"), "indicators.1.kind", None),
    ("kind: count", "kind: boolean", "indicators.0.method", None),
    (
        "sources: [DESIGN]",
        "sources: [DESIGN, X1]",
        "indicators.0.sources.1",
        "第 26 行：sources 里没有登记依据“X1”，请先登记。",
    ),
    ("{min: 0, zh: 不合格}", "{min: 10, zh: 不合格}", "scheme.grade_bands", None),
    ("{min: 60, zh: 合格}", "{min: 0, zh: 合格}", "scheme.grade_bands", None),
    (
        "  grade_bands:\n",
        "  traffic_light: {green: '90', yellow: '>= 0.7'}\n  grade_bands:\n",
        "scheme.traffic_light",
        None,
    ),
    (
        "  grade_bands:\n",
        "  traffic_light: {green: '>= 0.9', yellow: '>= 0.7 and < 0.8'}\n  grade_bands:\n",
        "scheme.traffic_light",
        None,
    ),
    (
        "  grade_bands:\n",
        "  arithmetic: float\n  grade_bands:\n",
        "scheme.arithmetic",
        "第 6 行：这里写的是“float”，目前只支持 decimal。",
    ),
    ("schema_version: 1", "schema_version: 2", "schema_version", None),
    ("schema_version: 1", "schema_version: 1\nextra: 1", "extra", "第 2 行：不认识“extra”，请核对拼写，或删去这一行。"),
    ("cap: 59.99", "cap: 59.99, effect: downgrade", "veto.0.effect", None),
    ("veto:\n", "veto:\n  - {code: v_fraud, name_zh: 重复, cap: 1}\n", "veto.1.code", None),
    (
        "veto:\n",
        "library:\n  - {code: meetings, name_zh: 重, unit: 次, kind: count, period: quarter}\nveto:\n",
        "library.0.code",
        None,
    ),
    ("veto:\n", "bonus: 5\nveto:\n", "bonus", "第 39 行：这里要写成“名称: 内容”的形式。"),
    ("indicators:\n", "indicators: {}\nlibrary:\n", "indicators", "第 14 行：这里要写成列表。"),
]


@pytest.mark.parametrize(("written", "instead", "where", "said"), WRONG)
def test_what_is_wrong_is_named_with_its_place(written, instead, where, said):
    assert written in SMALL
    problems = problems_of(SMALL.replace(written, instead, 1))
    assert where in problems
    assert problems[where].startswith("第 ")
    if said is not None:
        assert problems[where] == said


def test_all_problems_are_told_at_once():
    text = SMALL.replace("weight: 60\n", "weight: 50\n").replace("sources: [DESIGN]", "sources: [X1]")
    assert set(problems_of(text)) == {"groups.0.weight", "indicators.0.sources.0"}


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(99 + n)}: &{chr(99 + n)} [{', '.join(['*' + (chr(98 + n) if n else 'a')] * 10)}]\n" for n in range(8)
)
UNREADABLE = [
    ("a: b: c", "第 1 行附近不是合法的 YAML（mapping values are not allowed in this context）；"),
    ("a: 1\n\tb: 2", "第 2 行附近不是合法的 YAML"),
    ("a: 1\nb: 2\na: 3\n", "第 3 行附近不是合法的 YAML（duplicate key: a）"),
    ("a: [1", "第 2 行附近不是合法的 YAML"),
    ("a: *nobody", "文件里的引用（*）太多"),
    ("a: &a [*a]", "文件里的引用（*）太多"),
    (BOMB, "文件里的引用（*）太多"),
    ("a: &a [x]\nb: [" + "*a, " * 600 + "]", "文件里的引用（*）太多"),
    ("[" * 100, "文件里的引用（*）太多或嵌套太深"),
    ("- " * 100_000, "文件里的引用（*）太多或嵌套太深"),
    ("a: !!python/object/apply:os.system [id]", "第 1 行附近不是合法的 YAML"),
    ("a: !own 3", "第 1 行附近不是合法的 YAML"),
    ("? [1]\n: 2", "第 1 行附近不是合法的 YAML"),
    ("a: b\x00", "文件里有不能识别的字符"),
    ("a: \ud800", "文件里有不能识别的字符"),
    ("a: 190:20:30.15", "文件里有不能识别的字符或数字"),
    ("a: " + "9" * 5000, "文件里有不能识别的字符或数字"),
    ("x" * (MAX_TEXT + 1), "文件超过 1024 KB"),
]


@pytest.mark.parametrize(("text", "said"), UNREADABLE, ids=range(len(UNREADABLE)))
def test_what_is_no_yaml(text, said):
    assert problems_of(text)["file"].startswith(said)


@pytest.mark.parametrize("text", ["", "~", "[]", "a", "# nothing"])
def test_what_is_no_scheme(text):
    assert list(problems_of(text)) == ["file"]


def test_decimals_are_read_from_their_text():
    assert read_yaml("[0.1, 1_000.5, 1.0e-3, 2024-01-05, &a [1], *a]") == [
        D("0.1"), D("1000.5"), D("0.0010"), "2024-01-05", [1], [1],
    ]  # fmt: skip
    assert isinstance(read_yaml("0.1"), D)


@settings(max_examples=40)
@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text):
    with pytest.raises(Invalid):
        load_scheme(text)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(range(len(default_text()) - 40)), st.text(alphabet=" \n:-[]{}&*!|>'\"#%@,0a", max_size=6))
def test_a_damaged_scheme_is_taken_or_refused(place, text):
    whole = default_text()
    damaged = whole[:place] + text + whole[place + len(text) :]
    try:
        load_scheme(damaged)
    except Invalid as refused:
        assert all(str(said) for said in refused.problems.values())


def test_stored_data_lose_nothing():
    for scheme in (default_scheme(), load_scheme(SMALL)):
        stored = json.loads(json.dumps(scheme_to_data(scheme)))
        assert scheme_from_data(stored) == scheme
    assert stored["indicators"][1]["target"] == "0.1"


def test_stored_targets_keep_their_kind():
    back = scheme_from_data(json.loads(json.dumps(scheme_to_data(default_scheme()))))
    assert back.indicator("secretary_principal_config").target is True
    assert isinstance(back.indicator("principal_report_count").target, D)


def test_own_lights_and_ceiling():
    lights = "  traffic_light: {green: '>= 0.95', yellow: '>= 0.8'}\n"
    text = SMALL.replace("  grade_bands:\n", f"  quarter_score: base + bonus, clamp 0..110\n{lights}  grade_bands:\n")
    scheme = load_scheme(text)
    assert (scheme.lights, scheme.ceiling) == (Lights(D("0.95"), D("0.8")), 110)


# ---- facts ---------------------------------------------------------------------------------------------------------

EXAMPLES = read_yaml(default_text())["examples"]


def entry_of(example):
    values = {code: row["value"] for code, row in example["indicators"].items()}
    kept = {field: example[field] for field in ("quarter", "not_applicable", "bonus", "penalty", "veto")}
    return {"id": example["name"], "values": values, **kept}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["name"][:2])
def test_the_worked_examples(example):
    text = json.dumps([entry_of(example)], default=float)
    assert score_facts(default_scheme(), read_facts(text)) == [
        {
            "id": example["name"],
            "indicators": {code: f"{row['earned']:.2f}" for code, row in example["indicators"].items()},
            "base": f"{example['base']:.2f}",
            "total": f"{example['total']:.2f}",
            "grade": example["grade"],
        }
    ]


def facts(**changes):
    return json.dumps([{"id": "s1", "quarter": 1, "values": {"meetings": 3, "fund_share": [2, 100]}, **changes}])


def test_only_what_applies_is_listed():
    scheme = load_scheme(SMALL)
    assert score_facts(scheme, read_facts(facts()))[0]["indicators"] == {"meetings": "60.00", "fund_share": "8.00"}
    without = score_facts(scheme, read_facts(facts(not_applicable=["fund_share"])))[0]
    assert (without["indicators"], without["base"]) == ({"meetings": "60.00"}, "100.00")
    third = score_facts(scheme, read_facts(facts(quarter=3, values={"meetings": "ignored", "fund_share": [10, 100]})))[
        0
    ]
    assert (third["indicators"], third["total"]) == ({"fund_share": "40.00"}, "100.00")


def test_an_id_stays_what_it_was():
    text = (
        '[{"id": 7, "quarter": 1, "values": {}}, {"id": "七", "quarter": 1, "values": {}, "bonus": 1.5, "veto": null}]'
    )
    assert [(row["id"], row["total"]) for row in score_facts(load_scheme(SMALL), read_facts(text))] == [
        (7, "0.00"),
        ("七", "0.00"),
    ]


TOO_BIG = "这个数太大或小数位太多，整数和小数各不超过 12 位"
BAD_FACTS = [
    (facts(quarter=0), "facts.0.quarter", "季度要写 1、2、3 或 4"),
    (facts(quarter=5), "facts.0.quarter", "季度要写 1、2、3 或 4"),
    (facts(quarter=1.5), "facts.0.quarter", "季度要写 1、2、3 或 4"),
    (facts(quarter=True), "facts.0.quarter", "季度要写 1、2、3 或 4"),
    (facts(quarter="2"), "facts.0.quarter", "季度要写 1、2、3 或 4"),
    (facts(id=None), "facts.0.id", "id 要写文字或整数"),
    (facts(id=1.5), "facts.0.id", "id 要写文字或整数"),
    (facts(values=[]), "facts.0.values", "这里要写成“编码: 数值”的形式"),
    (facts(values={"x": 1}), "facts.0.values.x", "指标体系里没有编码“x”"),
    (facts(values={"meetings": -1}), "facts.0.values.meetings", "这里不能是负数（写的是 -1）"),
    (facts(values={"meetings": True}), "facts.0.values.meetings", "这里要写数字"),
    (facts(values={"meetings": "3"}), "facts.0.values.meetings", "这里要写数字"),
    (facts(values={"meetings": [3, 3]}), "facts.0.values.meetings", "这里要写数字"),
    (facts(values={"meetings": {}}), "facts.0.values.meetings", "这里要写数字"),
    (facts(values={"fund_share": 0.02}), "facts.0.values.fund_share", "比率要写成 [分子, 分母]"),
    (facts(values={"fund_share": [1]}), "facts.0.values.fund_share", "比率要写成 [分子, 分母]"),
    (facts(values={"fund_share": [1, 2, 3]}), "facts.0.values.fund_share", "比率要写成 [分子, 分母]"),
    (facts(values={"fund_share": [1, None]}), "facts.0.values.fund_share", "这里要写数字"),
    (facts(values={"fund_share": [-1, 2]}), "facts.0.values.fund_share", "这里不能是负数（写的是 -1）"),
    (facts(bonus=-1), "facts.0.bonus", "这里不能是负数（写的是 -1）"),
    (facts(penalty="1"), "facts.0.penalty", "这里要写数字"),
    (facts(bonus=None), "facts.0.bonus", "这里要写数字"),
    (facts(veto="v_other"), "facts.0.veto", "没有“v_other”这个一票否决项"),
    (facts(veto=[]), "facts.0.veto", "没有“[]”这个一票否决项"),
    (facts(not_applicable="meetings"), "facts.0.not_applicable", "这里要写成列表"),
    (facts(not_applicable=["x"]), "facts.0.not_applicable.0", "指标体系里没有编码“x”"),
    (facts(not_applicable=[["x"]]), "facts.0.not_applicable.0", "指标体系里没有编码“['x']”"),
    (facts(veot="v_fraud"), "facts.0.veot", "不认识“veot”，请核对拼写，或删去"),
    ('[{"id": 1, "quarter": 1}]', "facts.0.values", "缺少“values”，请补上"),
    ("[3]", "facts.0", '每一条要写成 {"id": …, "quarter": …, "values": …} 的形式'),
    ("{}", "facts", "文件最外层要是一个列表：每所学校一条"),
    ("[", "facts", "第 1 行第 2 列不是合法的 JSON"),
    (facts(bonus=float("nan")), "facts", "文件里有 NaN：数字要是有限的，没有填报请写 null"),
    (facts(bonus=float("-inf")), "facts", "文件里有 -Infinity：数字要是有限的，没有填报请写 null"),
    ('[{"id": 1, "id": 2}]', "facts", "同一条里“id”写了不止一次"),
    ("[" * 100_000, "facts", "文件里有读不出的数字或嵌套太深"),
    ('[{"id":1,"quarter":1,"values":{"meetings":1e309}}]', "facts.0.values.meetings", TOO_BIG),
    ('[{"id":1,"quarter":1,"values":{"meetings":1e-309}}]', "facts.0.values.meetings", TOO_BIG),
    ('[{"id":1,"quarter":1,"values":{"meetings":1' + "0" * 6000 + "}}]", "facts.0.values.meetings", TOO_BIG),
    ('[{"id":1,"quarter":1,"values":{"meetings":1e99999999999999999999}}]', "facts", "文件里有读不出的数字或嵌套太深"),
]


@pytest.mark.parametrize(("text", "where", "said"), BAD_FACTS, ids=range(len(BAD_FACTS)))
def test_bad_facts_are_named_with_their_place(text, where, said):
    with pytest.raises(Invalid) as refused:
        score_facts(load_scheme(SMALL), read_facts(text))
    assert {place: str(words) for place, words in refused.value.problems.items()} == {where: said}


def test_a_yes_or_no_is_wanted_where_a_yes_or_no_is_asked():
    text = json.dumps([{"id": 1, "quarter": 1, "values": {"party_staff_config": 1}}])
    with pytest.raises(Invalid) as refused:
        score_facts(default_scheme(), read_facts(text))
    assert list(refused.value.problems) == ["facts.0.values.party_staff_config"]


def test_facts_that_are_no_list():
    with pytest.raises(Invalid):
        score_facts(default_scheme(), {})  # type: ignore[arg-type]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


VALUES = st.dictionaries(st.sampled_from(["meetings", "fund_share", "x"]), JSON)
OPTIONAL = {"bonus": JSON, "veto": JSON, "not_applicable": JSON}
ENTRIES = st.fixed_dictionaries({"id": JSON, "quarter": JSON | st.just(1), "values": VALUES}, optional=OPTIONAL)


@given(ENTRIES | JSON)
def test_no_facts_break_the_scorer(entry):
    try:
        rows = score_facts(load_scheme(SMALL), [entry])
    except Invalid as refused:
        assert all(str(said) for said in refused.problems.values())
    else:
        assert 0 <= D(rows[0]["total"]) <= 105


@given(NUMBERS, PARTS, PARTS)
def test_facts_of_a_file_score_as_the_engine_does(count, num, den):
    scheme = scheme_of(*load_scheme(SMALL).indicators)
    row = score_facts(scheme, [{"id": 1, "quarter": 2, "values": {"meetings": count, "fund_share": [num, den]}}])[0]
    direct = score(scheme, 2, Facts({"meetings": (count,), "fund_share": (Ratio(D(num), D(den)),)}))
    assert (row["base"], row["total"]) == (f"{direct.base:.2f}", f"{direct.total:.2f}")
    assert replace(direct, items=()).open == 0
