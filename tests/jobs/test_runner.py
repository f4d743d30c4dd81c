"""The schedule, and that one tenant's failure, or a lost lease, stays where it belongs."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask

from jobs import lease as leases
from jobs.runner import INSTALLATION, run_job
from jobs.schedule import JOBS, Job, job_named
from tenants import worker
from tenants.db import transaction
from tenants.errors import NotFound
from tenants.scope import Role, Scope
from tenants.worker import LEASE, JobView, Lease
from tests.world import NOW, World

MINUTE = timedelta(minutes=1)


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
    for _ in range(2):
        outcome = run_job(app, job, NOW)
        assert (outcome.failures, outcome.error, outcome.stopped) == (0, "", False)


def state_of(name: str) -> JobView:
    with transaction(INSTALLATION):
        return worker.job_views()[name]


def test_scopes_are_the_districts_own(app: Flask, world: World) -> None:
    seen: list[Scope] = []

    def look(scope: Scope, now: datetime) -> int:
        seen.append(scope)
        return 0

    run_job(app, Job("look", "", look, MINUTE), NOW)
    assert {scope.district_id for scope in seen} == {world.district, world.other_district}
    assert all(scope.role is Role.JOB and scope.whole_district for scope in seen)
    seen.clear()
    run_job(app, Job("look", "", look, MINUTE, per_district=False), NOW)
    assert [(scope.district_id, scope.whole_district) for scope in seen] == [(None, False)]


def test_one_districts_failure_stays_its_own(app: Flask, world: World) -> None:
    def work(scope: Scope, now: datetime) -> int:
        if scope.district_id == world.district:
            raise RuntimeError("机密内容")
        return 3

    outcome = run_job(app, Job("work", "", work, MINUTE), NOW)
    assert (outcome.done, outcome.failures) == (3, 1)
    state = state_of("work")
    assert (state.done, state.total_done, state.failures, state.running) == (3, 3, 1, False)
    assert state.last_error.startswith("西区 RuntimeError < test_runner.py:")
    assert "机密" not in state.last_error
    assert (state.started_at, state.error_at, state.next_at) == (NOW, NOW, NOW + MINUTE)


def test_state_shows_progress_while_running_and_adds_up(app: Flask, world: World) -> None:
    seen: list[JobView] = []

    def work(scope: Scope, now: datetime) -> int:
        seen.append(state_of("work"))
        return 2

    job = Job("work", "", work, MINUTE)
    run_job(app, job, NOW)
    run_job(app, job, NOW + MINUTE)
    assert [(state.done, state.running) for state in seen] == [(0, True), (2, True)] * 2
    state = state_of("work")
    assert (state.done, state.total_done, state.running) == (4, 8, False)


def test_broken_run_is_not_left_running(app: Flask, world: World) -> None:
    def work(scope: Scope, now: datetime) -> int:
        raise SystemExit

    with pytest.raises(SystemExit):
        run_job(app, Job("work", "", work, MINUTE), NOW)
    assert not state_of("work").running


def test_holder_that_lost_its_lease_stops_between_districts(app: Flask, world: World) -> None:
    old = leases.beat(INSTALLATION, "old", NOW)
    assert old is not None
    worked: list[UUID | None] = []

    def work(scope: Scope, now: datetime) -> int:
        worked.append(scope.district_id)
        assert leases.beat(INSTALLATION, "new", NOW + 2 * LEASE) is not None
        return 1

    outcome = run_job(app, Job("work", "", work, MINUTE), NOW, old)
    assert outcome.stopped
    assert len(worked) == 1


def test_holder_that_was_replaced_leaves_the_state_alone(app: Flask, world: World) -> None:
    job = Job("work", "", lambda scope, now: 1, MINUTE)
    outcome = run_job(app, job, NOW, Lease("never held", 7))
    assert outcome.stopped
    with transaction(INSTALLATION):
        assert worker.job_views() == {}


def test_lease_passes_on_with_a_higher_number(world: World) -> None:
    first = leases.beat(INSTALLATION, "a", NOW)
    assert first == leases.beat(INSTALLATION, "a", NOW + LEASE)
    assert first == Lease("a", 1)
    assert leases.beat(INSTALLATION, "b", NOW + LEASE) is None
    assert leases.held(INSTALLATION, first)
    second = leases.beat(INSTALLATION, "b", NOW + 2 * LEASE + MINUTE)
    assert second == Lease("b", 2)
    assert not leases.held(INSTALLATION, first)
    assert leases.beat(INSTALLATION, "a", NOW + 2 * LEASE + MINUTE) is None


def test_lease_that_was_let_go_is_free_at_once(world: World) -> None:
    first = leases.beat(INSTALLATION, "a", NOW)
    assert first is not None
    leases.let_go(INSTALLATION, first, NOW)
    assert leases.beat(INSTALLATION, "b", NOW + timedelta(seconds=1)) == Lease("b", 2)
    leases.let_go(INSTALLATION, first, NOW)
    assert leases.beat(INSTALLATION, "a", NOW + timedelta(seconds=2)) is None


def test_heartbeat_tells_when_a_worker_last_lived(world: World) -> None:
    def age(now: datetime) -> timedelta | None:
        with transaction(INSTALLATION):
            return worker.heartbeat(now)

    assert age(NOW) is None
    leases.beat(INSTALLATION, "a", NOW)
    assert age(NOW) == timedelta(0)
    assert age(NOW + MINUTE) == MINUTE
