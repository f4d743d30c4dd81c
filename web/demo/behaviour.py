"""How the demo's schools behave, as pure functions of a seed: what they report, when, and what is found wanting."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from random import Random

from tenants.formats import ZONE
from tenants.quarter import Quarter
from tenants.reporting.validation import Entry
from tenants.scoring.values import Indicator, Kind, Ratio

HUNDRED = Decimal(100)


class Habit(StrEnum):
    STEADY = "steady"
    IMPROVING = "improving"
    SLIDING = "sliding"
    LATE = "late"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Character:
    """How well a school works (0 to 1), how that moves from quarter to quarter, and its manners."""

    level: float
    drift: float
    habit: Habit
    staff: int
    members: int
    funds: int

    def strength(self, quarters_on: int, random: Random) -> float:
        return min(0.995, max(0.35, self.level + self.drift * quarters_on + random.gauss(0, 0.03)))


def character(seed: str, staff: int = 0) -> Character:
    random = Random(seed)
    habit = random.choices(list(Habit), weights=(50, 20, 15, 11, 4))[0]
    drift = {Habit.IMPROVING: 0.035, Habit.SLIDING: -0.04}.get(habit, 0.0)
    level = {Habit.IMPROVING: 0.62, Habit.SLIDING: 0.97}.get(habit, random.triangular(0.45, 0.97, 0.85))
    staff = staff or random.randint(28, 180)
    return Character(
        level, drift, habit, staff, max(5, staff * random.randint(25, 45) // 100), random.randint(4, 24) * 100_000
    )


def entry(indicator: Indicator, quarter: Quarter, who: Character, strength: float, random: Random) -> Entry:
    """What the school reports: on target most times, short or over by a little otherwise."""
    good = random.random() < strength
    target = indicator.target_in(quarter.number)
    if indicator.kind is Kind.BOOLEAN:
        return Entry(value=good or random.random() < 0.6)
    if indicator.checklist:
        kept = [item for item in indicator.checklist if good or random.random() < 0.7]
        return Entry(ticked=tuple(kept))
    if indicator.kind is Kind.RATIO:
        return Entry(value=_ratio(indicator, target if isinstance(target, Decimal) else Decimal(1), who, good, random))
    return Entry(value=_count(target if isinstance(target, Decimal) else Decimal(0), good, random))


def _count(target: Decimal, good: bool, random: Random) -> Decimal:
    if target == 0:  # faults, months overdue
        return Decimal(0) if good or random.random() < 0.5 else Decimal(random.choice((1, 1, 2)))
    if good:
        return target + random.choice((0, 0, 0, 1))
    return max(Decimal(0), target - random.choice((1, 1, 2, 3)))


def _ratio(indicator: Indicator, target: Decimal, who: Character, good: bool, random: Random) -> Ratio:
    if indicator.unit == "学时":
        hours = target * who.members * Decimal(100 if good else random.randint(60, 95)) / HUNDRED
        return Ratio(hours.quantize(Decimal(1)), Decimal(who.members))
    if "经费" in indicator.name_zh:
        share = target if good else target * random.randint(55, 95) / HUNDRED
        return Ratio((share * who.funds).quantize(Decimal(1)), Decimal(who.funds))
    den = Decimal(_denominator(indicator, who, random))
    top = min(den, (target * den).to_integral_value(rounding="ROUND_CEILING"))
    num = top if good else max(Decimal(0), top - random.choice((1, 1, 2)))
    return Ratio(num, den)


def _denominator(indicator: Indicator, who: Character, random: Random) -> int:
    name = indicator.den_name or ""
    if "班子" in name:
        return random.randint(3, 9)
    if "教师" in name:
        return who.staff
    if "党员" in name:
        return who.members
    if "人次" in name:
        return who.members * 7
    low = 0 if indicator.na_when_den_zero else 3
    return random.randint(low, 9)


TRIAL: dict[str, Entry] = {
    "secretary_principal_config": Entry(value=True),
    "party_fund_ratio": Entry(value=Ratio(Decimal(24000), Decimal(1200000))),
    "all_staff_study_count": Entry(value=Decimal(5)),
    "lesson_group_study_count": Entry(value=Decimal(16)),
    "ethics_assessment_rate": Entry(value=Ratio(Decimal(220), Decimal(220))),
    "principal_report_count": Entry(value=Decimal(1)),
    "cross_appointment_rate": Entry(value=Ratio(Decimal(7), Decimal(7))),
    "ideology_review_count": Entry(value=Decimal(1)),
    "integrity_review_count": Entry(value=Decimal(1)),
    "staff_congress_count": Entry(value=Decimal(1)),
    "leader_appraisal_done": Entry(value=Decimal(1)),
    "party_staff_config": Entry(value=True),
}
"""What a trial school reported publicly: 2 %, 5 and 16 sessions, 220 teachers assessed, a committee of seven."""


def trial_entry(indicator: Indicator, quarter: Quarter) -> Entry | None:
    """The trial school's figure; its secretary was trained three times a year."""
    if indicator.code == "secretary_training_count":
        return Entry(value=Decimal((0, 1, 2, 3)[quarter.number - 1]))
    return TRIAL.get(indicator.code)


@dataclass(frozen=True, slots=True)
class Times:
    """When a school takes its steps in a quarter; None: it never does."""

    filled: datetime | None
    submitted: datetime | None
    approved: datetime | None
    returned: datetime | None
    mended: datetime | None
    accepted: datetime | None


def times(who: Character, opens: datetime, due: datetime, late_from: datetime, random: Random) -> Times:
    """A quarter that has ended: nearly everyone sends in time, some late, a few never."""
    if who.habit is Habit.SILENT and random.random() < 0.3:
        return in_office_hours(Times(opens + timedelta(days=4), None, None, None, None, None))
    late = random.random() < (0.5 if who.habit is Habit.LATE else 0.06)
    span = (due - opens).total_seconds()
    filled = opens + timedelta(seconds=span * random.uniform(0.15, 0.7))
    submitted = filled + timedelta(seconds=span * random.uniform(0.02, 0.15))
    approved = (
        late_from + timedelta(hours=random.uniform(6, 60))
        if late
        else submitted + timedelta(hours=random.uniform(2, 40))
    )
    approved = max(approved, submitted + timedelta(hours=1))
    looked = max(approved, due) + timedelta(hours=random.uniform(3, 40))
    if random.random() < 0.18:
        mended = looked + timedelta(hours=random.uniform(8, 40))
        return in_office_hours(Times(filled, submitted, approved, looked, mended, mended + timedelta(hours=20)))
    return in_office_hours(Times(filled, submitted, approved, None, None, looked))


def in_office_hours(times: Times) -> Times:
    """The same days and the same order, but nobody works at night: 8:30 to 17:30 in place of the whole day."""
    return Times(*(_by_day(getattr(times, each.name)) for each in fields(Times)))


def _by_day(at: datetime | None) -> datetime | None:
    if at is None:
        return None
    local = at.astimezone(ZONE)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight + timedelta(hours=8, minutes=30) + (local - midnight) * 9 / 24).astimezone(UTC)


LIVE = {"nothing": 16, "filled": 22, "submitted": 9, "approved": 24, "returned": 9, "accepted": 20}
"""Of a hundred schools, how many have come how far in the running quarter."""
DEPTH = {"nothing": 0, "filled": 1, "submitted": 2, "approved": 3, "returned": 4, "accepted": 4}


def live_times(opens: datetime, now: datetime, random: Random, reached: str = "") -> Times:
    """The quarter that is under way: every state has its schools; `reached` names one of `LIVE`, else chance does."""
    reached = reached or random.choices(list(LIVE), weights=list(LIVE.values()))[0]
    depth = DEPTH[reached]
    steps = sorted(opens + (now - opens) * random.uniform(0.1, 0.97) for _ in range(4))
    done: list[datetime | None] = [at if step < depth else None for step, at in enumerate(steps)]
    filled, submitted, approved, looked = done
    returned = looked if reached == "returned" else None
    return in_office_hours(Times(filled, submitted, approved, returned, None, None if returned else looked))


REASONS = (
    "缺 1 次会议纪要，请补充扫描件。", "签到表与填报次数不一致，请核对。", "佐证材料日期不在本季度内，请更换。",
    "比例的分母与上季度不同，请说明原因。", "会议记录缺主持人签字，请补签后上传。",
)  # fmt: skip
