"""Running one job over all districts: scopes are built here, and here alone one tenant's failure is kept to itself."""

import logging
import traceback
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from uuid import UUID

from flask import Flask

from jobs import lease as leases
from jobs.schedule import Job
from tenants import worker
from tenants.db import transaction
from tenants.schools import queries as schools
from tenants.scope import Role, Scope
from tenants.words import N_
from tenants.worker import Lease

log = logging.getLogger(__name__)

INSTALLATION = Scope(role=Role.JOB, actor=N_("系统"))
"""The scope of what belongs to no district: the schedule itself."""


@dataclass(slots=True)
class Outcome:
    """What a run did: rows handled, tenants that failed, the last failure; `stopped` when the lease was lost."""

    job: str
    done: int = 0
    failures: int = 0
    error: str = ""
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Tenant:
    """One turn of a run: a district, or the installation as a whole."""

    name: str
    scope: Scope


def run_job(app: Flask, job: Job, now: datetime, lease: Lease | None = None) -> Outcome:
    """Run `job` for every tenant in turn. With a `lease`, stop as soon as another worker has taken over."""
    outcome, began = Outcome(job.name), monotonic()
    with app.app_context():
        if _lost(lease):
            outcome.stopped = True
            return outcome
        _note_start(job, now)
        try:
            for tenant in tenants_of(job):
                if _lost(lease):
                    outcome.stopped = True
                    break
                _run_for(job, tenant, now, outcome)
        finally:
            _note_end(job, now + timedelta(seconds=monotonic() - began))
    return outcome


def _lost(lease: Lease | None) -> bool:
    return lease is not None and not leases.held(INSTALLATION, lease)


def tenants_of(job: Job) -> tuple[Tenant, ...]:
    """Whom `job` works for, one after the other."""
    if not job.per_district:
        return (Tenant("", INSTALLATION),)
    with transaction(INSTALLATION):
        districts = schools.districts(INSTALLATION)
    return tuple(Tenant(district.name, scope_of(district.id)) for district in districts)


def scope_of(district_id: UUID) -> Scope:
    """The system at work in one district."""
    return Scope(role=Role.JOB, actor=INSTALLATION.actor, district_id=district_id, whole_district=True)


def _run_for(job: Job, tenant: Tenant, now: datetime, outcome: Outcome) -> None:
    error = ""
    try:
        outcome.done += job.run(tenant.scope, now)
    except Exception as fault:
        error = outcome.error = f"{tenant.name} {fault_of(fault)}".strip()
        outcome.failures += 1
        log.error("job %s failed: %s", job.name, error)
    with transaction(INSTALLATION):
        worker.note_progress(job.name, done=outcome.done, failures=outcome.failures, error=error, now=now)


def fault_of(error: BaseException) -> str:
    """What went wrong and where, without the message, which may quote a tenant's data."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " < ".join(
        [type(error).__name__, *(f"{Path(each.filename).name}:{each.lineno}" for each in reversed(frames))]
    )


def _note_start(job: Job, now: datetime) -> None:
    with transaction(INSTALLATION):
        worker.note_start(job.name, now, now + job.every)


def _note_end(job: Job, now: datetime) -> None:
    with transaction(INSTALLATION):
        worker.note_end(job.name, now)
