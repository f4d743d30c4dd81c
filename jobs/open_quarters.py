"""Opening quarters whose time has come, and setting the dates of the coming one where nobody has."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from tenants.db import transaction
from tenants.quarter import Quarter
from tenants.reporting import actions as reporting
from tenants.reporting.queries import QuarterView, quarter_views
from tenants.schemes.actions import newest_version
from tenants.schools import queries as schools
from tenants.scope import Scope

OPENS_ON, DUE_ON, LATE_ON, LOCKS_ON = 20, 10, 13, 20
"""Days of the month: of the quarter's last month, then of the month after the quarter (DOMAIN.md, section 7)."""
DUE_AT = time(18)


def run(scope: Scope, now: datetime) -> int:
    """Set missing dates and make missing reports; returns how many reports were made."""
    with transaction(scope):
        set_coming_dates(scope, now)
        ready = [view for view in quarter_views(scope) if to_open(view, now)]
        return sum(reporting.open_quarter(scope, view.quarter, now) for view in ready)


def to_open(view: QuarterView, now: datetime) -> bool:
    """Not opened although it is time; or opened and not yet due, so that a school which joined late gets its report."""
    return view.opens_at <= now and (view.opened_at is None or now < view.due_at)


def set_coming_dates(scope: Scope, now: datetime) -> None:
    """Give the running calendar quarter, which will be reported next, the usual dates and the newest scheme."""
    zone = ZoneInfo(schools.district(scope).zone)
    quarter = Quarter.of(now, zone)
    version = newest_version(scope)
    if version is None or any(view.quarter == quarter for view in quarter_views(scope)):
        return
    reporting.set_dates(scope, quarter, **usual_dates(quarter, zone), scheme_version_id=version, now=now)


def usual_dates(quarter: Quarter, zone: ZoneInfo) -> dict[str, datetime]:
    """The four dates of a quarter that nobody has set otherwise, in UTC."""
    last_month = date(quarter.year, quarter.number * 3, 1)
    after = quarter.next.first_day

    def at(month: date, day: int, hour: time = time.min) -> datetime:
        return datetime.combine(month.replace(day=day), hour, zone).astimezone(UTC)

    return {
        "opens_at": at(last_month, OPENS_ON),
        "due_at": at(after, DUE_ON, DUE_AT),
        "late_from": at(after, LATE_ON),
        "locks_at": at(after, LOCKS_ON),
    }
