"""Reminders and overdue notices: on the right day of the district, to the right people, once, and none too late."""

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from jobs import mark_overdue, remind
from jobs.debtors import days_to
from tenants.db import transaction
from tenants.formats import ZONE
from tenants.notices.models import Mail, Rule
from tenants.reporting import actions as reporting
from tenants.reporting.queries import QuarterView, quarter_view
from tenants.schools import actions as schools
from tenants.scope import Scope
from tests.jobs.outbox import rows
from tests.world import NOW, QUARTER, World, fill, send

DUE = datetime(2026, 7, 10, 18, tzinfo=ZONE)
LOCKS = datetime(2026, 7, 20, tzinfo=ZONE)


def at(text: str, zone: ZoneInfo = ZONE) -> datetime:
    """`07-03 00:00` of 2026 in the district's zone, in UTC."""
    return datetime.strptime(f"2026-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=zone).astimezone(UTC)


def dates(due: datetime = DUE, locks: datetime = LOCKS) -> QuarterView:
    opens = due - timedelta(days=20)
    return QuarterView(QUARTER, UUID(int=1), opens, due, due, locks, opens, None)


REMINDERS = [
    ("07-02 23:59", None),
    ("07-03 00:00", 7),
    ("07-06 23:59", 7),
    ("07-07 00:00", 3),
    ("07-08 12:00", 3),
    ("07-08 23:59", 3),
    ("07-09 00:00", 1),
    ("07-10 17:59", 1),
    ("07-10 18:00", None),
    ("07-11 00:00", None),
    ("08-11 00:00", None),
]


@pytest.mark.parametrize(("now", "step"), REMINDERS)
def test_step_of_reminder(now: str, step: int | None) -> None:
    assert remind.step_of(dates(), at(now), ZONE) == step


OVERDUE = [
    ("07-10 17:59", None),
    ("07-10 18:00", None),
    ("07-10 23:59", None),
    ("07-11 00:00", 1),
    ("07-12 23:59", 1),
    ("07-13 00:00", 3),
    ("07-19 23:59", 3),
    ("07-20 00:00", None),
]


@pytest.mark.parametrize(("now", "step"), OVERDUE)
def test_step_of_overdue_notice(now: str, step: int | None) -> None:
    assert mark_overdue.step_of(dates(), at(now), ZONE) == step


MIDNIGHT = datetime(2026, 7, 11, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("now", "days"), [("07-09 23:59", 1), ("07-10 00:00", 0), ("07-10 23:59", 0), ("07-11 00:00", -1)]
)
def test_deadline_at_midnight_belongs_to_the_day_before(now: str, days: int) -> None:
    assert days_to(MIDNIGHT, at(now), ZONE) == days


def test_days_are_those_of_the_districts_zone() -> None:
    urumqi = ZoneInfo("Asia/Urumqi")
    moment = at("07-03 00:30")
    assert remind.step_of(dates(), moment, ZONE) == 7
    assert remind.step_of(dates(), moment, urumqi) is None


@pytest.fixture
def due_on_the_tenth(world: World) -> World:
    """The usual deadline in the first district: the 10th, 18:00."""
    with transaction(world.ada.scope):
        found = quarter_view(world.ada.scope, QUARTER)
        reporting.set_dates(
            world.ada.scope, QUARTER, opens_at=found.opens_at, due_at=DUE, late_from=at("07-13 00:00"), locks_at=LOCKS,
            scheme_version_id=found.scheme_version_id, now=NOW,
        )  # fmt: skip
    return world


def told(scope: Scope) -> list[tuple[str, str]]:
    """(cause, address) of every mail in the district's outbox."""
    return sorted((row.cause, row.address.split("@")[0]) for row in rows(scope))


def test_reporters_are_reminded_and_secretaries_on_the_last_day_but_one(due_on_the_tenth: World) -> None:
    world = due_on_the_tenth
    for day, new in (("07-03 09:00", 2), ("07-07 09:00", 2), ("07-09 09:00", 4)):
        assert remind.run(world.job, at(day)) == new
        assert remind.run(world.job, at(day)) == 0
    assert told(world.job) == [
        ("T-1", "alice"), ("T-1", "bob"), ("T-1", "carol"), ("T-1", "dave"),
        ("T-3", "alice"), ("T-3", "carol"), ("T-7", "alice"), ("T-7", "carol"),
    ]  # fmt: skip
    assert told(world.other_job) == []


@pytest.mark.parametrize(
    ("wakes", "causes"),
    [
        (["07-08 10:00"], ["T-3"]),
        (["07-09 23:00", "07-10 17:59"], ["T-1"]),
        (["07-10 18:00"], []),
        (["07-02 23:59", "07-03 00:00", "07-03 00:10"], ["T-7"]),
        (["07-03 00:00", "07-10 08:00"], ["T-7", "T-1"]),
    ],
)
def test_worker_that_was_down_sends_the_newest_reminder_only(
    due_on_the_tenth: World, wakes: list[str], causes: list[str]
) -> None:
    for wake in wakes:
        remind.run(due_on_the_tenth.job, at(wake))
    mine = [row.cause for row in rows(due_on_the_tenth.job) if row.address.startswith("alice@")]
    assert mine == causes


@pytest.mark.parametrize(
    ("wakes", "causes"),
    [
        (["07-11 00:00", "07-11 00:10", "07-12 10:00", "07-13 00:00", "07-15 00:00"], ["+1", "+3"]),
        (["07-14 08:00", "07-14 08:10"], ["+3"]),
        (["07-20 00:00", "07-25 00:00"], []),
    ],
)
def test_overdue_notices(due_on_the_tenth: World, wakes: list[str], causes: list[str]) -> None:
    for wake in wakes:
        mark_overdue.run(due_on_the_tenth.job, at(wake))
    for person in ("alice", "bob"):
        mine = [row for row in rows(due_on_the_tenth.job) if row.address.startswith(f"{person}@")]
        assert [row.cause for row in mine] == causes
        assert all(row.rule is Rule.OVERDUE for row in mine)


def test_school_that_has_sent_is_left_in_peace(due_on_the_tenth: World) -> None:
    world = due_on_the_tenth
    send(world, world.alice, world.bob)
    remind.run(world.job, at("07-09 09:00"))
    mark_overdue.run(world.job, at("07-11 09:00"))
    assert {row.school_id for row in rows(world.job)} == {world.second_school}


def test_school_whose_report_came_back_has_its_own_deadline(due_on_the_tenth: World) -> None:
    world = due_on_the_tenth
    send(world, world.alice, world.bob)
    with transaction(world.rita.scope):
        reporting.return_items(world.rita.scope, world.school, QUARTER, {"party_meeting_count": "缺纪要"}, NOW)
    remind.run(world.job, at("07-09 09:00"))
    mark_overdue.run(world.job, at("07-11 09:00"))
    assert {row.rule for row in rows(world.job) if row.school_id == world.school} == {Rule.RETURNED}


def test_report_that_waits_for_the_secretary_is_not_sent(due_on_the_tenth: World) -> None:
    world = due_on_the_tenth
    send(world, world.carol, world.dave)
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school)
        reporting.submit(world.alice.scope, world.school, QUARTER, NOW)
    assert remind.run(world.job, at("07-09 09:00")) == 2
    assert told(world.job) == [("T-1", "alice"), ("T-1", "bob")]


def test_closed_school_owes_nothing(due_on_the_tenth: World) -> None:
    world = due_on_the_tenth
    with transaction(world.ada.scope):
        schools.close_school(world.ada.scope, world.second_school, "停办", NOW)
    assert remind.run(world.job, at("07-03 09:00")) == 1
    assert mark_overdue.run(world.job, at("07-11 09:00")) == 2


def test_facts_are_of_the_recipients_own_school(due_on_the_tenth: World) -> None:
    world = due_on_the_tenth
    remind.run(world.job, at("07-03 09:00"))
    mark_overdue.run(world.job, at("07-11 09:00"))

    def names(row: Mail) -> tuple[bool, bool]:
        return "第一小学" in str(row.facts), "第二中学" in str(row.facts)

    for row in rows(world.job):
        assert names(row) == (row.school_id == world.school, row.school_id == world.second_school)
