"""Who has got how far in a quarter: the rows of the district's lists, filtered, counted and put in order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa

from tenants.db import session
from tenants.quarter import Quarter
from tenants.reporting import queries
from tenants.reporting.models import Report, ReportValue
from tenants.reporting.queries import QuarterView, ReportView
from tenants.reporting.workflow import STATE_NAMES, State
from tenants.schemes import queries as schemes
from tenants.schools import queries as schools
from tenants.schools.models import OrgKind, School, Stage
from tenants.schools.queries import Colleague, SchoolView
from tenants.scope import SCHOOL_ROLES, Role, Scope
from tenants.scoring.values import Scheme
from tenants.words import N_


class Shown(StrEnum):
    """Sets of schools that a number on the front page stands for, beside the states themselves."""

    SENT = "sent"
    UNSENT = "unsent"
    PUNCTUAL = "punctual"
    LATE = "late"


SHOWN_NAMES: dict[Shown, str] = {
    Shown.SENT: N_("已报送"),
    Shown.UNSENT: N_("未报送"),
    Shown.PUNCTUAL: N_("按时报送"),
    Shown.LATE: N_("逾期"),
}
FILTER_NAMES: dict[str, str] = {
    **{str(shown): name for shown, name in SHOWN_NAMES.items()},
    **{str(state): name for state, name in STATE_NAMES.items()},
}
"""Every value of the filter by state."""


@dataclass(frozen=True, slots=True)
class Row:
    """One school in a quarter. `filled` of `asked` indicators have an answer; `late` holds once lateness has begun."""

    school: SchoolView
    report: ReportView
    filled: int
    asked: int
    late: bool
    people: tuple[Colleague, ...]

    def person(self, role: Role) -> Colleague | None:
        return next((person for person in self.people if person.role is role), None)

    def belongs_to(self, shown: str) -> bool:
        """Whether the row is in a set of `FILTER_NAMES`; an empty name holds every row."""
        sent = self.report.first_sent_at is not None
        sets = {
            "": True, Shown.SENT: sent, Shown.UNSENT: not sent, Shown.PUNCTUAL: sent and not self.late,
            Shown.LATE: self.late,
        }  # fmt: skip
        return sets.get(shown, self.report.state == shown)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; empty strings narrow nothing."""

    state: str = ""
    stage: str = ""
    kind: str = ""
    group: str = ""
    search: str = ""

    @property
    def any(self) -> bool:
        return any((self.state, self.stage, self.kind, self.group, self.search))


@dataclass(frozen=True, slots=True)
class Overview:
    """A district's quarter in numbers."""

    schools: int
    sent: int
    punctual: int
    late: int
    waiting: int
    returned: int
    accepted: int

    @property
    def judged(self) -> int:
        """Schools of which it is known whether they were in time."""
        return self.punctual + self.late


ACCEPTED = frozenset({State.ACCEPTED, State.SCORED, State.APPEAL, State.PUBLISHED})


def is_late(report: ReportView, dates: QuarterView, now: datetime) -> bool:
    """Sent after lateness began, or not sent although it has begun."""
    return (report.first_sent_at or now) >= dates.late_from


def overview(scope: Scope, quarter: Quarter, now: datetime) -> Overview:
    """The numbers of the district's front page; the reviewer's own school does not wait for them."""
    dates = queries.quarter_view(scope, quarter)
    living = {school.id for school in schools.schools(scope)}
    found = [report for report in queries.reports(scope, quarter) if report.school_id in living]
    sent = [report for report in found if report.first_sent_at]
    return Overview(
        schools=len(found),
        sent=len(sent),
        punctual=sum(not is_late(report, dates, now) for report in sent),
        late=sum(is_late(report, dates, now) for report in found),
        waiting=sum(
            report.state is State.AWAITING_REVIEW and report.school_id != scope.own_school_id for report in found
        ),
        returned=sum(report.state is State.RETURNED for report in found),
        accepted=sum(report.state in ACCEPTED for report in found),
    )


def rows(scope: Scope, quarter: Quarter, filters: Filters, now: datetime) -> tuple[Row, ...]:
    """The schools of the district that `filters` leave, in the district's own order; empty before the opening."""
    dates = queries.quarter_view(scope, quarter)
    reports = {report.school_id: report for report in queries.reports(scope, quarter)}
    matching = _matching(scope, filters)
    found = [school for school in schools.schools(scope) if school.id in reports and school.id in matching]
    asked = _asked(scope, schemes.scheme_of(scope, dates.scheme_version_id), quarter, found)
    answered = _answered(scope, quarter)
    people = _people(scope)
    made = (
        Row(
            school, reports[school.id], _filled(asked[school.id], answered.get(reports[school.id].id, {})),
            len(asked[school.id]), is_late(reports[school.id], dates, now), people.get(school.id, ()),
        )
        for school in found
    )  # fmt: skip
    return tuple(row for row in made if row.belongs_to(filters.state))


def _matching(scope: Scope, filters: Filters) -> frozenset[UUID]:
    statement = sa.select(School.id)
    if filters.stage:
        statement = statement.where(School.stage == Stage(filters.stage))
    if filters.kind:
        statement = statement.where(School.org_kind == OrgKind(filters.kind))
    if filters.group:
        statement = statement.where(School.group_name == filters.group)
    if filters.search:
        said = filters.search.lower().replace(" ", "")
        columns = (School.name, School.short_name, School.pinyin, School.code)
        statement = statement.where(sa.or_(*(column.contains(said, autoescape=True) for column in columns)))
    return frozenset(session().scalars(scope.over(statement, School)))


def _asked(
    scope: Scope, scheme: Scheme, quarter: Quarter, found: Iterable[SchoolView]
) -> dict[UUID, dict[str, int]]:  # fmt: skip
    """For each school how many units answer each indicator."""
    found = tuple(found)
    branches = schools.branches(scope, [school.id for school in found])
    due = scheme.due(quarter.number)
    return {
        school.id: {
            indicator.code: count
            for indicator in due
            if (count := len(queries.units_of(indicator, school, branches[school.id])))
        }
        for school in found
    }


def _answered(scope: Scope, quarter: Quarter) -> dict[UUID, dict[str, int]]:
    """For each report how many units have answered each indicator."""
    given = sa.or_(
        ReportValue.number.is_not(None), ReportValue.numerator.is_not(None), ReportValue.flag.is_not(None),
        ReportValue.ticked.is_not(None), ReportValue.na_reason != "",
    )  # fmt: skip
    counted = (
        sa.select(ReportValue.report_id, ReportValue.code, sa.func.count())
        .join(Report, sa.and_(Report.district_id == ReportValue.district_id, Report.id == ReportValue.report_id))
        .where(Report.quarter == quarter, given)
        .group_by(ReportValue.report_id, ReportValue.code)
    )
    found: dict[UUID, dict[str, int]] = {}
    for report_id, code, count in session().execute(scope.over(counted, ReportValue)):
        found.setdefault(report_id, {})[code] = count
    return found


def _filled(asked: Mapping[str, int], answered: Mapping[str, int]) -> int:
    return sum(answered.get(code, 0) >= units for code, units in asked.items())


def _people(scope: Scope) -> dict[UUID, tuple[Colleague, ...]]:
    found: dict[UUID, tuple[Colleague, ...]] = {}
    for person in schools.colleagues(scope):
        if person.school_id and person.role in SCHOOL_ROLES:
            found[person.school_id] = (*found.get(person.school_id, ()), person)
    return found


def group_names(scope: Scope) -> tuple[str, ...]:
    """The districts' 片区 that schools have, in the order of the schools."""
    return tuple(dict.fromkeys(school.group_name for school in schools.schools(scope) if school.group_name))


def queue(scope: Scope, quarter: Quarter) -> tuple[tuple[SchoolView, ReportView], ...]:
    """The reports that wait for the district, the longest waiting first."""
    waiting = [report for report in queries.reports(scope, quarter) if report.state is State.AWAITING_REVIEW]
    named = {school.id: school for school in schools.schools(scope, closed=True)}
    waiting.sort(key=lambda report: (report.approved_at or report.submitted_at, report.id))
    return tuple((named[report.school_id], report) for report in waiting)


def days_waiting(report: ReportView, now: datetime) -> int:
    return (now - report.approved_at).days if report.approved_at else 0


def judged_today(scope: Scope, quarter: Quarter, since: datetime) -> int:
    """How many reports of the quarter the district has accepted since a moment."""
    return sum(bool(report.accepted_at and report.accepted_at >= since) for report in queries.reports(scope, quarter))
