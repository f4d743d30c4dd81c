"""What the engine takes and gives: the scheme, a school's facts and its result, as frozen values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from tenants.words import Words

ZERO = Decimal(0)
ALL_QUARTERS = frozenset({1, 2, 3, 4})


class Kind(StrEnum):
    """What is reported; a date is reported as months overdue, an attachment as the number of papers on file."""

    BOOLEAN = "boolean"
    COUNT = "count"
    RATIO = "ratio"
    DATE = "date"
    ATTACHMENT = "attachment"


class Method(StrEnum):
    """How a value becomes points; `rules.RULES` has the arithmetic."""

    THRESHOLD = "threshold"
    PROPORTIONAL = "proportional"
    DEDUCT_MISSING = "deduct_missing"
    DEDUCT_EVENT = "deduct_event"
    DEDUCT_STEP = "deduct_step"
    OVERDUE = "overdue"
    CHECKLIST = "checklist"


class Accumulate(StrEnum):
    """Over which span facts are gathered before they are compared with the target."""

    IN_QUARTER = "in_quarter"
    YTD = "ytd"
    SEMESTER = "semester"
    YEAR = "year"
    SCHOOL_YEAR = "school_year"
    SNAPSHOT = "snapshot"


class Period(StrEnum):
    """How often the indicator is asked for."""

    QUARTER = "quarter"
    SEMESTER = "semester"
    HALF_YEAR = "half_year"
    SCHOOL_YEAR = "school_year"
    YEAR = "year"


class Per(StrEnum):
    """For whom one value is reported: the school, or each of its 党支部."""

    SCHOOL = "school"
    BRANCH = "branch"


class Light(StrEnum):
    """红黄绿灯 of one indicator."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class ItemState(StrEnum):
    """MISSING is final and costs all points; OPEN is not reported yet and costs nothing so far."""

    SCORED = "scored"
    MISSING = "missing"
    NOT_APPLICABLE = "not_applicable"
    OPEN = "open"


# The quarters in which a span that is longer than a quarter is settled.
SETTLED_IN: Mapping[Accumulate | Period, frozenset[int]] = {
    Accumulate.SEMESTER: frozenset({2, 4}),
    Accumulate.YEAR: frozenset({4}),
    Accumulate.SCHOOL_YEAR: frozenset({3}),
    Period.HALF_YEAR: frozenset({2, 4}),
}
ASKS_FOR_LESS = frozenset({Method.DEDUCT_EVENT, Method.OVERDUE})


@dataclass(frozen=True, slots=True)
class Ratio:
    """A share by its two parts, never by its quotient."""

    num: Decimal
    den: Decimal


Value = bool | Decimal | Ratio
Target = Decimal | bool
Schedule = tuple[Decimal | None, ...]


@dataclass(frozen=True, slots=True)
class Indicator:
    """指标. `number` is the printed one ("3.2"); a ratio's targets are shares (0.9), or per-head numbers (32 学时)."""

    code: str
    number: str
    name_zh: str
    name_en: str
    group: str
    weight: Decimal
    unit: str
    kind: Kind
    period: Period
    accumulate: Accumulate
    per: Per
    method: Method
    target: Target | None = None
    quarter_targets: Schedule | None = None
    cumulative_targets: Schedule | None = None
    step: Decimal | None = None
    per_points: Decimal | None = None
    grace: Decimal = ZERO
    checklist: tuple[str, ...] = ()
    na_when: str | None = None
    num_name: str | None = None
    den_name: str | None = None
    event_expr_den_minus_num: bool = False
    rule_zh: str | None = None
    target_note: str | None = None
    evidence: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def target_in(self, quarter: int) -> Target | None:
        """What is asked in `quarter` (1-4); None when the indicator is not due, a scheduled 0 included."""
        schedule = self.quarter_targets or self.cumulative_targets
        target = self._standing_target(quarter) if schedule is None else schedule[quarter - 1]
        settled = quarter in SETTLED_IN.get(self.accumulate, ALL_QUARTERS)
        return target if settled and (target or self.method in ASKS_FOR_LESS) else None

    def _standing_target(self, quarter: int) -> Target | None:
        if quarter not in SETTLED_IN.get(self.period, ALL_QUARTERS):
            return None
        if self.method is Method.CHECKLIST:
            return Decimal(len(self.checklist))
        return ZERO if self.target is None and self.method in ASKS_FOR_LESS else self.target

    def is_due(self, quarter: int) -> bool:
        return self.target_in(quarter) is not None

    @property
    def na_when_den_zero(self) -> bool:
        return self.na_when is not None and self.na_when.replace(" ", "") == "den==0"


@dataclass(frozen=True, slots=True)
class Group:
    """一级指标."""

    code: str
    name_zh: str
    name_en: str
    weight: Decimal


@dataclass(frozen=True, slots=True)
class Band:
    """等次: totals from `minimum` up to the next band's, half-open."""

    minimum: Decimal
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Veto:
    """一票否决: the total is held at `cap`."""

    code: str
    name_zh: str
    cap: Decimal
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PointItem:
    """加分项 or 扣分项: points by level name, or for each event, up to `cap`."""

    code: str
    name_zh: str
    levels: Mapping[str, Decimal] = field(default_factory=dict)
    per_event: Decimal | None = None
    cap: Decimal | None = None
    highest_only: bool = False

    def for_events(self, events: int) -> Decimal:
        """Points for so many events, within the item's own cap."""
        return self._capped((self.per_event or ZERO) * events)

    def for_levels(self, names: Iterable[str]) -> Decimal:
        """Points for the levels reached (就高不重复 when `highest_only`), within the item's own cap."""
        points = [self.levels[name] for name in names]
        return self._capped(max(points, default=ZERO) if self.highest_only else sum(points, ZERO))

    def _capped(self, points: Decimal) -> Decimal:
        return points if self.cap is None else min(points, self.cap)


@dataclass(frozen=True, slots=True)
class Lights:
    """Shares of an indicator's points from which its light is green or yellow."""

    green_from: Decimal = Decimal("0.90")
    yellow_from: Decimal = Decimal("0.70")


@dataclass(frozen=True, slots=True)
class LibraryItem:
    """可选指标: known, but neither grouped nor weighted until a district takes it into its scheme."""

    code: str
    name_zh: str
    unit: str
    kind: Kind
    period: Period
    target: Target | None = None
    na_when: str | None = None
    note: str | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """The document that a rule comes from; `status` says how surely: document, seen, general or design."""

    code: str
    doc: str
    status: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Scheme:
    """指标体系: one immutable version; `ceiling` is the highest total that bonus points can reach."""

    code: str
    name_zh: str
    name_en: str
    version: str
    groups: tuple[Group, ...]
    indicators: tuple[Indicator, ...]
    bands: tuple[Band, ...]
    vetoes: tuple[Veto, ...] = ()
    bonus_cap: Decimal = ZERO
    bonus_items: tuple[PointItem, ...] = ()
    penalty_cap: Decimal = ZERO
    penalty_items: tuple[PointItem, ...] = ()
    lights: Lights = Lights()
    base_total: Decimal = Decimal(100)
    ceiling: Decimal = Decimal(105)
    library: tuple[LibraryItem, ...] = ()
    sources: tuple[Source, ...] = ()

    def indicator(self, code: str) -> Indicator:
        """Raise KeyError for a code that the scheme has not."""
        for indicator in self.indicators:
            if indicator.code == code:
                return indicator
        raise KeyError(code)

    def due(self, quarter: int) -> tuple[Indicator, ...]:
        """The indicators that are scored in `quarter` (1-4), in the scheme's order."""
        return tuple(indicator for indicator in self.indicators if indicator.is_due(quarter))

    def veto(self, code: str) -> Veto:
        """Raise KeyError for a code that the scheme has not."""
        for veto in self.vetoes:
            if veto.code == code:
                return veto
        raise KeyError(code)

    def band(self, total: Decimal) -> Band:
        """The highest band that `total` reaches, or the lowest there is."""
        reached = [band for band in self.bands if total >= band.minimum]
        return max(reached, key=_minimum) if reached else min(self.bands, key=_minimum)


def _minimum(band: Band) -> Decimal:
    return band.minimum


@dataclass(frozen=True, slots=True)
class Facts:
    """What one school has reported for one quarter, already accumulated.

    `values` has one entry per unit (the school, or each branch; a branch to which an indicator does not apply is left
    out). `bonus` and `penalty` are sums before the scheme's caps. Not `final` means that more may still come in.
    """

    values: Mapping[str, tuple[Value | None, ...]]
    not_applicable: frozenset[str] = frozenset()
    bonus: Decimal = ZERO
    penalty: Decimal = ZERO
    veto: str | None = None
    final: bool = True


@dataclass(frozen=True, slots=True)
class ItemResult:
    """One indicator's row. `shortfall` is what lacks in the unit of the count or numerator, None if meaningless."""

    code: str
    group: str
    state: ItemState
    weight: Decimal
    target: Target | None
    values: tuple[Value | None, ...]
    earned: Decimal
    lost: Decimal
    light: Light | None
    shortfall: Decimal | None
    why: Words


@dataclass(frozen=True, slots=True)
class Result:
    """One school's quarter: earned + lost + open = weight (applicable points); base is what is secured out of 100."""

    items: tuple[ItemResult, ...]
    earned: Decimal
    lost: Decimal
    open: Decimal
    weight: Decimal
    base: Decimal
    bonus: Decimal
    penalty: Decimal
    veto: str | None
    total: Decimal
    grade: Band
