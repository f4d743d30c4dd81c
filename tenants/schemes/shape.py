"""The shape of a scheme file, as pydantic models that refuse unknown fields."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator

from tenants.schemes.faults import Problem, Wrong, not_negative
from tenants.scoring.rules import plain
from tenants.scoring.values import (
    Accumulate,
    Indicator,
    Kind,
    Method,
    Per,
    Period,
)
from tenants.words import N_, words


def _schedule_entry(value: object) -> Decimal | None:
    return None if value is None else not_negative(value)


def _target(value: object) -> Decimal | bool | None:
    return value if value is None or isinstance(value, bool) else not_negative(value)


def _two_places(value: Decimal) -> Decimal:
    if value != round(value, 2):
        raise Wrong(words(N_("分值最多写两位小数（写的是 {number}）"), number=plain(value)))
    return value


def _above_zero(value: Decimal) -> Decimal:
    if not value:
        raise Wrong(words(N_("这里要大于 0")))
    return value


def _known_event(value: str) -> str:
    if value.replace(" ", "") != "den-num":
        raise Wrong(words(N_("这里只能写 den - num（分母减分子，即没有做到的件数）")))
    return value


Number = Annotated[Decimal, PlainValidator(not_negative)]
Positive = Annotated[Number, AfterValidator(_above_zero)]
Points = Annotated[Number, AfterValidator(_two_places)]
AnyTarget = Annotated[Decimal | bool | None, PlainValidator(_target)]
Entry = Annotated[Decimal | None, PlainValidator(_schedule_entry)]
FourQuarters = Annotated[list[Entry], Field(min_length=4, max_length=4)]
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Free = dict[str, object]
lax = Field(strict=False)


class Node(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Rounding(Node):
    indicator: Literal["ROUND_HALF_UP 2dp"] = "ROUND_HALF_UP 2dp"
    total: Literal["ROUND_HALF_UP 2dp"] = "ROUND_HALF_UP 2dp"
    display: str = ""


class BandNode(Node):
    min: Number
    zh: Text
    en: str = ""
    note: str = ""


class LightNode(Node):
    green: Text
    yellow: Text
    red: str = ""


class Head(Node):
    code: Code
    name_zh: Text
    name_en: str = ""
    version: Text
    base_total: Positive = Decimal(100)
    rounding: _Rounding = _Rounding()
    arithmetic: Literal["decimal"] = "decimal"
    quarter_score: str = ""
    not_applicable: str = ""
    missing_value: str = ""
    ranking: Free = {}
    annual_score_default: str = ""
    grade_bands: Annotated[list[BandNode], Field(min_length=1)]
    traffic_light: LightNode = LightNode(green=">= 0.90", yellow=">= 0.70 and < 0.90")
    pace_light: Free = {}


class SourceNode(Node):
    doc: Text
    url: str | None = None
    status: Literal["document", "seen", "general", "design"]


class GroupNode(Node):
    code: Code
    name_zh: Text
    name_en: str = ""
    weight: Points


class IndicatorNode(Node):
    code: Code
    name_zh: Text
    name_en: str = ""
    group: str
    weight: Points
    unit: Text
    kind: Annotated[Kind, lax]
    num: Text | None = None
    den: Text | None = None
    period: Annotated[Period, lax]
    accumulate: Annotated[Accumulate, lax]
    scope: Annotated[Per, lax] = Per.SCHOOL
    target: AnyTarget = None
    quarter_targets: FourQuarters | None = None
    cumulative_targets: FourQuarters | None = None
    method: Annotated[Method, lax]
    step: Positive | None = None
    per: Positive | None = None
    grace: Number = Decimal(0)
    checklist: list[Text] = []
    event_expr: Annotated[str, AfterValidator(_known_event)] | None = None
    na_when: Text | None = None
    rule_zh: Text | None = None
    target_note: Text | None = None
    evidence: list[Text] = []
    sources: list[str] = []


class VetoNode(Node):
    code: Code
    name_zh: Text
    effect: Literal["cap"] = "cap"
    cap: Points
    sources: list[str] = []


class PointNode(Node):
    code: Code
    name_zh: Text
    levels: dict[str, Points] = {}
    per_event: Points | None = None
    cap: Points | None = None
    highest_only: bool = False


class PointsNode(Node):
    cap_total: Points
    items: list[PointNode] = []


class LibraryNode(Node):
    code: Code
    name_zh: Text
    unit: Text
    kind: Annotated[Kind, lax]
    period: Annotated[Period, lax]
    target: AnyTarget = None
    na_when: Text | None = None
    note: Text | None = None
    sources: list[str] = []


class _ExampleItem(Node):
    value: object
    earned: Number


class _Example(Node):
    name: Text
    quarter: Annotated[int, Field(ge=1, le=4)]
    not_applicable: list[str] = []
    indicators: dict[str, _ExampleItem]
    earned_sum: Number
    weight_sum: Number
    base: Number
    bonus: Number = Decimal(0)
    penalty: Number = Decimal(0)
    veto: str | None = None
    total: Number
    grade: Text


class File(Node):
    """The whole file. `periods`, `methods`, `accumulate` and `scopes` explain to readers and are not computed from."""

    schema_version: Literal[1]
    scheme: Head
    periods: Free = {}
    methods: Free = {}
    accumulate: Free = {}
    scopes: Free = {}
    sources: dict[str, SourceNode] = {}
    groups: Annotated[list[GroupNode], Field(min_length=1)]
    indicators: Annotated[list[IndicatorNode], Field(min_length=1, max_length=500)]
    veto: list[VetoNode] = []
    veto_rules: Free = {}
    bonus: PointsNode = PointsNode(cap_total=Decimal(0))
    penalties: PointsNode = PointsNode(cap_total=Decimal(0))
    library: list[LibraryNode] = []
    examples: list[_Example] = []


SAID = {
    "missing": N_("缺少“{field}”，请补上"),
    "extra_forbidden": N_("不认识“{field}”，请核对拼写，或删去这一行"),
    "string_type": N_("这里要写文字；数字、日期或是否样的内容请加引号"),
    "string_too_short": N_("这里不能空着"),
    "string_too_long": N_("这里的文字太长"),
    "string_pattern_mismatch": N_("编码用小写字母、数字和下划线，以字母开头，不超过 64 个字符"),
    "enum": N_("没有“{found}”这一种，可以写 {expected}"),
    "literal_error": N_("这里写的是“{found}”，目前只支持 {expected}"),
    "list_type": N_("这里要写成列表"),
    "dict_type": N_("这里要写成“名称: 内容”的形式"),
    "model_type": N_("这里要写成“名称: 内容”的形式"),
    "bool_type": N_("这里只能写 true 或 false"),
    "int_type": N_("这里要写整数"),
    "too_short": N_("这里只有 {actual} 项，至少要 {least} 项；按季度写的目标正好 4 个，没有任务的季度写 null"),
    "too_long": N_("这里有 {actual} 项，最多 {most} 项；按季度写的目标正好 4 个，没有任务的季度写 null"),
}


def shape_problem(error: Mapping[str, Any]) -> Problem:
    context = error.get("ctx", {})
    reason, path = context.get("error"), tuple(error["loc"])
    if isinstance(reason, Wrong):
        return path, reason.words
    said = words(
        SAID.get(error["type"], N_("这里的写法不对，请对照默认指标体系修改")),
        field=str(path[-1]) if path else "",
        found=str(error["input"])[:40],
        expected=str(context.get("expected", "")).replace("'", "").replace(" or ", "、").replace(", ", "、"),
        actual=str(context.get("actual_length", "")),
        least=str(context.get("min_length", "")),
        most=str(context.get("max_length", "")),
    )
    return path, said


def indicator_of(node: IndicatorNode, number: str) -> Indicator:
    return Indicator(
        code=node.code,
        number=number,
        name_zh=node.name_zh,
        name_en=node.name_en,
        group=node.group,
        weight=node.weight,
        unit=node.unit,
        kind=node.kind,
        period=node.period,
        accumulate=node.accumulate,
        per=node.scope,
        method=node.method,
        target=node.target,
        quarter_targets=None if node.quarter_targets is None else tuple(node.quarter_targets),
        cumulative_targets=None if node.cumulative_targets is None else tuple(node.cumulative_targets),
        step=node.step,
        per_points=node.per,
        grace=node.grace,
        checklist=tuple(node.checklist),
        na_when=node.na_when,
        num_name=node.num,
        den_name=node.den,
        event_expr_den_minus_num=node.event_expr is not None,
        rule_zh=node.rule_zh,
        target_note=node.target_note,
        evidence=tuple(node.evidence),
        sources=tuple(node.sources),
    )
