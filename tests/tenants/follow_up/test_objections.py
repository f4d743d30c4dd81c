"""Objections: who may raise, withdraw and answer them, when, about what; and that nothing is published over one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import DatabaseError, IntegrityError

from tenants import audit
from tenants.db import bind, new_id, session, transaction
from tenants.errors import Conflict, Forbidden, Invalid, LinghangError, NotFound, ScopeError
from tenants.follow_up import actions, queries
from tenants.follow_up.models import OBJECTION_STATE_NAMES, Objection, ObjectionState
from tenants.notices.models import Mail, Rule
from tenants.quarter import Quarter
from tenants.reporting import actions as reporting
from tenants.reporting import queries as reports
from tenants.reporting.models import Verdict
from tenants.reporting.workflow import State
from tenants.results import actions as results
from tenants.results import queries as scores
from tests.tenants.follow_up.loop import (
    CODE,
    OTHER_CODE,
    REASON,
    ZERO,
    answered,
    in_appeal,
    mended,
    raised,
    reopened,
)  # fmt: skip
from tests.tenants.results.loop import accepted, scored
from tests.world import NOW, QUARTER, Someone, World, fill
from web.config import Settings

LATER = NOW + timedelta(hours=1)
UNTIL = datetime.fromisoformat("2026-07-08T15:59:59+00:00")
SCHOOL_OUTSIDERS = ("alice", "carol", "dave", "rita", "ada", "vera", "zoe", "yan", "city_viewer", "oscar")
READERS = ("alice", "bob", "rita", "ada")
OUTSIDERS = ("carol", "dave", "vera", "zoe", "yan", "city_viewer", "oscar")


def attempt(someone: Someone, do: Callable[..., Any], *given: Any) -> None:
    with transaction(someone.scope):
        do(someone.scope, *given)


def first(someone: Someone) -> queries.ObjectionView:
    with transaction(someone.scope):
        return queries.objections(someone.scope, QUARTER)[0]


def count(someone: Someone) -> int:
    with transaction(someone.scope):
        return queries.open_count(someone.scope, QUARTER)


# ---- raising -------------------------------------------------------------------------------------------------------


def test_secretary_contests_one_item(world: World) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    found = first(world.bob)
    assert (found.id, found.school_name, found.item.code, found.state) == (
        objection_id, "第一小学", CODE, ObjectionState.OPEN,
    )  # fmt: skip
    assert (found.reason, found.raised_by, found.raised_at) == (REASON, "鲍书记", NOW)
    assert found.item.lost > 0
    assert str(found.item.why)
    assert (found.answer, found.answered_at, found.pending) == ("", None, False)


@pytest.mark.parametrize("name", SCHOOL_OUTSIDERS)
def test_nobody_else_raises_one_for_the_school(world: World, name: str) -> None:
    in_appeal(world)
    with pytest.raises((NotFound, Forbidden)):
        attempt(getattr(world, name), actions.raise_objection, world.school, QUARTER, CODE, REASON, NOW)
    assert count(world.ada) == 0


WINDOW = [
    (UNTIL - timedelta(seconds=1), None),
    (UNTIL, None),
    (UNTIL + timedelta(seconds=1), "申诉期已于 2026-07-08 23:59 结束"),
    (UNTIL + timedelta(days=9), "申诉期已于"),
]


@pytest.mark.parametrize(("now", "said"), WINDOW)
def test_window_ends_with_its_last_second(world: World, now: datetime, said: str | None) -> None:
    in_appeal(world)
    if said is None:
        assert raised(world.bob, now=now)
    else:
        with pytest.raises(Conflict, match=said):
            raised(world.bob, now=now)


def not_filled(_world: World) -> None: ...


def only_accepted(world: World) -> None:
    accepted(world, world.alice, world.bob, **{CODE: ZERO})


def only_scored(world: World) -> None:
    scored(world, accepted(world, world.alice, world.bob, **{CODE: ZERO}))


def published(world: World) -> None:
    in_appeal(world)
    attempt(world.ada, actions.publish, QUARTER, NOW)


def opened_again(world: World) -> None:
    in_appeal(world)
    attempt(world.ada, reporting.reopen, world.school, QUARTER, "数据有误", NOW)


STATES = [
    (not_filled, "申诉期还没有开始"),
    (only_accepted, "申诉期还没有开始"),
    (only_scored, "已经计分"),
    (published, "已经公布"),
    (opened_again, "重新打开"),
]


@pytest.mark.parametrize(("prepare", "said"), STATES)
def test_no_objection_outside_appeal(world: World, prepare: Callable[[World], None], said: str) -> None:
    prepare(world)
    with pytest.raises(Conflict, match=said):
        raised(world.bob)


def test_window_sentence_of_every_state(world: World) -> None:
    """One sentence for each state but the appeal, and none for the appeal."""
    in_appeal(world)
    with transaction(world.bob.scope):
        dates = reports.quarter_view(world.bob.scope, QUARTER)
        report = reports.report(world.bob.scope, world.school, QUARTER)
    said = {state: queries.window(dates, replace(report, state=state), NOW) for state in State}
    assert [state for state, words in said.items() if words is None] == [State.APPEAL]
    assert queries.window(replace(dates, appeal_until=None), report, NOW) is not None


REASONS = [
    ("", "reason"), ("太少了", "reason"), ("九个字九个字九个字"[:9], "reason"), (" " * 40, "reason"),
    ("字" * 501, "reason"), ("有控制字符\x00的理由不能收下", "reason"),
    ("字" * 10, None), ("字" * 500, None), ("  前后有空白的理由十个字  ", None),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "field"), REASONS)
def test_reason_has_ten_to_five_hundred_characters(world: World, reason: str, field: str | None) -> None:
    in_appeal(world)
    if field is None:
        raised(world.bob, reason=reason)
        assert first(world.bob).reason == reason.strip()
        return
    with pytest.raises(Invalid) as refused:
        raised(world.bob, reason=reason)
    assert list(refused.value.problems) == [field]
    assert count(world.bob) == 0


def test_item_without_loss_cannot_be_contested(world: World) -> None:
    in_appeal(world, **{CODE: ZERO})
    with pytest.raises(Conflict, match="没有扣分"):
        raised(world.bob, OTHER_CODE)


@pytest.mark.parametrize("code", ["", "no_such_indicator", "' OR 1=1"])
def test_unknown_item_is_not_found(world: World, code: str) -> None:
    in_appeal(world)
    with pytest.raises(NotFound):
        raised(world.bob, code)


def test_quarter_without_dates_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        attempt(world.bob, actions.raise_objection, world.school, Quarter(2031, 1), CODE, REASON, NOW)


def test_one_open_objection_for_each_item(world: World) -> None:
    in_appeal(world)
    raised(world.bob)
    raised(world.bob, OTHER_CODE)
    with pytest.raises(Conflict, match="在等答复"):
        raised(world.bob)
    assert count(world.bob) == 2


def test_database_itself_refuses_a_second_open_one(world: World) -> None:
    in_appeal(world)
    found = raised(world.bob)
    copied = sa.text(
        "INSERT INTO objection SELECT district_id, school_id, :id, report_id, run_id, quarter, code, reason, raised_by, "
        "raised_at, state, answer, answered_by, answered_at FROM objection WHERE id = :found"
    )
    bind(world.bob.scope)
    with pytest.raises(IntegrityError, match="uq_objection_open"):
        session().execute(copied, {"id": new_id(), "found": found})


def test_withdrawn_may_be_raised_again_answered_not(world: World) -> None:
    in_appeal(world)
    attempt(world.bob, actions.withdraw, raised(world.bob), NOW)
    answered(world.rita, raised(world.bob), upheld=False)
    with pytest.raises(Conflict, match="已答复过"):
        raised(world.bob)


def test_what_can_be_contested_is_listed_most_points_first(world: World) -> None:
    in_appeal(world)
    raised(world.bob)
    with transaction(world.bob.scope):
        found = queries.contestable(world.bob.scope, world.school, QUARTER)
    assert {each.item.code for each in found} >= {CODE, OTHER_CODE}
    assert [each.item.lost for each in found] == sorted((each.item.lost for each in found), reverse=True)
    assert {each.item.code for each in found if each.obstacle} == {CODE}
    with pytest.raises(NotFound), transaction(world.dave.scope):
        queries.contestable(world.dave.scope, world.school, QUARTER)


# ---- withdrawing ---------------------------------------------------------------------------------------------------


def test_secretary_withdraws(world: World) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    attempt(world.bob, actions.withdraw, objection_id, UNTIL + timedelta(days=1))
    assert first(world.rita).state is ObjectionState.WITHDRAWN
    with pytest.raises(Conflict, match="撤回"):
        attempt(world.bob, actions.withdraw, objection_id, NOW)
    with pytest.raises(Conflict, match="撤回"):
        answered(world.rita, objection_id, upheld=True)


@pytest.mark.parametrize("name", SCHOOL_OUTSIDERS)
def test_nobody_else_withdraws(world: World, name: str) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    with pytest.raises((NotFound, Forbidden)):
        attempt(getattr(world, name), actions.withdraw, objection_id, NOW)
    assert count(world.ada) == 1


# ---- answering -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rita", "ada"])
@pytest.mark.parametrize(("upheld", "state"), [(True, ObjectionState.UPHELD), (False, ObjectionState.REJECTED)])
def test_district_answers(world: World, name: str, upheld: bool, state: ObjectionState) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    someone = getattr(world, name)
    answered(someone, objection_id, LATER, upheld=upheld)
    found = first(world.bob)
    assert (found.state, found.answered_by, found.answered_at) == (state, someone.name, LATER)
    assert "会议记录" in found.answer
    assert found.pending == upheld
    with pytest.raises(Conflict, match=OBJECTION_STATE_NAMES[state]):
        answered(world.ada, objection_id, upheld=not upheld)


@pytest.mark.parametrize("name", ["alice", "bob", *OUTSIDERS])
def test_nobody_else_answers(world: World, name: str) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    with pytest.raises((NotFound, Forbidden)):
        answered(getattr(world, name), objection_id, upheld=True)
    assert count(world.ada) == 1


def test_reviewer_never_answers_own_school(world: World) -> None:
    in_appeal(world)
    objection_id = raised(world.dave)
    assert first(world.rita).own_school
    assert not first(world.ada).own_school
    for upheld in (True, False):
        with pytest.raises(Forbidden, match="回避"):
            answered(world.rita, objection_id, upheld=upheld)
    answered(world.ada, objection_id, upheld=False)


@pytest.mark.parametrize("text", ["", "  \n ", "字" * 501, "控制\x07字符"])
def test_answer_is_required_and_bounded(world: World, text: str) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    with pytest.raises(Invalid) as refused:
        attempt(world.rita, actions.answer, objection_id, True, text, NOW)
    assert list(refused.value.problems) == ["answer"]
    assert count(world.ada) == 1


def test_database_keeps_no_verdict_without_answer(world: World) -> None:
    in_appeal(world)
    raised(world.bob)
    bind(world.rita.scope)
    with pytest.raises(IntegrityError, match="ck_objection_answered"):
        session().execute(sa.text("UPDATE objection SET state = 'rejected'"))


def test_every_step_is_in_the_log(world: World) -> None:
    in_appeal(world)
    attempt(world.bob, actions.withdraw, raised(world.bob), NOW)
    answered(world.rita, raised(world.bob), upheld=False)
    with transaction(world.ada.scope):
        events = [event for event in audit.events(world.ada.scope) if event.kind == "objection"]
        assert list(audit.faults(world.ada.scope)) == []
    assert [event.action for event in events] == ["answer", "raise", "withdraw", "raise"]
    assert {event.school_id for event in events} == {world.school}
    assert events[0].new == {"code": CODE, "state": "rejected", "answer": "经核对会议记录，同意更正。"}


# ---- reading -------------------------------------------------------------------------------------------------------


def test_school_sees_its_own_and_district_all(world: World) -> None:
    in_appeal(world)
    mine, theirs = raised(world.bob), raised(world.dave)
    for someone, seen in (
        (world.alice, {mine}), (world.bob, {mine}), (world.carol, {theirs}), (world.dave, {theirs}),
        (world.rita, {mine, theirs}), (world.ada, {mine, theirs}), (world.zoe, set()), (world.yan, set()),
    ):  # fmt: skip
        with transaction(someone.scope):
            assert {each.id for each in queries.objections(someone.scope, QUARTER)} == seen, someone.name
            assert queries.open_count(someone.scope, QUARTER) == len(seen)
            assert queries.objections(someone.scope, QUARTER.previous) == ()


@pytest.mark.parametrize("name", ["vera", "city_viewer", "oscar"])
def test_those_who_only_look_see_none(world: World, name: str) -> None:
    in_appeal(world)
    raised(world.bob)
    scope = getattr(world, name).scope
    for ask in (queries.objections, queries.open_count, queries.pending_count):
        with pytest.raises(Forbidden), transaction(scope):
            ask(scope, QUARTER)


@pytest.mark.parametrize("name", OUTSIDERS)
def test_stranger_finds_no_objection_by_its_id(world: World, name: str) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    scope = getattr(world, name).scope
    with pytest.raises((NotFound, Forbidden)), transaction(scope):
        queries.objection(scope, objection_id)


def test_open_ones_come_first(world: World) -> None:
    in_appeal(world)
    old, done = raised(world.bob), raised(world.bob, OTHER_CODE, LATER)
    answered(world.rita, done, LATER, upheld=False)
    with transaction(world.ada.scope):
        assert [each.id for each in queries.objections(world.ada.scope, QUARTER)] == [old, done]


def raw_count(someone: Someone) -> int:
    bind(someone.scope)
    return session().execute(sa.text("SELECT count(*) FROM objection")).scalar_one()


def test_even_raw_sql_shows_no_other_schools_objection(world: World) -> None:
    in_appeal(world)
    raised(world.bob)
    seen = {name: raw_count(getattr(world, name)) for name in (*READERS, *OUTSIDERS)}
    assert {name for name, count in seen.items() if count} == {
        *READERS,
        "vera",
    }  # her district's rows; no query of hers
    bind(world.dave.scope)
    assert session().execute(sa.text("UPDATE objection SET reason = 'x'")).rowcount == 0


def test_raw_sql_writes_into_no_other_school_and_deletes_nothing(world: World) -> None:
    in_appeal(world)
    raised(world.dave)
    bind(world.dave.scope)
    with pytest.raises(DatabaseError, match="row-level security"):
        session().execute(sa.text("UPDATE objection SET school_id = :s"), {"s": world.school})
    session().rollback()
    bind(world.ada.scope)
    with pytest.raises(DatabaseError, match="permission denied"):
        session().execute(sa.text("DELETE FROM objection"))


def test_database_refuses_an_objection_to_another_schools_run(world: World) -> None:
    in_appeal(world)
    raised(world.dave)
    with transaction(world.bob.scope):
        theirs = scores.newest_run(world.bob.scope, world.school, QUARTER).id
    bind(world.dave.scope)
    with pytest.raises(IntegrityError, match="run_id"):
        session().execute(sa.text("UPDATE objection SET run_id = :r"), {"r": theirs})


def test_unmarked_statement_raises(world: World) -> None:
    bind(world.bob.scope)
    with pytest.raises(ScopeError):
        session().execute(sa.select(Objection))


# ---- publishing, opening again -------------------------------------------------------------------------------------


def test_nothing_is_published_over_an_open_objection(world: World) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    for partial in (False, True):
        with pytest.raises(Conflict, match="还有 1 条申诉没有答复"), transaction(world.ada.scope):
            actions.publish(world.ada.scope, QUARTER, NOW, partial=partial)
    answered(world.rita, objection_id, upheld=False)
    with transaction(world.ada.scope):
        publication_id = actions.publish(world.ada.scope, QUARTER, NOW)
        found = scores.publication(world.ada.scope, QUARTER)
    assert found is not None
    assert found.id == publication_id


def test_withdrawn_objection_holds_nothing_up(world: World) -> None:
    in_appeal(world)
    attempt(world.bob, actions.withdraw, raised(world.bob), NOW)
    attempt(world.ada, actions.publish, QUARTER, NOW)


@pytest.mark.parametrize("name", ["alice", "bob", "rita", "vera", "city_viewer", "oscar"])
def test_only_the_administrator_publishes(world: World, name: str) -> None:
    in_appeal(world)
    with pytest.raises(Forbidden):
        attempt(getattr(world, name), actions.publish, QUARTER, NOW)


def test_another_districts_objection_holds_nothing_up(world: World) -> None:
    in_appeal(world)
    raised(world.bob)
    with pytest.raises(Conflict, match="申诉期"):  # nothing to publish there: the first district's is not counted
        attempt(world.zoe, actions.publish, QUARTER, NOW)


def test_upheld_reopened_mended_scored_beside_the_old_and_published(world: World) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    with transaction(world.bob.scope):
        old = scores.newest_run(world.bob.scope, world.school, QUARTER)
    answered(world.rita, objection_id, upheld=True)
    for partial in (False, True):
        with pytest.raises(Conflict, match="报表还没有打开"), transaction(world.ada.scope):
            actions.publish(world.ada.scope, QUARTER, NOW, partial=partial)
    reopened(world, objection_id)
    with transaction(world.alice.scope):
        sheet = reports.sheet(world.alice.scope, world.school, QUARTER)
    assert sheet.report.state is State.RETURNED
    assert set(sheet.to_mend) == {CODE}
    assert "同意更正" in sheet.to_mend[CODE].reason
    assert sheet.report.returned_count == 0
    assert {review.verdict for code, review in sheet.reviews.items() if code != CODE} == {Verdict.ACCEPTED}
    new_id = mended(world, LATER)
    with transaction(world.bob.scope):
        runs = scores.runs(world.bob.scope, school_id=world.school, quarter=QUARTER)
        contested = queries.objections(world.bob.scope, QUARTER)[0]
    assert [run.id for run in runs] == [old.id, new_id]
    assert runs[0] == old
    assert runs[1].total > old.total
    assert (contested.run_id, contested.pending) == (old.id, False)
    with transaction(world.ada.scope):
        results.open_appeal(world.ada.scope, QUARTER, LATER)
        actions.publish(world.ada.scope, QUARTER, LATER)
        assert scores.published_run(world.ada.scope, world.school, QUARTER).id == new_id


def test_new_run_may_be_contested_anew(world: World) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    answered(world.rita, objection_id, upheld=True)
    reopened(world, objection_id)
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school, now=LATER, **{OTHER_CODE: ZERO})
        reporting.submit(world.alice.scope, world.school, QUARTER, LATER)
    attempt(world.bob, reporting.approve, world.school, QUARTER, LATER)
    attempt(world.rita, reporting.accept, world.school, QUARTER, LATER)
    run_id = scored(world, world.school, now=LATER)
    attempt(world.ada, results.open_appeal, QUARTER, LATER)
    with pytest.raises(Conflict, match="没有扣分"):
        raised(world.bob, CODE, LATER)
    raised(world.bob, OTHER_CODE, LATER)
    assert first(world.bob).run_id == run_id


def test_all_upheld_items_of_a_school_are_opened_at_once(world: World) -> None:
    in_appeal(world)
    one, other = raised(world.bob), raised(world.bob, OTHER_CODE)
    raised(world.dave)
    answered(world.rita, one, upheld=True)
    with pytest.raises(Conflict, match="还有申诉没有答复"):
        reopened(world, one)
    answered(world.rita, other, upheld=True)
    reopened(world, one)
    with transaction(world.ada.scope):
        assert set(reports.sheet(world.ada.scope, world.school, QUARTER).to_mend) == {CODE, OTHER_CODE}
        second = reports.report(world.ada.scope, world.second_school, QUARTER)
        last = reports.steps(world.ada.scope, reports.report(world.ada.scope, world.school, QUARTER).id)[-1]
    assert second.state is State.APPEAL
    assert last.reason.startswith("申诉采纳：")
    with pytest.raises(Conflict, match="已经打开过"):
        reopened(world, other)


def test_school_is_told_that_its_report_is_open(world: World) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    answered(world.rita, objection_id, upheld=True)
    reopened(world, objection_id)
    with transaction(world.job):
        rows = session().scalars(world.job.select(Mail).where(Mail.rule == Rule.RETURNED)).all()
    assert {row.address for row in rows} == {"alice@xq.example", "bob@xq.example"}
    assert [item["reason"] for item in rows[0].facts["items"]] == ["经核对会议记录，同意更正。"]


@pytest.mark.parametrize(
    "name", ["alice", "bob", "carol", "dave", "rita", "vera", "zoe", "yan", "city_viewer", "oscar"]
)
def test_only_the_administrator_opens_a_report(world: World, name: str) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    answered(world.rita, objection_id, upheld=True)
    with pytest.raises((NotFound, Forbidden)):
        attempt(getattr(world, name), actions.reopen, objection_id, NOW)


@pytest.mark.parametrize("upheld", [None, False])
def test_only_an_upheld_objection_opens_a_report(world: World, upheld: bool | None) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    if upheld is not None:
        answered(world.rita, objection_id, upheld=upheld)
    with pytest.raises(Conflict):
        reopened(world, objection_id)


def test_report_that_was_opened_on_its_page_needs_no_second_opening(world: World) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    answered(world.rita, objection_id, upheld=True)
    attempt(world.ada, reporting.reopen, world.school, QUARTER, "申诉采纳", LATER)
    assert not first(world.ada).pending
    with pytest.raises(Conflict, match="已经打开过"):
        reopened(world, objection_id, LATER)


def test_refusals_are_words(world: World) -> None:
    """Every refusal above can be read by a person: it is of the one error root, with words."""
    in_appeal(world)
    for do, given in (
        (actions.raise_objection, (world.school, QUARTER, CODE, "少", NOW)), (actions.withdraw, (UUID(int=1), NOW)),
    ):  # fmt: skip
        with pytest.raises(LinghangError) as refused:
            attempt(world.bob, do, *given)
        assert str(refused.value.words)


def test_publication_waits_for_an_objection_that_is_being_raised(
    own_database: tuple[Flask, World, Settings],
) -> None:
    app, world, _settings = own_database
    with app.app_context():
        in_appeal(world)
    refused: list[LinghangError] = []
    publishing = Thread(target=_publish, args=(app, world, refused))
    with app.app_context(), transaction(world.bob.scope):
        actions.raise_objection(world.bob.scope, world.school, QUARTER, CODE, REASON, NOW)
        publishing.start()
        publishing.join(1)
        assert publishing.is_alive()
    publishing.join(20)
    assert ["还有 1 条申诉没有答复" in str(each) for each in refused] == [True]


def _publish(app: Flask, world: World, refused: list[LinghangError]) -> None:
    with app.app_context():
        try:
            attempt(world.ada, actions.publish, QUARTER, NOW)
        except LinghangError as error:
            refused.append(error)
