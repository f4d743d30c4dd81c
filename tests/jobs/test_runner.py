"""The schedule, and that one tenant's failure, or a lost lease, stays where it belongs."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask

from jobs import lease as leases
from jobs.runner import INSTALLATION, run_job
from jobs.schedule import JOBS, Job, job_named
from tenants import worker
from tenants.db import transaction
from tenants.errors import NotFound
from tenants.schools import queries as schools
from tenants.scope import Role, Scope
from tests.world import NOW, World


def test_schedule_is_complete() -> None:
    assert [(job.name, job.per_district) for job in JOBS] == [
        ("open_quarters", True),
        ("compute_scores", True),
        ("remind", True),
        ("mark_overdue", True),
        ("deliver_mail", True),
        ("prune", False),
    ]
    assert all(timedelta(seconds=15) <= job.every <= timedelta(hours=1) and job.title for job in JOBS)
    assert all(job_named(job.name) is job for job in JOBS)
    with pytest.raises(NotFound, match="remind"):
        job_named("unheard_of")


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_every_job_runs_for_everybody(app: Flask, job: Job) -> None:
    outcome = run_job(app, job, NOW)
    assert (outcome.failures, outcome.error, outcome.stopped) == (0, "", False)
