"""Who ticks: one lease row with a fencing number, renewed by a heartbeat."""

from datetime import datetime, timedelta

from tenants import worker
from tenants.db import transaction
from tenants.scope import Scope
from tenants.worker import TICKING, Lease

BEAT = timedelta(seconds=3)
"""How often a worker renews the lease, or tries to take it."""


def beat(scope: Scope, holder: str, now: datetime) -> Lease | None:
    """Take or renew the lease; None while another worker holds it."""
    with transaction(scope):
        return worker.take_lease(TICKING, holder, now)


def held(scope: Scope, lease: Lease) -> bool:
    """Whether nobody has taken over since `lease` was ours."""
    with transaction(scope):
        return worker.still_held(TICKING, lease)


def let_go(scope: Scope, lease: Lease, now: datetime) -> None:
    """Give the lease back at a clean end, so that a standby need not wait for it to run out."""
    with transaction(scope):
        worker.release_lease(TICKING, lease, now)
