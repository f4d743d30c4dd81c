"""From an accepted or locked report to a sealed run."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from tenants import audit
from tenants.db import session, transaction
from tenants.errors import Conflict, Forbidden, NotFound
from tenants.quarter import Quarter
from tenants.reporting import actions as reporting
from tenants.reporting import queries as reports
from tenants.reporting.validation import Entry
from tenants.reporting.workflow import State
from tenants.results import actions, queries
from tenants.results.explanation import sealed_text
from tenants.results.models import ScoreItem
from tenants.scoring.canonical import digest
from tenants.scoring.values import ItemState
from tests.tenants.results.loop import accepted, locks, scored
from tests.world import NOW, QUARTER, World, fill

DAY = timedelta(days=1)


def test_full_report_earns_all(world: World) -> None:
    run_id = scored(world, accepted(world, world.alice, world.bob))
    with transaction(world.job):
        run = queries.run(world.job, run_id)
        items = queries.items(world.job, run_id)
        report = reports.report(world.job, world.school, QUARTER)
    assert (run.total, run.base, run.penalty, run.grade, run.number) == (Decimal(100), 100, 0, "好", 1)
    assert (run.cause, run.red, run.yellow, run.missing) == ("accepted", 0, 0, 0)
    assert run.green + run.not_applicable + sum(not item.weight for item in items) >= len(items)
    assert report.state is State.SCORED
    assert report.score_due_at is None


def test_items_come_in_the_schemes_order(world: World) -> None:
    run_id = scored(world, accepted(world, world.alice, world.bob))
    with transaction(world.job):
        sheet = reports.sheet(world.job, world.school, QUARTER)
        items = queries.items(world.job, run_id)
    assert [item.code for item in items] == [indicator.code for indicator in sheet.due]
    assert [item.number for item in items] == [indicator.number for indicator in sheet.due]


def test_seal_holds_all_that_made_the_score(world: World) -> None:
    given = Entry(value=Decimal(2))
    run_id = scored(world, accepted(world, world.alice, world.bob, party_meeting_count=given))
    with transaction(world.job):
        run, text = queries.run(world.job, run_id), sealed_text(world.job, run_id)
    data = json.loads(text)
    trace = data["trace"]["party_meeting_count"]
    assert run.sha256 == digest(text)
    assert data["facts"]["values"]["party_meeting_count"] == ["2"]
    assert trace["units"][0]["entered"]["name"] == world.alice.name
    assert data["report"]["approved"]["name"] == world.bob.name
    assert (data["report"]["accepted"]["name"], trace["accepted"]["name"]) == (world.ada.name, world.ada.name)
    assert data["result"]["total"] == f"{run.total:.2f}"
    assert data["scheme"]["version"] == "0.1.0"


def test_unchanged_recomputation_makes_no_run(world: World) -> None:
    school = accepted(world, world.alice, world.bob)
    first = scored(world, school)
    assert scored(world, school, now=NOW + DAY) == first
    forced = scored(world, school, now=NOW + DAY, force=True)
    with transaction(world.job):
        again, before = queries.run(world.job, forced), queries.run(world.job, first)
    assert (again.number, again.sha256) == (2, before.sha256)


def test_late_report_loses_half_a_point_a_day(world: World) -> None:
    sent = locks() - timedelta(days=6, hours=4)
    run_id = scored(world, accepted(world, world.alice, world.bob, sent), now=sent)
    with transaction(world.job):
        run = queries.run(world.job, run_id)
    assert (run.base, run.penalty, run.total) == (100, Decimal("0.5"), Decimal("99.5"))


def test_never_sent_report_is_scored_at_the_lock_and_stays_so(world: World) -> None:
    """Values that the district never accepted count for nothing, in the first run and in every later one."""
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school)
    first = scored(world, world.school, now=locks())
    assert scored(world, world.school, now=locks() + DAY) == first
    with transaction(world.job):
        run = queries.run(world.job, first)
        items = queries.items(world.job, first)
    assert (run.total, run.base, run.penalty, run.cause) == (0, 0, 2, "deadline")
    assert {item.state for item in items} == {ItemState.MISSING}
    assert run.missing == run.red == len(items)


def test_open_report_is_not_scored(world: World) -> None:
    """Scoring would close it: before the lock that is refused."""
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school)
    for moment in (NOW, locks() - timedelta(seconds=1)):
        with pytest.raises(Conflict, match="第一小学"), transaction(world.job):
            actions.compute(world.job, world.school, QUARTER, now=moment)


def test_waiting_report_is_the_districts_turn(world: World) -> None:
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school)
        reporting.submit(world.alice.scope, world.school, QUARTER, NOW)
    with transaction(world.bob.scope):
        reporting.approve(world.bob.scope, world.school, QUARTER, NOW)
    with pytest.raises(Conflict), transaction(world.job):
        actions.compute(world.job, world.school, QUARTER, now=locks() + DAY)


def test_returned_report_is_scored_when_its_own_time_is_over(world: World) -> None:
    accepted(world, world.alice, world.bob)
    with transaction(world.ada.scope):
        reporting.reopen(world.ada.scope, world.school, QUARTER, "数据有误", locks() - timedelta(hours=1))
        until = reports.report(world.ada.scope, world.school, QUARTER).open_until
    assert until is not None
    assert until > locks()
    with pytest.raises(Conflict), transaction(world.job):
        actions.compute(world.job, world.school, QUARTER, now=locks())
    assert scored(world, world.school, now=until)


def test_reopened_score_stands_beside_the_first(world: World) -> None:
    school = accepted(world, world.alice, world.bob)
    first = scored(world, school)
    with transaction(world.ada.scope):
        reporting.reopen(world.ada.scope, school, QUARTER, "数据有误", NOW)
    with transaction(world.alice.scope):
        fill(world.alice.scope, school, now=NOW + DAY, party_meeting_count=Entry(value=Decimal(0)))
        reporting.submit(world.alice.scope, school, QUARTER, NOW + DAY)
    with transaction(world.bob.scope):
        reporting.approve(world.bob.scope, school, QUARTER, NOW + DAY)
    with transaction(world.ada.scope):
        reporting.accept(world.ada.scope, school, QUARTER, NOW + DAY)
    second = scored(world, school, now=NOW + DAY)
    with transaction(world.job):
        before, after = queries.run(world.job, first), queries.run(world.job, second)
        assert queries.newest_run(world.job, school, QUARTER) == after
    assert (before.number, after.number) == (1, 2)
    assert before.total > after.total


def test_each_run_is_in_the_log(world: World) -> None:
    run_id = scored(world, accepted(world, world.alice, world.bob))
    with transaction(world.job):
        events = session().scalars(world.job.select(audit.AuditEvent).where(audit.AuditEvent.action == "compute")).all()
        assert list(audit.faults(world.job)) == []
    assert [event.object_id for event in events] == [str(run_id)]


def test_one_row_for_each_indicator(world: World) -> None:
    run_id = scored(world, accepted(world, world.alice, world.bob))
    with transaction(world.job):
        items = session().scalars(world.job.select(ScoreItem).where(ScoreItem.run_id == run_id)).all()
        due = reports.sheet(world.job, world.school, QUARTER).due
    assert len(items) == len(due)
    assert sum(item.earned + item.lost for item in items) == sum(
        item.weight for item in items if item.state != "not_applicable"
    )


def test_stranger_finds_nothing_to_compute(world: World) -> None:
    accepted(world, world.alice, world.bob)
    with pytest.raises(NotFound), transaction(world.other_job):
        actions.compute(world.other_job, world.school, QUARTER, now=NOW)
    with pytest.raises(NotFound), transaction(world.job):
        actions.compute(world.job, world.school, Quarter(2027, 1), now=NOW)


def test_only_the_job_scores(world: World) -> None:
    accepted(world, world.alice, world.bob)
    with pytest.raises(Forbidden), transaction(world.ada.scope):
        actions.compute(world.ada.scope, world.school, QUARTER, now=NOW)
