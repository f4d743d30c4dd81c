"""Invented places and people. No school, district or person of these names is meant."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from tenants.schools.models import Disclosure, OrgKind, Stage

CITY = "临江市"
FAMILY = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕单解仇查"
GIVEN = [
    "建国",
    "秀兰",
    "志强",
    "丽华",
    "明",
    "红梅",
    "海燕",
    "国栋",
    "玉珍",
    "伟",
    "敏",
    "晓东",
    "雪松",
    "文博",
    "佳宁",
    "永康",
]


@dataclass(frozen=True, slots=True)
class SchoolPlan:
    code: str
    name: str
    short_name: str
    stage: Stage
    org_kind: OrgKind
    group_name: str
    one_leader: bool
    branches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DistrictPlan:
    code: str
    name: str
    office: str
    disclosure: Disclosure
    contact: tuple[str, str]
    schools: tuple[SchoolPlan, ...]


NUMBERS = "一二三四五六七八九"
TRIAL_SCHOOL = "第三中学"
"""The school whose figures are those of a published report of a trial school."""

_KINDS: tuple[tuple[Stage, str, int], ...] = (
    (Stage.PRIMARY, "{n}小学", 20),
    (Stage.JUNIOR, "{n}中学", 9),
    (Stage.NINE_YEAR, "{p}九年一贯制学校", 6),
    (Stage.KINDERGARTEN, "{p}幼儿园", 14),
    (Stage.SENIOR, "{p}高级中学", 4),
    (Stage.COMPLETE, "{p}完全中学", 3),
    (Stage.VOCATIONAL, "{p}职业技术学校", 2),
    (Stage.SPECIAL, "特殊教育学校", 1),
    (Stage.PRIMARY, "{p}中心小学", 1),
)
PLACES = ["育才", "育红", "青山", "长乐", "朝阳", "重华", "曾家湾", "单村", "大屯", "仇池", "柏林", "番阳", "六安里", "临河", "东风", "新华", "解放路", "柳林", "白马", "双桥", "龙泉", "石门", "桃园", "南湖"]  # fmt: skip


def districts() -> tuple[DistrictPlan, ...]:
    """Sixty schools in the first, twenty-seven in the second."""
    return (
        DistrictPlan(
            "jh", "江河区", "中共江河区委教育工委", Disclosure.FULL, ("李联络", "0700-1234567"),
            tuple(_schools("江河区", 60, "3070", ("城东片", "城西片", "沿江片", "北郊片"))),
        ),
        DistrictPlan(
            "hs", "湖山区", "中共湖山区委教育工委", Disclosure.OWN, ("周联络", "0700-7654321"),
            tuple(_schools("湖山区", 27, "3071", ("湖滨片", "山前片"))),
        ),
    )  # fmt: skip


def _schools(district: str, count: int, prefix: str, groups: tuple[str, ...]) -> Iterator[SchoolPlan]:
    share = count / 60
    serial = 0
    for stage, pattern, full in _KINDS:
        for index in range(max(1, round(full * share))):
            if serial == count:
                return
            serial += 1
            name = pattern.format(n=f"第{_number(index + 1)}", p=PLACES[(index * 7 + len(pattern)) % len(PLACES)])
            yield _school(f"{prefix}{serial:06d}", name, stage, serial, groups[serial % len(groups)], district)


def _school(code: str, name: str, stage: Stage, serial: int, group: str, district: str) -> SchoolPlan:
    trial = name == TRIAL_SCHOOL
    if stage in (Stage.SENIOR, Stage.COMPLETE, Stage.VOCATIONAL):
        kind, branches = OrgKind.COMMITTEE, 4
    elif stage in (Stage.NINE_YEAR, Stage.JUNIOR) and not trial and serial % 2:
        kind, branches = OrgKind.GENERAL_BRANCH, 2
    else:
        kind, branches = OrgKind.BRANCH, 1
    names = tuple(f"第{_number(i + 1)}党支部" for i in range(branches)) if branches > 1 else ("党支部",)
    short = name.replace("第", "").replace("中学", "中").replace("小学", "小") if name.startswith("第") else name
    one_leader = kind is OrgKind.BRANCH and not trial and serial % 3 == 0
    return SchoolPlan(code, f"{district}{name}", short, stage, kind, group, one_leader, names)


def _number(value: int) -> str:
    if value < 10:
        return NUMBERS[value - 1]
    tens, ones = divmod(value, 10)
    return ("" if tens == 1 else NUMBERS[tens - 1]) + "十" + (NUMBERS[ones - 1] if ones else "")


def person(random: Random) -> str:
    return random.choice(FAMILY) + random.choice(GIVEN)
