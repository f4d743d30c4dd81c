"""Owing a mail: the row is written in the transaction of its cause."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from tenants.db import new_id, session
from tenants.notices.models import Mail, Rule
from tenants.quarter import Quarter
from tenants.schools.queries import Colleague
from tenants.scope import Scope


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
    written = insert(Mail).values(rows).on_conflict_do_nothing().execution_options(scope=scope)
    return int(session().execute(written).rowcount)  # type: ignore[attr-defined]
