"""Reading a quarter's dates, reports and what is in them, as frozen values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from tenants.db import session
from tenants.errors import NotFound
from tenants.quarter import Quarter
from tenants.reporting.models import (
    EvidenceFile,
    ItemReview,
    Report,
    ReportingQuarter,
    ReportStep,
    ReportValue,
    Verdict,
)
from tenants.reporting.validation import Entry, problems_of
from tenants.reporting.workflow import State
from tenants.schemes import queries as schemes
from tenants.schools import queries as schools
from tenants.schools.queries import BranchView, SchoolView
from tenants.scope import Role, Scope
from tenants.scoring.values import Facts, Indicator, Per, Ratio, Scheme, Value
from tenants.words import N_, Words


@dataclass(frozen=True, slots=True)
class QuarterView:
    """A quarter's dates in a district, all in UTC, and its scheme."""

    quarter: Quarter
    scheme_version_id: UUID
    opens_at: datetime
    due_at: datetime
    late_from: datetime
    locks_at: datetime
    opened_at: datetime | None
    appeal_until: datetime | None


@dataclass(frozen=True, slots=True)
class ReportView:
    id: UUID
    school_id: UUID
    quarter: Quarter
    state: State
    version: int
    submitted_at: datetime | None
    first_sent_at: datetime | None
    approved_by: UUID | None
    approved_at: datetime | None
    accepted_by: UUID | None
    accepted_at: datetime | None
    returned_count: int
    open_until: datetime | None
    score_due_at: datetime | None
    score_error: str


@dataclass(frozen=True, slots=True)
class Unit:
    """For whom one value is given: the school (its name is empty), or one branch."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry with who gave it."""

    entry: Entry
    note: str
    entered_by: UUID
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class ReviewView:
    verdict: Verdict
    reason: str
    reviewer_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class EvidenceView:
    id: UUID
    school_id: UUID
    report_id: UUID
    code: str
    filename: str
    media_type: str
    size: int
    sha256: str
    uploaded_by: UUID
    uploaded_at: datetime


@dataclass(frozen=True, slots=True)
class StepView:
    action: str
    before: State
    after: State
    actor: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sheet:
    """A school's whole quarter: what the form, the checks, the review and the engine look at."""

    school: SchoolView
    dates: QuarterView
    report: ReportView
    scheme: Scheme
    units: Mapping[str, tuple[Unit, ...]]
    stored: Mapping[tuple[str, UUID], Stored]
    automatic: Mapping[str, Words]
    reviews: Mapping[str, ReviewView]
    evidence: Mapping[str, tuple[EvidenceView, ...]]

    @property
    def quarter(self) -> Quarter:
        return self.report.quarter

    @property
    def due(self) -> tuple[Indicator, ...]:
        """The indicators of this quarter, those that do not concern the school included."""
        return self.scheme.due(self.quarter.number)

    def asked(self) -> tuple[Indicator, ...]:
        """The indicators that the school has to answer."""
        return tuple(indicator for indicator in self.due if indicator.code not in self.automatic)

    def entries(self, code: str) -> tuple[Entry, ...]:
        """One entry for each unit of an indicator; an empty one where nothing was given."""
        return tuple(
            self.stored[code, unit.id].entry if (code, unit.id) in self.stored else Entry() for unit in self.units[code]
        )

    def is_answered(self, code: str) -> bool:
        """Whether every unit has given a value, or why there is none."""
        return all(not entry.empty for entry in self.entries(code))

    @property
    def saved_at(self) -> datetime | None:
        """When something was last stored."""
        return max((stored.entered_at for stored in self.stored.values()), default=None)

    def problems(self) -> dict[str, Words]:
        """What keeps the report from being handed in, by indicator."""
        asked = self.asked()
        found = problems_of(asked, {indicator.code: self.entries(indicator.code) for indicator in asked})
        for indicator in asked:
            if indicator.code in self.to_mend and indicator.code not in found:
                found[indicator.code] = Words(N_("工委退回了这一项，请按原因修改，或在备注里说明。"))
        return found

    @property
    def to_mend(self) -> dict[str, ReviewView]:
        """Returned items that the school has not touched since, by code."""
        return {code: review for code, review in self.returned.items() if not self._touched_since(code, review.at)}

    @property
    def returned(self) -> dict[str, ReviewView]:
        return {code: review for code, review in self.reviews.items() if review.verdict is Verdict.RETURNED}

    def _touched_since(self, code: str, moment: datetime) -> bool:
        values = any(
            (code, unit.id) in self.stored and self.stored[code, unit.id].entered_at > moment
            for unit in self.units[code]
        )
        return values or any(file.uploaded_at > moment for file in self.evidence.get(code, ()))

    def facts(self, *, final: bool, accepted_only: bool = False) -> Facts:
        """What the engine scores. `accepted_only` counts nothing that the district has not accepted."""
        values: dict[str, tuple[Value | None, ...]] = {}
        absent = set(self.automatic)
        for indicator in self.asked():
            code = indicator.code
            review = self.reviews.get(code)
            if accepted_only and (review is None or review.verdict is not Verdict.ACCEPTED):
                continue
            given = [entry for entry in self.entries(code) if not entry.na_reason]
            if given:
                values[code] = tuple(value_of(indicator, entry) for entry in given)
            else:
                absent.add(code)
        return Facts(values=values, not_applicable=frozenset(absent), final=final)


def value_of(indicator: Indicator, entry: Entry) -> Value | None:
    """The engine's value of an entry; a checklist counts its ticks."""
    return Decimal(len(entry.ticked)) if entry.ticked is not None else entry.value


BRANCH_CONDITIONS = {"支部未设委员会": "has_committee", "支部未划分党小组": "has_groups"}
ONE_LEADER = "书记校长一人担任"


def units_of(indicator: Indicator, school: SchoolView, branches: Sequence[BranchView]) -> tuple[Unit, ...]:
    """Who gives a value; an empty tuple when the indicator concerns nobody in the school."""
    if indicator.na_when == ONE_LEADER and school.one_leader:
        return ()
    if indicator.per is Per.SCHOOL:
        return (Unit(school.id, ""),)
    needed = BRANCH_CONDITIONS.get(indicator.na_when or "")
    return tuple(Unit(branch.id, branch.name) for branch in branches if needed is None or getattr(branch, needed))


def automatic_reason(indicator: Indicator) -> Words:
    return Words(N_("不适用：{why}"), {"why": indicator.na_when or N_("学校尚未登记党支部")})


def quarters(scope: Scope) -> tuple[Quarter, ...]:
    """The quarters that there is something to see of, newest first."""
    if scope.district_id is None and not scope.published_in:
        return ()
    rows = session().scalars(
        scope.over(
            sa.select(ReportingQuarter.quarter)
            .where(ReportingQuarter.opened_at.is_not(None))
            .distinct()
            .order_by(ReportingQuarter.quarter.desc()),
            ReportingQuarter,
        )
    )
    return tuple(rows)


def newest_quarter(scope: Scope, now: datetime) -> Quarter:
    """The newest quarter that has been opened; before the first, the calendar's."""
    return next(iter(quarters(scope)), Quarter.of(now))


def quarter_view(scope: Scope, quarter: Quarter) -> QuarterView:
    """The quarter's dates in the scope's district; NotFound when none are set."""
    row = session().scalar(scope.select(ReportingQuarter).where(ReportingQuarter.quarter == quarter))
    if row is None:
        raise NotFound(N_("本季度还没有设定填报日期，请联系区教育工委管理员。"))
    return _quarter_view(row)


def quarter_views(scope: Scope) -> tuple[QuarterView, ...]:
    """Every quarter of the district that has dates, newest first."""
    rows = session().scalars(scope.select(ReportingQuarter).order_by(ReportingQuarter.quarter.desc()))
    return tuple(_quarter_view(row) for row in rows)


def _quarter_view(row: ReportingQuarter) -> QuarterView:
    return QuarterView(
        row.quarter, row.scheme_version_id, row.opens_at, row.due_at, row.late_from, row.locks_at, row.opened_at,
        row.appeal_until,
    )  # fmt: skip


def reports(scope: Scope, quarter: Quarter) -> tuple[ReportView, ...]:
    """The reports of the scope's schools for a quarter."""
    rows = session().scalars(scope.select(Report).where(Report.quarter == quarter))
    return tuple(report_view(row) for row in rows)


WAITING: dict[Role, tuple[State, ...]] = {
    Role.REPORTER: (State.RETURNED,),
    Role.SECRETARY: (State.AWAITING_SECRETARY,),
    Role.REVIEWER: (State.AWAITING_REVIEW,),
    Role.ADMIN: (State.AWAITING_REVIEW,),
}
"""The states in which a report waits for a person of this role."""


def waiting_for(scope: Scope) -> dict[Quarter, int]:
    """How many reports wait for the holder of `scope`, by quarter."""
    states = WAITING.get(scope.role)
    if not states:
        return {}
    counted = sa.select(Report.quarter, sa.func.count()).where(Report.state.in_(states)).group_by(Report.quarter)
    if scope.own_school_id:
        counted = counted.where(Report.school_id != scope.own_school_id)
    return {quarter: count for quarter, count in session().execute(scope.over(counted, Report))}


def report(scope: Scope, school_id: UUID, quarter: Quarter) -> ReportView:
    """One report; NotFound for a stranger, and before the quarter has opened."""
    row = session().scalar(scope.select(Report).where(Report.school_id == school_id, Report.quarter == quarter))
    if row is None:
        raise NotFound(N_("本季度的报表还没有开放。"))
    return report_view(row)


def report_view(row: Report) -> ReportView:
    return ReportView(
        row.id, row.school_id, row.quarter, row.state, row.version, row.submitted_at, row.first_sent_at, row.approved_by,
        row.approved_at, row.accepted_by, row.accepted_at, row.returned_count, row.open_until, row.score_due_at,
        row.score_error,
    )  # fmt: skip


def quarter_of(scope: Scope, report_id: UUID) -> Quarter:
    """The quarter of a report; NotFound for a stranger."""
    quarter = session().scalar(scope.over(sa.select(Report.quarter).where(Report.id == report_id), Report))
    if quarter is None:
        raise NotFound
    return quarter


def sheet(scope: Scope, school_id: UUID, quarter: Quarter) -> Sheet:
    """The whole quarter of one school; NotFound for a stranger."""
    found = report(scope, school_id, quarter)
    school = schools.school(scope, school_id)
    dates = quarter_view(scope, quarter)
    scheme = schemes.scheme_of(scope, dates.scheme_version_id)
    branches = schools.branches(scope, [school_id])[school_id]
    due = scheme.due(quarter.number)
    units = {indicator.code: units_of(indicator, school, branches) for indicator in due}
    return Sheet(
        school=school,
        dates=dates,
        report=found,
        scheme=scheme,
        units=units,
        stored=stored_entries(scope, found.id),
        automatic={indicator.code: automatic_reason(indicator) for indicator in due if not units[indicator.code]},
        reviews=reviews_of(scope, found.id),
        evidence=evidence_of(scope, found.id),
    )


_VALUE: tuple[Any, ...] = (
    ReportValue.code, ReportValue.unit_id, ReportValue.number, ReportValue.numerator, ReportValue.denominator,
    ReportValue.flag, ReportValue.ticked, ReportValue.na_reason, ReportValue.note, ReportValue.entered_by,
    ReportValue.entered_at,
)  # fmt: skip
"""The columns of a value: plain rows, since a district's form, review and score read thousands of them."""


def stored_entries(scope: Scope, report_id: UUID) -> dict[tuple[str, UUID], Stored]:
    rows = session().execute(scope.over(sa.select(*_VALUE).where(ReportValue.report_id == report_id), ReportValue))
    return {
        (row.code, row.unit_id): Stored(entry_of_row(row), row.note, row.entered_by, row.entered_at) for row in rows
    }


def entry_of_row(row: sa.Row[Any]) -> Entry:
    value: Value | None = row.flag if row.flag is not None else row.number
    if row.numerator is not None and row.denominator is not None:
        value = Ratio(row.numerator, row.denominator)
    return Entry(value, tuple(row.ticked) if row.ticked is not None else None, row.na_reason)


def reviews_of(scope: Scope, report_id: UUID) -> dict[str, ReviewView]:
    columns = sa.select(ItemReview.code, ItemReview.verdict, ItemReview.reason, ItemReview.reviewer_id, ItemReview.at)
    rows = session().execute(scope.over(columns.where(ItemReview.report_id == report_id), ItemReview))
    return {row.code: ReviewView(row.verdict, row.reason, row.reviewer_id, row.at) for row in rows}


def evidence_of(scope: Scope, report_id: UUID) -> dict[str, tuple[EvidenceView, ...]]:
    """The files of a report by indicator, in the order in which they came."""
    rows = session().scalars(
        scope.select(EvidenceFile)
        .where(EvidenceFile.report_id == report_id, EvidenceFile.removed_at.is_(None))
        .order_by(EvidenceFile.id)
    )
    found: dict[str, tuple[EvidenceView, ...]] = {}
    for row in rows:
        found[row.code] = (*found.get(row.code, ()), evidence_view(row))
    return found


def evidence_ids(scope: Scope, report_id: UUID) -> frozenset[UUID]:
    """Every file that the report has or has had."""
    ids = sa.select(EvidenceFile.id).where(EvidenceFile.report_id == report_id)
    return frozenset(session().scalars(scope.over(ids, EvidenceFile)))


def evidence(scope: Scope, evidence_id: UUID) -> EvidenceView:
    """One file that has not been removed; NotFound for a stranger."""
    row = session().scalar(
        scope.select(EvidenceFile).where(EvidenceFile.id == evidence_id, EvidenceFile.removed_at.is_(None))
    )
    if row is None:
        raise NotFound
    return evidence_view(row)


def evidence_view(row: EvidenceFile) -> EvidenceView:
    return EvidenceView(
        row.id, row.school_id, row.report_id, row.code, row.filename, row.media_type, row.size, row.sha256,
        row.uploaded_by, row.uploaded_at,
    )  # fmt: skip


def steps(scope: Scope, report_id: UUID) -> tuple[StepView, ...]:
    """The report's way through its states, oldest first."""
    rows = session().scalars(scope.select(ReportStep).where(ReportStep.report_id == report_id).order_by(ReportStep.seq))
    return tuple(StepView(row.action, row.before, row.after, row.actor, row.reason, row.at) for row in rows)


def previous_values(scope: Scope, school_id: UUID, quarter: Quarter) -> dict[tuple[str, UUID], Entry]:
    """What the school gave for the quarter before, by indicator and unit."""
    statement = scope.over(
        sa.select(*_VALUE)
        .join(Report, sa.and_(Report.district_id == ReportValue.district_id, Report.id == ReportValue.report_id))
        .where(Report.school_id == school_id, Report.quarter == quarter.previous),
        ReportValue,
    )
    return {(row.code, row.unit_id): entry_of_row(row) for row in session().execute(statement)}


def find_dates(scope: Scope, quarter: Quarter) -> QuarterView | None:
    """The quarter's dates in the scope's district, or None when none are set."""
    row = session().scalar(scope.select(ReportingQuarter).where(ReportingQuarter.quarter == quarter))
    return _quarter_view(row) if row else None


def find_report(scope: Scope, school_id: UUID, quarter: Quarter) -> ReportView | None:
    """One report, or None for a stranger and before the quarter has opened."""
    row = session().scalar(scope.select(Report).where(Report.school_id == school_id, Report.quarter == quarter))
    return report_view(row) if row else None


def last_approval(scope: Scope, account_id: UUID) -> datetime | None:
    """When this person last sent a report to the district."""
    newest = sa.select(sa.func.max(Report.approved_at)).where(Report.approved_by == account_id)
    found: datetime | None = session().scalar(scope.over(newest, Report))
    return found


def open_until(sheet: Sheet) -> datetime:
    """The moment from which the school's window is shut: the lock, or later after a return."""
    return max(sheet.dates.locks_at, sheet.report.open_until or sheet.dates.locks_at)
