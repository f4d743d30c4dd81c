"""Forgetting what has run out: login sessions, one-time links, counted tries. Nothing of any district."""

from datetime import datetime, timedelta

from tenants.db import transaction
from tenants.schools import pruning
from tenants.scope import Scope

KEPT = timedelta(days=1)
"""How long what has ended stays: long enough to look into what went wrong."""


def run(scope: Scope, now: datetime) -> int:
    """Delete what ended more than a day ago; returns how many rows."""
    with transaction(scope):
        return pruning.forget_ended(now - KEPT)
