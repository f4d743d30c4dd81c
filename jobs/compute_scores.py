"""Scoring what is owed: one report at a time, claimed, computed and committed by itself."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from tenants.db import transaction
from tenants.quarter import Quarter
from tenants.reporting import actions as reporting
from tenants.reporting.queries import quarter_views
from tenants.results import actions as results
from tenants.results.actions import ClaimLost
from tenants.scope import Scope

log = logging.getLogger(__name__)
LEASE = timedelta(minutes=10)
"""How long a claim holds; a worker that was killed is replaced after that."""


def run(scope: Scope, now: datetime) -> int:
    """Score every report of the district that is due; returns how many were scored."""
    owe_locked(scope, now)
    done = 0
    while claimed := _claim(scope, now):
        done += _score(scope, *claimed, now)
    return done


def owe_locked(scope: Scope, now: datetime) -> int:
    """A quarter that has locked owes a score for every report that was never handed in."""
    with transaction(scope):
        locked = [each.quarter for each in quarter_views(scope) if each.opened_at and each.locks_at <= now]
        return sum(reporting.owe_scores_of_locked(scope, quarter, now) for quarter in locked)


def _claim(scope: Scope, now: datetime) -> tuple[UUID, Quarter] | None:
    with transaction(scope):
        return reporting.claim_due(scope, now, LEASE)


def _score(scope: Scope, school_id: UUID, quarter: Quarter, now: datetime) -> bool:
    """Compute under the claim; one report's failure is noted and stays its own."""
    try:
        with transaction(scope):
            results.compute(scope, school_id, quarter, now=now, claim=now + LEASE)
    except ClaimLost:
        return False
    except Exception as error:
        log.exception("score of %s for school %s failed", quarter, school_id)
        _note(scope, school_id, quarter, error, now)
        return False
    return True


def _note(scope: Scope, school_id: UUID, quarter: Quarter, error: Exception, now: datetime) -> None:
    try:
        with transaction(scope):
            said = f"{type(error).__name__}: {error}"
            results.note_failure(scope, school_id, quarter, said, now=now, claim=now + LEASE)
    except ClaimLost:
        log.info("score of %s for school %s was taken over", quarter, school_id)
