"""Why a mail that was owed is not to be sent any more: looked at again, with the recipient's rights, before each try."""

from collections.abc import Callable
from datetime import datetime

from tenants.errors import NotFound
from tenants.notices import queries as notices
from tenants.notices.actions import Claimed
from tenants.notices.models import Rule
from tenants.reporting import queries as reporting
from tenants.reporting.actions import UNSENT
from tenants.schools import queries as schools
from tenants.scope import Scope
from tenants.words import N_, Words, words

Hold = Callable[[Scope, Claimed, datetime], Words | None]
CHASING = (Rule.REMINDER, Rule.OVERDUE)


def reason(scope: Scope, mail: Claimed, now: datetime) -> Words | None:
    """The first reason not to send `mail`; None when there is none."""
    return next((said for hold in HOLDS if (said := hold(scope, mail, now))), None)


def recipient_has_left(scope: Scope, mail: Claimed, _now: datetime) -> Words | None:
    """The account is disabled, or holds no post in that school (for a district's mail: none in the district)."""
    people = schools.colleagues(scope, school_id=mail.school_id)
    if any(person.account_id == mail.account_id for person in people):
        return None
    return words(N_("收件人的账号已停用，或已不在该单位任职。"))


def report_is_sent(scope: Scope, mail: Claimed, _now: datetime) -> Words | None:
    if mail.rule not in CHASING or mail.school_id is None or mail.quarter is None:
        return None
    try:
        state = reporting.report(scope, mail.school_id, mail.quarter).state
    except NotFound:
        return words(N_("这份报表已不存在。"))
    return None if state in UNSENT else words(N_("报表已经报送。"))


def deadline_has_passed(scope: Scope, mail: Claimed, now: datetime) -> Words | None:
    """A scheduled reminder is worth nothing after the deadline; the overdue notice takes its place."""
    if mail.rule is not Rule.REMINDER or not mail.cause.startswith("T-") or mail.quarter is None:
        return None
    passed = now >= reporting.quarter_view(scope, mail.quarter).due_at
    return words(N_("截止时间已过。")) if passed else None


def newer_one_is_owed(scope: Scope, mail: Claimed, _now: datetime) -> Words | None:
    if mail.rule in CHASING and notices.superseded(scope, mail.id):
        return words(N_("已有更新的一封。"))
    return None


def link_has_expired(_scope: Scope, mail: Claimed, now: datetime) -> Words | None:
    if mail.rule is not Rule.INVITATION or not mail.facts.get("until"):
        return None
    expired = datetime.fromisoformat(str(mail.facts["until"])) <= now
    return words(N_("链接已经过期。")) if expired else None


HOLDS: tuple[Hold, ...] = (
    recipient_has_left,
    report_is_sent,
    deadline_has_passed,
    newer_one_is_owed,
    link_has_expired,
)
