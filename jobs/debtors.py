"""Schools that have not sent a quarter's report, and the days that count for reminding them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from tenants.quarter import Quarter
from tenants.reporting.actions import UNSENT
from tenants.reporting.queries import QuarterView, ReportView, quarter_views, reports
from tenants.schools import queries as schools
from tenants.schools.queries import Colleague, SchoolView
from tenants.scope import Role, Scope

INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Debtor:
    """A school with the report it has never sent to the district, and its people by role."""

    school: SchoolView
    report: ReportView
    people: Mapping[Role, tuple[Colleague, ...]]

    def of(self, roles: Iterable[Role]) -> tuple[Colleague, ...]:
        return tuple(person for role in roles for person in self.people.get(role, ()))


def debtors(scope: Scope, quarter: Quarter) -> tuple[Debtor, ...]:
    """The open schools that owe a report; one returned by the district was sent once, and has its own deadline."""
    owing = {
        report.school_id: report
        for report in reports(scope, quarter)
        if report.state in UNSENT and report.first_sent_at is None
    }
    people = _people(scope) if owing else {}
    return tuple(
        Debtor(school, owing[school.id], people.get(school.id, {}))
        for school in schools.schools(scope)
        if school.id in owing
    )


def _people(scope: Scope) -> dict[UUID, dict[Role, tuple[Colleague, ...]]]:
    found: dict[UUID, dict[Role, tuple[Colleague, ...]]] = {}
    for person in schools.colleagues(scope):
        if person.school_id is not None:
            posts = found.setdefault(person.school_id, {})
            posts[person.role] = (*posts.get(person.role, ()), person)
    return found


def opened(scope: Scope) -> tuple[QuarterView, ...]:
    """The quarters whose reports have been made."""
    return tuple(view for view in quarter_views(scope) if view.opened_at is not None)


def zone_of(scope: Scope) -> ZoneInfo:
    return ZoneInfo(schools.district(scope).zone)


def last_day(due_at: datetime, zone: ZoneInfo) -> date:
    """The last day on which a report is in time: a deadline at midnight belongs to the day before."""
    return (due_at - INSTANT).astimezone(zone).date()


def days_to(due_at: datetime, now: datetime, zone: ZoneInfo) -> int:
    """Calendar days from today to the last day in the district's zone; negative once it has passed."""
    return (last_day(due_at, zone) - now.astimezone(zone).date()).days
