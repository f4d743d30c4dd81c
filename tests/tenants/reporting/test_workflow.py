"""Every row of the machine's table, every refusal, and that no sequence of steps goes round a person."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenants.db import transaction
from tenants.errors import Conflict, Forbidden, LinghangError
from tenants.reporting import actions, queries
from tenants.reporting.actions import Given
from tenants.reporting.validation import Entry
from tenants.reporting.workflow import (
    ACTION_NAMES,
    STATE_MARKS,
    STATE_NAMES,
    TABLE,
    Action,
    Moment,
    State,
    Transition,
    decide,
    possible,
)
from tenants.scope import Role
from tests.world import NOW, QUARTER, Someone, World, fill

T = datetime(2026, 7, 1, tzinfo=UTC)
MOMENT: dict[str, object] = {
    "now": T,
    "opens_at": T - timedelta(days=1),
    "locks_at": T + timedelta(days=1),
    "reason": "缺签到表",
}
SCHOOL, SECRETARY = {Role.REPORTER, Role.SECRETARY}, {Role.SECRETARY}
DISTRICT, ADMIN, JOB = {Role.REVIEWER, Role.ADMIN}, {Role.ADMIN}, {Role.JOB}

# Written out again from DESIGN.md, not derived from the table: state, action, who, next state.
EXPECTED = {
    (State.NOT_STARTED, Action.SAVE): (SCHOOL, State.FILLING),
    (State.FILLING, Action.SAVE): (SCHOOL, State.FILLING),
    (State.RETURNED, Action.SAVE): (SCHOOL, State.RETURNED),
    (State.FILLING, Action.SUBMIT): (SCHOOL, State.AWAITING_SECRETARY),
    (State.RETURNED, Action.SUBMIT): (SCHOOL, State.AWAITING_SECRETARY),
    (State.AWAITING_SECRETARY, Action.RECALL): (SCHOOL, State.FILLING),
    (State.AWAITING_SECRETARY, Action.APPROVE): (SECRETARY, State.AWAITING_REVIEW),
    (State.AWAITING_SECRETARY, Action.SECRETARY_RETURN): (SECRETARY, State.RETURNED),
    (State.AWAITING_REVIEW, Action.ACCEPT): (DISTRICT, State.ACCEPTED),
    (State.AWAITING_REVIEW, Action.RETURN): (DISTRICT, State.RETURNED),
    (State.ACCEPTED, Action.SCORE): (JOB, State.SCORED),
    (State.NOT_STARTED, Action.SCORE): (JOB, State.SCORED),
    (State.FILLING, Action.SCORE): (JOB, State.SCORED),
    (State.RETURNED, Action.SCORE): (JOB, State.SCORED),
    (State.AWAITING_SECRETARY, Action.SCORE): (JOB, State.SCORED),
    (State.SCORED, Action.OPEN_APPEAL): (ADMIN, State.APPEAL),
    (State.APPEAL, Action.PUBLISH): (ADMIN, State.PUBLISHED),
    (State.ACCEPTED, Action.REOPEN): (ADMIN, State.RETURNED),
    (State.SCORED, Action.REOPEN): (ADMIN, State.RETURNED),
    (State.APPEAL, Action.REOPEN): (ADMIN, State.RETURNED),
    (State.PUBLISHED, Action.REOPEN): (ADMIN, State.RETURNED),
}
EVERYTHING = list(product(State, Action, Role))


def moment(action: Action, **changes: object) -> Moment:
    """A moment at which nothing but `changes` stands in the way of `action`."""
    given = {**MOMENT, "returned_items": int(action is Action.RETURN), **changes}
    return Moment(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(("state", "action", "role"), EVERYTHING)
def test_every_state_action_and_role(state: State, action: Action, role: Role) -> None:
    expected = EXPECTED.get((state, action))
    if expected is None:
        with pytest.raises(Conflict, match=STATE_NAMES[state]):
            decide(state, action, role, moment(action))
    elif role not in expected[0]:
        with pytest.raises(Forbidden):
            decide(state, action, role, moment(action))
    else:
        assert decide(state, action, role, moment(action)) is expected[1]


def test_table_has_each_row_once_and_no_other() -> None:
    assert {(row.before, row.action): (set(row.roles), row.after) for row in TABLE} == EXPECTED
    assert len(TABLE) == len(EXPECTED)


def test_everything_has_a_name_and_a_mark() -> None:
    assert set(STATE_NAMES) == set(STATE_MARKS) == set(State)
    assert set(ACTION_NAMES) == set(Action)


BEFORE, AFTER = T - timedelta(days=1, seconds=1), T + timedelta(days=1)
EDGES = [T - timedelta(days=1), T + timedelta(days=1) - timedelta(seconds=1)]
WINDOWED = [
    (State.NOT_STARTED, Action.SAVE, Role.REPORTER), (State.FILLING, Action.SAVE, Role.REPORTER),
    (State.RETURNED, Action.SAVE, Role.SECRETARY), (State.FILLING, Action.SUBMIT, Role.REPORTER),
    (State.RETURNED, Action.SUBMIT, Role.REPORTER), (State.AWAITING_SECRETARY, Action.RECALL, Role.REPORTER),
    (State.AWAITING_SECRETARY, Action.APPROVE, Role.SECRETARY),
]  # fmt: skip
GUARDED = [
    *((state, action, role, {"now": BEFORE}, "尚未到填报期") for state, action, role in WINDOWED),
    *((state, action, role, {"now": AFTER}, "已锁定") for state, action, role in WINDOWED),
    (State.FILLING, Action.SUBMIT, Role.REPORTER, {"open_problems": 2}, "还有 2 项"),
    (State.RETURNED, Action.SUBMIT, Role.REPORTER, {"open_problems": 1}, "还有 1 项"),
    (State.AWAITING_SECRETARY, Action.APPROVE, Role.SECRETARY, {"sole_author": True}, "另一位同志"),
    (State.AWAITING_SECRETARY, Action.SECRETARY_RETURN, Role.SECRETARY, {"reason": "  "}, "写明原因"),
    (State.AWAITING_REVIEW, Action.ACCEPT, Role.REVIEWER, {"own_school": True}, "回避"),
    (State.AWAITING_REVIEW, Action.RETURN, Role.REVIEWER, {"own_school": True}, "回避"),
    (State.AWAITING_REVIEW, Action.ACCEPT, Role.REVIEWER, {"returned_items": 3}, "有 3 项勾选了退回"),
    (State.AWAITING_REVIEW, Action.RETURN, Role.REVIEWER, {"returned_items": 0}, "至少勾选一项"),
    *(
        (state, Action.REOPEN, Role.ADMIN, {"reason": ""}, "写明原因")
        for state in (State.ACCEPTED, State.SCORED, State.APPEAL, State.PUBLISHED)
    ),
]


@pytest.mark.parametrize(("state", "action", "role", "changes", "said"), GUARDED)
def test_guards_refuse_in_words(
    state: State, action: Action, role: Role, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(Conflict, match=said):
        decide(state, action, role, moment(action, **changes))


@pytest.mark.parametrize("now", EDGES)
@pytest.mark.parametrize(("state", "action", "role"), WINDOWED)
def test_window_holds_at_its_edges(state: State, action: Action, role: Role, now: datetime) -> None:
    assert decide(state, action, role, moment(action, now=now)) is EXPECTED[state, action][1]


def test_one_person_school_may_approve_what_it_filled() -> None:
    alone = moment(Action.APPROVE, sole_author=True, people=1)
    assert decide(State.AWAITING_SECRETARY, Action.APPROVE, Role.SECRETARY, alone) is State.AWAITING_REVIEW


@pytest.mark.parametrize(("state", "role"), list(product(State, Role)))
def test_buttons_are_the_rows(state: State, role: Role) -> None:
    assert set(possible(state, role)) == {a for (s, a), (roles, _) in EXPECTED.items() if s is state and role in roles}


def test_transition_is_a_value() -> None:
    row = Transition(State.FILLING, Action.SAVE, frozenset({Role.REPORTER}), State.FILLING)
    assert row.guards == ()


steps = st.lists(st.tuples(st.sampled_from(Action), st.sampled_from(Role), st.booleans(), st.booleans()), max_size=40)


@given(steps)
@settings(max_examples=400, deadline=None)
def test_no_way_to_accepted_round_a_secretary_and_a_foreign_reviewer(
    tried: list[tuple[Action, Role, bool, bool]],
) -> None:
    state, approved = State.NOT_STARTED, False
    for action, role, own_school, sole_author in tried:
        now = moment(action, own_school=own_school, sole_author=sole_author)
        try:
            after = decide(state, action, role, now)
        except LinghangError:
            continue
        if action is Action.APPROVE:
            assert role is Role.SECRETARY and not sole_author
            approved = True
        if after is State.ACCEPTED:
            assert approved and action is Action.ACCEPT and role in DISTRICT and not own_school
        if after in (State.FILLING, State.RETURNED):
            approved = False
        state = after


def act(someone: Someone, action: str, school: World, at: datetime) -> None:
    scope, school_id = someone.scope, school.second_school
    with transaction(scope):
        if action == "save":
            fill(scope, school_id, now=at)
        elif action == "change":
            unit = (next(iter(queries.sheet(scope, school_id, QUARTER).asked())).code, school_id)
            actions.save(scope, school_id, QUARTER, {unit: Given(Entry(value=bool(at.second % 2)))}, now=at)
        elif action == "return":
            actions.return_items(scope, school_id, QUARTER, {"party_meeting_count": "缺纪要"}, at)
        elif action in ("secretary_return", "reopen"):
            getattr(actions, action)(scope, school_id, QUARTER, "请核对", at)
        else:
            getattr(actions, action)(scope, school_id, QUARTER, at)


WHAT = ["save", "change", "submit", "recall", "approve", "secretary_return", "accept", "return", "reopen"]
LIKELY = [("卡罗尔", "save"), ("卡罗尔", "submit"), ("戴书记", "approve"), ("安管理", "accept"), ("安管理", "return")]
PEOPLE = ["卡罗尔", "戴书记", "李审核", "安管理", "魏领导", "艾丽思", "左管理"]
tries = st.one_of(st.sampled_from(LIKELY), st.tuples(st.sampled_from(PEOPLE), st.sampled_from(WHAT)))


@given(st.lists(tries, min_size=10, max_size=30))
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_stored_reports_keep_to_the_machine(world: World, tried: list[tuple[str, str]]) -> None:
    """Real rows, one long history: each step raises the version, and no acceptance lacks its two people."""
    people = {someone.name: someone for someone in world.people}
    version = _version(world)
    for place, (name, action) in enumerate(tried, 1):
        try:
            act(people[name], action, world, NOW + timedelta(seconds=place))
        except LinghangError:
            assert _version(world) == version
        else:
            assert _version(world) > version or action in ("save", "change")
        assert _version(world) >= version
        version = _version(world)
    _holds(world)


def _version(world: World) -> int:
    with transaction(world.ada.scope):
        return queries.report(world.ada.scope, world.second_school, QUARTER).version


def _holds(world: World) -> None:
    with transaction(world.ada.scope):
        report = queries.report(world.ada.scope, world.second_school, QUARTER)
        taken = queries.steps(world.ada.scope, report.id)
    for before, step in zip((None, *taken), taken, strict=False):
        assert before is None or before.after is step.before
        if step.action == Action.APPROVE:
            assert step.actor == world.dave.name
        if step.after is State.ACCEPTED:
            assert step.actor == world.ada.name, "李审核 is of this school"
            assert before is not None and before.action == Action.APPROVE
