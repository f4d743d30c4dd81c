"""Reminding schools that have not sent their report: seven, three and one days before the last day."""

from datetime import datetime
from zoneinfo import ZoneInfo

from jobs.debtors import Debtor, days_to, debtors, opened, zone_of
from tenants.db import transaction
from tenants.notices import actions as notices
from tenants.notices.models import Rule
from tenants.reporting.queries import QuarterView
from tenants.scope import Role, Scope

STEPS: dict[int, tuple[Role, ...]] = {7: (Role.REPORTER,), 3: (Role.REPORTER,), 1: (Role.REPORTER, Role.SECRETARY)}
"""Days before the last day → who is reminded."""


def run(scope: Scope, now: datetime) -> int:
    """Owe the newest reminder that is due in each quarter; returns how many mails are new."""
    with transaction(scope):
        zone = zone_of(scope)
        return sum(_remind(scope, dates, now, zone) for dates in opened(scope))


def step_of(dates: QuarterView, now: datetime, zone: ZoneInfo) -> int | None:
    """The newest of the steps whose day has come; None before the first and from the deadline on."""
    if now >= dates.due_at:
        return None
    left = days_to(dates.due_at, now, zone)
    return min((step for step in STEPS if left <= step), default=None)


def _remind(scope: Scope, dates: QuarterView, now: datetime, zone: ZoneInfo) -> int:
    step = step_of(dates, now, zone)
    if step is None:
        return 0
    return sum(_owe(scope, debtor, dates, step, now) for debtor in debtors(scope, dates.quarter))


def _owe(scope: Scope, debtor: Debtor, dates: QuarterView, step: int, now: datetime) -> int:
    return notices.owe(
        scope, Rule.REMINDER, debtor.of(STEPS[step]), cause=f"T-{step}",
        facts={"school": debtor.school.name, "due_at": dates.due_at.isoformat()},
        school_id=debtor.school.id, quarter=dates.quarter, now=now,
    )  # fmt: skip
