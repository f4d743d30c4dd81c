"""Saving, handing in, judging: versions, locks, what is withdrawn by a change, and what is written down of it."""

from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from tenants import audit
from tenants.audit import AuditEvent
from tenants.db import session, transaction
from tenants.errors import Conflict, Forbidden, Invalid, NotFound
from tenants.notices.models import Mail, Rule
from tenants.reporting import actions, queries
from tenants.reporting.actions import TIME_TO_MEND, Given, Outdated
from tenants.reporting.models import Verdict
from tenants.reporting.queries import Sheet
from tenants.reporting.validation import Entry
from tenants.reporting.workflow import Action, State
from tests.world import NOW, QUARTER, Someone, World, dates, fill, send

LOCK = dates(QUARTER)["locks_at"]
CODE = "party_meeting_count"


def sheet_of(who: Someone, world: World) -> Sheet:
    with transaction(who.scope):
        return queries.sheet(who.scope, world.school, QUARTER)


def put(who: Someone, world: World, value: int, **more: object) -> int:
    with transaction(who.scope):
        given = {(CODE, world.school): Given(Entry(Decimal(value)), str(more.pop("note", "")))}
        return actions.save(who.scope, world.school, QUARTER, given, now=more.pop("now", NOW), **more)  # type: ignore[arg-type]


def test_each_change_counts_and_saving_the_same_does_not(world: World) -> None:
    assert [put(world.alice, world, 3), put(world.alice, world, 3), put(world.bob, world, 4)] == [1, 1, 2]
    stored = sheet_of(world.alice, world).stored[CODE, world.school]
    assert (stored.entry.value, stored.entered_by) == (4, world.bob.person.id)


def test_a_note_alone_is_a_change(world: World) -> None:
    assert [put(world.alice, world, 3), put(world.alice, world, 3, note="含视频会议")] == [1, 2]


def test_an_outdated_save_stores_nothing_but_one_that_changes_nothing_is_no_conflict(world: World) -> None:
    put(world.alice, world, 3)
    with pytest.raises(Outdated):
        put(world.bob, world, 4, version=0)
    assert put(world.bob, world, 3, version=0) == 1
    assert put(world.bob, world, 4, version=1) == 2


STRANGERS = [
    ("carol", NotFound),
    ("dave", NotFound),
    ("yan", NotFound),
    ("zoe", Forbidden),
    ("rita", Forbidden),
    ("vera", Forbidden),
]


@pytest.mark.parametrize(("who", "error"), STRANGERS)
def test_strangers_and_people_without_the_right_store_nothing(world: World, who: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        put(getattr(world, who), world, 9)
    assert sheet_of(world.alice, world).report.version == 0


def test_a_unit_of_another_school_is_not_found(world: World) -> None:
    for code, unit in ((CODE, world.second_school), (CODE, world.other_school), ("no_such", world.school)):
        with pytest.raises(NotFound), transaction(world.alice.scope):
            actions.save(world.alice.scope, world.school, QUARTER, {(code, unit): Given(Entry(Decimal(1)))}, now=NOW)
    assert sheet_of(world.alice, world).report.version == 0


def test_a_change_takes_back_the_acceptance_of_its_item_only(world: World) -> None:
    send(world, world.alice, world.bob)
    with transaction(world.rita.scope):
        actions.return_items(world.rita.scope, world.school, QUARTER, {CODE: "缺纪要"}, NOW)
    later = NOW + timedelta(hours=1)
    with transaction(world.alice.scope):
        given = {("admin_meeting_count", world.school): Given(Entry(Decimal(1)))}
        actions.save(world.alice.scope, world.school, QUARTER, given, now=later)
    reviews = sheet_of(world.alice, world).reviews
    assert "admin_meeting_count" not in reviews and reviews[CODE].verdict is Verdict.RETURNED
    assert reviews["quorum_violation_count"].verdict is Verdict.ACCEPTED


def test_a_return_opens_the_report_beyond_the_lock(world: World) -> None:
    send(world, world.alice, world.bob)
    late = LOCK - timedelta(hours=1)
    with transaction(world.rita.scope):
        actions.return_items(world.rita.scope, world.school, QUARTER, {CODE: "缺纪要"}, late)
    assert put(world.alice, world, 4, now=LOCK + timedelta(days=1)) > 0
    with pytest.raises(Conflict, match="锁定"):
        put(world.alice, world, 5, now=late + TIME_TO_MEND)


REASONS = [
    ({CODE: " "}, Invalid),
    ({CODE: "长" * 501}, Invalid),
    ({CODE: "a\0"}, Invalid),
    ({"no_such": "缺"}, NotFound),
    ({}, Conflict),
]


@pytest.mark.parametrize(("reasons", "error"), REASONS)
def test_returns_without_a_sound_reason_change_nothing(
    world: World, reasons: dict[str, str], error: type[Exception]
) -> None:
    send(world, world.alice, world.bob)
    before = sheet_of(world.alice, world)
    with pytest.raises(error), transaction(world.rita.scope):
        actions.return_items(world.rita.scope, world.school, QUARTER, reasons, NOW)
    assert sheet_of(world.alice, world) == before


def test_nobody_judges_or_approves_what_they_have_not_seen(world: World) -> None:
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school)
        actions.submit(world.alice.scope, world.school, QUARTER, NOW)
    version = sheet_of(world.alice, world).report.version
    with pytest.raises(Outdated), transaction(world.bob.scope):
        actions.approve(world.bob.scope, world.school, QUARTER, NOW, version=version - 1)
    with transaction(world.bob.scope):
        actions.approve(world.bob.scope, world.school, QUARTER, NOW, version=version)
    for judge in (
        lambda: actions.accept(world.rita.scope, world.school, QUARTER, NOW, version=version),
        lambda: actions.return_items(world.rita.scope, world.school, QUARTER, {CODE: "缺"}, NOW, version=version),
    ):
        with pytest.raises(Outdated), transaction(world.rita.scope):
            judge()
    with transaction(world.rita.scope):
        actions.accept(world.rita.scope, world.school, QUARTER, NOW, version=version + 1)


OBSTACLES = [
    ("alice", Action.SAVE, NOW, None), ("alice", Action.SAVE, LOCK, "已锁定"), ("alice", Action.SUBMIT, NOW, "还有 36 项"),
    ("bob", Action.APPROVE, NOW, "不能同意报送"), ("vera", Action.SAVE, NOW, "保存”由党务干事"), ("rita", Action.ACCEPT, NOW, "不能通过"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "action", "now", "said"), OBSTACLES)
def test_obstacles_are_told_before_anybody_tries(
    world: World, who: str, action: Action, now: object, said: str | None
) -> None:
    put(world.alice, world, 3)
    someone: Someone = getattr(world, who)
    found = actions.obstacle(someone.scope, sheet_of(someone, world), action, now)  # type: ignore[arg-type]
    expected = said.replace("36", "35") if said else None
    assert (found is None) if expected is None else expected in str(found)


def test_first_sending_is_kept_for_timeliness(world: World) -> None:
    send(world, world.alice, world.bob, NOW)
    with transaction(world.rita.scope):
        actions.return_items(world.rita.scope, world.school, QUARTER, {CODE: "缺纪要"}, NOW)
    send(world, world.alice, world.bob, NOW + timedelta(days=1), party_meeting_count=Entry(Decimal(1)))
    report = sheet_of(world.alice, world).report
    assert (report.first_sent_at, report.approved_at) == (NOW, NOW + timedelta(days=1))


def test_reopening_is_for_admins_with_a_reason(world: World) -> None:
    send(world, world.alice, world.bob)
    with transaction(world.rita.scope):
        actions.accept(world.rita.scope, world.school, QUARTER, NOW)
    with pytest.raises(Forbidden), transaction(world.rita.scope):
        actions.reopen(world.rita.scope, world.school, QUARTER, "更正", NOW)
    with pytest.raises(Invalid), transaction(world.ada.scope):
        actions.reopen(world.ada.scope, world.school, QUARTER, "长" * 501, NOW)
    with transaction(world.ada.scope):
        actions.reopen(world.ada.scope, world.school, QUARTER, "更正", NOW)
    report = sheet_of(world.alice, world).report
    assert (report.state, report.open_until, report.score_due_at) == (State.RETURNED, NOW + TIME_TO_MEND, None)


def test_reminders_go_to_those_who_owe_once_a_day(world: World) -> None:
    send(world, world.carol, world.dave)
    both = [world.school, world.second_school]
    with transaction(world.rita.scope):
        assert actions.remind(world.rita.scope, both, QUARTER, NOW) == 2
        assert actions.remind(world.rita.scope, both, QUARTER, NOW + timedelta(hours=3)) == 0
        owed = session().scalars(world.rita.scope.select(Mail).where(Mail.rule == Rule.REMINDER)).all()
    assert {mail.account_id for mail in owed} == {world.alice.person.id, world.bob.person.id}
    assert owed[0].facts == {"school": "第一小学", "due_at": dates(QUARTER)["due_at"].isoformat(), "missing": 36}
    with pytest.raises(Forbidden), transaction(world.vera.scope):
        actions.remind(world.vera.scope, both, QUARTER, NOW)
    with pytest.raises(NotFound), transaction(world.zoe.scope):
        actions.remind(world.zoe.scope, both, QUARTER, NOW)


def test_everything_done_stands_in_the_log_and_the_chain_holds(world: World) -> None:
    send(world, world.alice, world.bob)
    with transaction(world.rita.scope):
        actions.accept(world.rita.scope, world.school, QUARTER, NOW)
        actions.remind(world.rita.scope, [world.second_school], QUARTER, NOW)
    with transaction(world.ada.scope):
        done = sa.select(AuditEvent.action).where(AuditEvent.kind == "report").order_by(AuditEvent.seq)
        assert list(session().scalars(world.ada.scope.over(done, AuditEvent))) == [
            "save",
            "submit",
            "approve",
            "accept",
            "remind",
        ]
        assert not list(audit.faults(world.ada.scope))
