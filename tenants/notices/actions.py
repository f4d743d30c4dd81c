"""Owing a mail in the transaction of its cause; claiming, closing and taking up again what is owed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from tenants import audit
from tenants.db import new_id, session
from tenants.errors import Conflict, NotFound
from tenants.notices.models import Mail, MailState, Rule
from tenants.quarter import Quarter
from tenants.schools.models import Account
from tenants.schools.queries import Colleague
from tenants.scope import Right, Scope
from tenants.words import N_, words

SECRET = "link"
"""The fact that is worth an account: gone from the row as soon as it is no longer needed."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a mail says, as first rendered."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that is ours to send until `until`; `content` is there when it was rendered before."""

    id: UUID
    school_id: UUID | None
    rule: Rule
    quarter: Quarter | None
    account_id: UUID
    cause: str
    address: str
    facts: Mapping[str, Any]
    message_id: str
    created_at: datetime
    attempts: int
    until: datetime
    content: Content | None


def owe(
    scope: Scope,
    rule: Rule,
    recipients: Iterable[Colleague],
    *,
    cause: str,
    facts: Mapping[str, Any],
    now: datetime,
    school_id: UUID | None = None,
    quarter: Quarter | None = None,
) -> int:
    """Owe one mail to each recipient that has an address; a second call for the same cause owes nothing more.

    `facts` are what the mail tells, plain data of the recipient's own school; returns how many are new.
    """
    rows = [
        {
            "district_id": scope.district, "id": new_id(), "school_id": school_id, "rule": rule, "quarter": quarter,
            "account_id": person.account_id, "cause": cause, "address": person.email, "facts": dict(facts),
            "message_id": f"<{new_id().hex}@linghang>", "created_at": now, "next_try_at": now,
        }
        for person in recipients
        if person.email
    ]  # fmt: skip
    if not rows:
        return 0
    written = insert(Mail).values(rows).on_conflict_do_nothing().returning(Mail.id).execution_options(scope=scope)
    return len(session().execute(written).all())


def claim(scope: Scope, now: datetime, span: timedelta) -> Claimed | None:
    """Claim the mail of the district that has been due longest; None when none is. The caller commits.

    The claim runs out by itself when its worker dies; the try counts from now on, so that none is made for ever.
    """
    row = session().scalar(
        scope.select(Mail)
        .where(Mail.state == MailState.WAITING, Mail.next_try_at <= now)
        .where(sa.or_(Mail.claimed_until.is_(None), Mail.claimed_until < now))
        .order_by(Mail.next_try_at, Mail.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if row is None:
        return None
    row.claimed_until, row.attempts = now + span, row.attempts + 1
    session().flush()
    content = Content(row.subject, row.text, row.html) if row.subject else None
    return Claimed(
        row.id, row.school_id, row.rule, row.quarter, row.account_id, row.cause, row.address, dict(row.facts),
        row.message_id, row.created_at, row.attempts, now + span, content,
    )  # fmt: skip


def keep_content(scope: Scope, mail: Claimed, content: Content) -> bool:
    """Store what was rendered, so that a retry sends the same; False when the claim is no longer ours."""
    return _change(scope, mail, subject=content.subject, text=content.text, html=content.html)


def mark_sent(scope: Scope, mail: Claimed, now: datetime) -> bool:
    return _change(scope, mail, state=MailState.SENT, sent_at=now, last_error="", claimed_until=None, **_secrets(mail))


def suppress(scope: Scope, mail: Claimed, reason: str) -> bool:
    """The mail is not to be sent any more; `reason` says why."""
    return _change(
        scope, mail, state=MailState.SUPPRESSED, last_error=reason, claimed_until=None, **_secrets(mail)
    )  # fmt: skip


def mark_failed(scope: Scope, mail: Claimed, error: str) -> bool:
    """Nobody tries again by themselves; the district's administrator sees it, and can."""
    return _change(scope, mail, state=MailState.FAILED, last_error=error, claimed_until=None)


def put_off(scope: Scope, mail: Claimed, error: str, until: datetime) -> bool:
    return _change(scope, mail, last_error=error, next_try_at=until, claimed_until=None)


def _change(scope: Scope, mail: Claimed, **values: object) -> bool:
    """Change the row if the claim is still ours."""
    ours = (Mail.id == mail.id, Mail.state == MailState.WAITING, Mail.claimed_until == mail.until)
    changed = session().execute(scope.update(Mail).where(*ours).values(**values))
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def _secrets(mail: Claimed) -> dict[str, object]:
    """What has to be wiped from a mail that carries a one-time link."""
    if SECRET not in mail.facts:
        return {}
    return {"facts": {name: fact for name, fact in mail.facts.items() if name != SECRET}, "text": "", "html": ""}


def resend(scope: Scope, mail_id: UUID, now: datetime) -> None:
    """Try a failed mail again, at the address that the account has now."""
    scope.require(Right.MANAGE)
    row = session().scalar(scope.select(Mail).where(Mail.id == mail_id).with_for_update())
    if row is None:
        raise NotFound
    if row.state is not MailState.FAILED:
        raise Conflict(words(N_("只有发送失败的邮件可以重发，这一封现在不是。")))
    current = session().scalar(scope.over(sa.select(Account.email).where(Account.id == row.account_id)))
    row.address = current or row.address
    row.state, row.next_try_at, row.attempts, row.claimed_until = MailState.WAITING, now, 0, None
    session().flush()
    audit.record(scope, "resend", "mail", mail_id, school_id=row.school_id, new={"rule": row.rule}, now=now)
