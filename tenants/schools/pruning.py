"""Deleting rows of sign-in that are of no more use. Installation tables only."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tenants.db import session
from tenants.schools.models import Attempt, CredentialLink, LoginSession


def forget_ended(before: datetime) -> int:
    """Delete sessions that ended, links that were used or ran out, and tries counted before `before`."""
    ended: tuple[tuple[type[Any], sa.ColumnElement[bool]], ...] = (
        (LoginSession, sa.or_(LoginSession.ended_at < before, LoginSession.expires_at < before)),
        (CredentialLink, sa.or_(CredentialLink.used_at < before, CredentialLink.expires_at < before)),
        (Attempt, Attempt.window < before),
    )
    return sum(session().execute(sa.delete(model).where(which)).rowcount for model, which in ended)  # type: ignore[attr-defined]
