"""The job that scores: what it claims, what it leaves, and that no kill or pause makes half a run or two."""

import subprocess
import sys
import time
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NoReturn

import pytest
from flask import Flask

from jobs import compute_scores
from jobs.compute_scores import LEASE
from tenants import audit
from tenants.db import session, transaction
from tenants.reporting import actions as reporting
from tenants.reporting import queries as reports
from tenants.reporting.models import Report
from tenants.reporting.workflow import State
from tenants.results import actions, computing, queries
from tenants.results.actions import ClaimLost
from tenants.results.models import ScoreItem, ScoreRun
from tests.tenants.results.loop import accepted, locks
from tests.world import NOW, QUARTER, World
from web.cli import environ_for_children
from web.config import Settings

MINUTE = timedelta(minutes=1)


def report_row(world: World) -> Report:
    with transaction(world.job):
        mine = world.job.select(Report).where(Report.school_id == world.school)
        return session().scalars(mine.execution_options(populate_existing=True)).one()


def runs(world: World) -> list[queries.RunView]:
    with transaction(world.job):
        return list(queries.runs(world.job))


def test_scores_what_is_accepted(world: World) -> None:
    accepted(world, world.alice, world.bob)
    assert compute_scores.run(world.job, NOW) == 1
    assert [run.total for run in runs(world)] == [Decimal(100)]
    assert compute_scores.run(world.job, NOW) == 0
    row = report_row(world)
    assert (row.state, row.score_due_at, row.claimed_until, row.score_attempts) == (State.SCORED, None, None, 0)


def test_leaves_other_districts_alone(world: World) -> None:
    accepted(world, world.alice, world.bob)
    assert compute_scores.run(world.other_job, NOW) == 0
    assert runs(world) == []


def test_lock_makes_scores_owed(world: World) -> None:
    """Two reports that never came: scored when the quarter locks, once, and not before."""
    assert compute_scores.run(world.job, locks() - timedelta(seconds=1)) == 0
    assert compute_scores.run(world.job, locks()) == 2
    assert {(run.cause, run.total, run.penalty) for run in runs(world)} == {("deadline", 0, 2)}
    assert compute_scores.run(world.job, locks() + MINUTE) == 0


def test_claim_keeps_others_off_until_it_runs_out(world: World) -> None:
    accepted(world, world.alice, world.bob)
    with transaction(world.job):
        assert reporting.claim_due(world.job, NOW, LEASE) == (world.school, QUARTER)
    assert compute_scores.run(world.job, NOW + LEASE - MINUTE) == 0
    assert compute_scores.run(world.job, NOW + LEASE + MINUTE) == 1


def test_worker_that_comes_back_late_writes_nothing(world: World) -> None:
    accepted(world, world.alice, world.bob)
    with transaction(world.job):
        assert reporting.claim_due(world.job, NOW, LEASE)
    assert compute_scores.run(world.job, NOW + LEASE + MINUTE) == 1
    with pytest.raises(ClaimLost), transaction(world.job):
        actions.compute(world.job, world.school, QUARTER, now=NOW, claim=NOW + LEASE, force=True)
    assert not compute_scores._score(world.job, world.school, QUARTER, NOW)
    assert len(runs(world)) == 1


def test_late_failure_does_not_disturb_the_successor(world: World) -> None:
    accepted(world, world.alice, world.bob)
    with transaction(world.job):
        assert reporting.claim_due(world.job, NOW, LEASE)
    second = NOW + LEASE + MINUTE
    with transaction(world.job):
        assert reporting.claim_due(world.job, second, LEASE)
    compute_scores._note(world.job, world.school, QUARTER, ValueError("late"), NOW)
    row = report_row(world)
    assert (row.claimed_until, row.score_error) == (second + LEASE, "")


def test_failure_is_tried_again_later_and_parked_in_the_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    accepted(world, world.alice, world.bob)
    accepted(world, world.carol, world.dave)
    whole = computing.compute

    def fragile(scope: object, sheet: reports.Sheet) -> computing.Computed:
        if sheet.school.id == world.school:
            raise ZeroDivisionError("boom")
        return whole(scope, sheet)  # type: ignore[arg-type]

    monkeypatch.setattr(computing, "compute", fragile)
    assert compute_scores.run(world.job, NOW) == 1, "the other school's score is made"
    now = NOW
    for minutes in (1, 5, 15, 60):
        row = report_row(world)
        assert (row.score_due_at, row.claimed_until, row.state) == (now + minutes * MINUTE, None, State.ACCEPTED)
        assert "boom" in row.score_error
        assert compute_scores.run(world.job, now + minutes * MINUTE - timedelta(seconds=1)) == 0
        now += minutes * MINUTE
        assert compute_scores.run(world.job, now) == 0
    row = report_row(world)
    assert (row.score_due_at, row.score_attempts) == (None, 5)
    assert compute_scores.run(world.job, now + timedelta(days=30)) == 0
    monkeypatch.undo()
    with transaction(world.job):
        actions.compute(world.job, world.school, QUARTER, cause=actions.MANUAL, now=now)
    row = report_row(world)
    assert (row.state, row.score_error, row.score_attempts) == (State.SCORED, "", 0)


def test_failed_score_leaves_no_trace_of_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault after everything is written takes all of it back."""
    accepted(world, world.alice, world.bob)

    def broken(*_: object) -> NoReturn:
        raise RuntimeError("after the rows")

    monkeypatch.setattr(reporting, "mark_scored", broken)
    assert compute_scores.run(world.job, NOW) == 0
    with transaction(world.job):
        for model in (ScoreRun, ScoreItem):
            assert session().scalars(world.job.select(model)).all() == []
        assert list(audit.faults(world.job)) == []


# ---- killed in the middle ------------------------------------------------------------------------------------------

STAGES = {
    "claimed, nothing computed": "tenants.results.computing.compute",
    "rows written, report not moved": "tenants.reporting.actions.mark_scored",
    "all done, about to commit": "tenants.audit._append",
}
CHILD = """
import importlib, sys, time
from datetime import datetime
from uuid import UUID
from jobs import compute_scores
from tenants.scope import Role, Scope
from web import create_app
from web.config import read_settings

def hang(*args, **kwargs):
    print("READY", flush=True)
    time.sleep(600)

district, now, where = sys.argv[1:]
app = create_app(read_settings())
module, name = where.rsplit(".", 1)
setattr(importlib.import_module(module), name, hang)
with app.app_context():
    scope = Scope(role=Role.JOB, actor="系统", district_id=UUID(district), whole_district=True)
    compute_scores.run(scope, datetime.fromisoformat(now))
"""


@pytest.mark.parametrize("stage", STAGES)
def test_kill_leaves_no_half_run_and_loses_nothing(own_database: tuple[Flask, World, Settings], stage: str) -> None:
    app, world, settings = own_database
    with app.app_context():
        accepted(world, world.alice, world.bob)
        undisturbed = _undisturbed(world)
    _kill_in(STAGES[stage], world, settings)
    with app.app_context():
        assert runs(world) == []
        with transaction(world.job):
            assert session().scalars(world.job.select(ScoreItem)).all() == []
        assert compute_scores.run(world.job, NOW + LEASE - MINUTE) == 0, "the dead worker's claim still holds"
        assert _eventually(world, NOW + LEASE + MINUTE) == 1
        (run,) = runs(world)
        assert (run.sha256, run.number) == (undisturbed, 1)
        with transaction(world.job):
            assert queries.verify(world.job, run.id).holds
            assert reports.report(world.job, world.school, QUARTER).state is State.SCORED
            assert list(audit.faults(world.job)) == []


def _undisturbed(world: World) -> str:
    """The seal of the run that nobody disturbs."""
    with transaction(world.job):
        return computing.compute(world.job, reports.sheet(world.job, world.school, QUARTER)).seal.sha256


def _kill_in(where: str, world: World, settings: Settings) -> None:
    command = [sys.executable, "-c", CHILD, str(world.district), NOW.isoformat(), where]
    with subprocess.Popen(command, env=environ_for_children(settings), stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "READY\n"
        child.kill()


def _eventually(world: World, now: datetime) -> int:
    """The server needs a moment to notice that the killed client is gone, and lets its row lock go then."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        done = compute_scores.run(world.job, now)
        if done:
            return done
        time.sleep(0.05)
    return 0
