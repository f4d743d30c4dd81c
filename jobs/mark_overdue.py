"""Telling schools that their report is overdue: on the first and on the third day after the last day."""

from datetime import datetime
from zoneinfo import ZoneInfo

from jobs.debtors import Debtor, days_to, debtors, opened, zone_of
from tenants.db import transaction
from tenants.notices import actions as notices
from tenants.notices.models import Rule
from tenants.reporting.queries import QuarterView
from tenants.scope import Role, Scope

STEPS = (1, 3)
"""Days after the last day."""
TO = (Role.REPORTER, Role.SECRETARY)


def run(scope: Scope, now: datetime) -> int:
    """Owe the newest overdue notice in each quarter; returns how many mails are new."""
    with transaction(scope):
        zone = zone_of(scope)
        return sum(_mark(scope, dates, now, zone) for dates in opened(scope))


def step_of(dates: QuarterView, now: datetime, zone: ZoneInfo) -> int | None:
    """The newest of the steps whose day has come; None before the first, and once nothing can be sent any more."""
    if now >= dates.locks_at:
        return None
    over = -days_to(dates.due_at, now, zone)
    return max((step for step in STEPS if step <= over), default=None)


def _mark(scope: Scope, dates: QuarterView, now: datetime, zone: ZoneInfo) -> int:
    step = step_of(dates, now, zone)
    if step is None:
        return 0
    return sum(_owe(scope, debtor, dates, step, now) for debtor in debtors(scope, dates.quarter))


def _owe(scope: Scope, debtor: Debtor, dates: QuarterView, step: int, now: datetime) -> int:
    facts = {
        "school": debtor.school.name, "due_at": dates.due_at.isoformat(), "late_from": dates.late_from.isoformat(),
        "locks_at": dates.locks_at.isoformat(),
    }  # fmt: skip
    return notices.owe(
        scope, Rule.OVERDUE, debtor.of(TO), cause=f"+{step}", facts=facts, school_id=debtor.school.id,
        quarter=dates.quarter, now=now,
    )  # fmt: skip
