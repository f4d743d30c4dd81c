"""Points off that follow from what is stored: lateness and repeated returns. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tenants.scoring.values import ZERO, Scheme

INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Timeliness:
    """When a report was due and came. `sent_at` None: it never came; `zone`: the district's days are counted."""

    late_from: datetime
    locks_at: datetime
    sent_at: datetime | None
    returned: int
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Penalty:
    """One 扣分项 that applies: so many events, so many points, its own cap respected."""

    code: str
    name: str
    events: int
    points: Decimal


def late_days(facts: Timeliness) -> int:
    """Natural days, begun ones included, from `late_from` until the report came, or until the lock."""
    until = facts.sent_at or facts.locks_at
    if until <= facts.late_from:
        return 0
    first, last = facts.late_from.astimezone(facts.zone), (until - INSTANT).astimezone(facts.zone)
    return (last.date() - first.date()).days + 1


def repeated_returns(facts: Timeliness) -> int:
    """Returns by the district beyond the first."""
    return max(0, facts.returned - 1)


EVENTS: Mapping[str, Callable[[Timeliness], int]] = {"p_late": late_days, "p_returned": repeated_returns}


def penalties(scheme: Scheme, facts: Timeliness) -> tuple[Penalty, ...]:
    """What the scheme's own penalty items take off; items that people grade by hand are not among them."""
    found = ((item, EVENTS[item.code](facts)) for item in scheme.penalty_items if item.code in EVENTS)
    return tuple(Penalty(item.code, item.name_zh, events, item.for_events(events)) for item, events in found if events)


def points_off(found: tuple[Penalty, ...]) -> Decimal:
    """Their sum, before the scheme's cap on all penalties."""
    return sum((penalty.points for penalty in found), ZERO)
