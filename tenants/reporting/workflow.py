"""The machine of a report as a table: pages, actions and tests read the same rows.

Pure: states, actions, roles, guards. No session and no clock; the caller says what is true at the moment.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tenants.errors import Conflict, Forbidden
from tenants.scope import Role, named
from tenants.words import N_, Words, words


class State(StrEnum):
    NOT_STARTED = "not_started"
    FILLING = "filling"
    AWAITING_SECRETARY = "awaiting_secretary"
    AWAITING_REVIEW = "awaiting_review"
    RETURNED = "returned"
    ACCEPTED = "accepted"
    SCORED = "scored"
    APPEAL = "appeal"
    PUBLISHED = "published"


STATE_NAMES: dict[State, str] = {
    State.NOT_STARTED: N_("未开始"),
    State.FILLING: N_("填报中"),
    State.AWAITING_SECRETARY: N_("待书记审核"),
    State.AWAITING_REVIEW: N_("待工委审核"),
    State.RETURNED: N_("已退回"),
    State.ACCEPTED: N_("已通过"),
    State.SCORED: N_("已计分"),
    State.APPEAL: N_("申诉期"),
    State.PUBLISHED: N_("已公布"),
}
STATE_MARKS: dict[State, str] = {
    State.NOT_STARTED: "○", State.FILLING: "◐", State.AWAITING_SECRETARY: "◑", State.AWAITING_REVIEW: "◕",
    State.RETURNED: "↩", State.ACCEPTED: "✓", State.SCORED: "✓", State.APPEAL: "◇", State.PUBLISHED: "★",
}  # fmt: skip


class Action(StrEnum):
    SAVE = "save"
    SUBMIT = "submit"
    RECALL = "recall"
    APPROVE = "approve"
    SECRETARY_RETURN = "secretary_return"
    ACCEPT = "accept"
    RETURN = "return"
    SCORE = "score"
    OPEN_APPEAL = "open_appeal"
    PUBLISH = "publish"
    REOPEN = "reopen"


ACTION_NAMES: dict[Action, str] = {
    Action.SAVE: N_("保存"),
    Action.SUBMIT: N_("提交书记审核"),
    Action.RECALL: N_("撤回修改"),
    Action.APPROVE: N_("同意报送"),
    Action.SECRETARY_RETURN: N_("退回修改"),
    Action.ACCEPT: N_("通过"),
    Action.RETURN: N_("退回"),
    Action.SCORE: N_("计分"),
    Action.OPEN_APPEAL: N_("进入申诉期"),
    Action.PUBLISH: N_("公布"),
    Action.REOPEN: N_("重新打开"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the guards look at. `sole_author`: the actor alone filled this report; `people`: active people of the school."""

    now: datetime
    opens_at: datetime
    locks_at: datetime
    open_problems: int = 0
    sole_author: bool = False
    people: int = 2
    own_school: bool = False
    returned_items: int = 0
    reason: str = ""


Guard = Callable[[Moment], Words | None]


def is_open(moment: Moment) -> Words | None:
    """The reporting window of the school holds."""
    if moment.now < moment.opens_at:
        return words(N_("本季度尚未到填报期，开放时间见首页日程。"))
    if moment.now >= moment.locks_at:
        return words(N_("本季度已锁定，不能再改。确需修改请联系区教育工委管理员调整锁定时间。"))
    return None


def is_complete(moment: Moment) -> Words | None:
    if moment.open_problems:
        return words(N_("还有 {count} 项没有填好，请先在“检查并提交”页逐项补齐。"), count=moment.open_problems)
    return None


def not_sole_author(moment: Moment) -> Words | None:
    """Nobody approves what they alone filled, save in a school with one person (docs/decisions/0004)."""
    if moment.sole_author and moment.people > 1:
        return words(N_("本期数据由您一人填写，按规定须由另一位同志审核。"))
    return None


def not_own_school(moment: Moment) -> Words | None:
    return words(N_("您是该校人员，按回避规定不能审核本校。")) if moment.own_school else None


def nothing_returned(moment: Moment) -> Words | None:
    if moment.returned_items:
        return words(N_("有 {count} 项勾选了退回，不能整份通过。"), count=moment.returned_items)
    return None


def something_returned(moment: Moment) -> Words | None:
    return None if moment.returned_items else words(N_("请至少勾选一项并写明退回原因。"))


def has_reason(moment: Moment) -> Words | None:
    return None if moment.reason.strip() else words(N_("请写明原因，对方会看到这段话。"))


@dataclass(frozen=True, slots=True)
class Transition:
    before: State
    action: Action
    roles: frozenset[Role]
    after: State
    guards: tuple[Guard, ...] = ()


_SCHOOL = frozenset({Role.REPORTER, Role.SECRETARY})
_SECRETARY = frozenset({Role.SECRETARY})
_REVIEWERS = frozenset({Role.REVIEWER, Role.ADMIN})
_ADMIN = frozenset({Role.ADMIN})
_JOB = frozenset({Role.JOB})

TABLE: tuple[Transition, ...] = (
    Transition(State.NOT_STARTED, Action.SAVE, _SCHOOL, State.FILLING, (is_open,)),
    Transition(State.FILLING, Action.SAVE, _SCHOOL, State.FILLING, (is_open,)),
    Transition(State.RETURNED, Action.SAVE, _SCHOOL, State.RETURNED, (is_open,)),
    Transition(State.FILLING, Action.SUBMIT, _SCHOOL, State.AWAITING_SECRETARY, (is_open, is_complete)),
    Transition(State.RETURNED, Action.SUBMIT, _SCHOOL, State.AWAITING_SECRETARY, (is_open, is_complete)),
    Transition(State.AWAITING_SECRETARY, Action.RECALL, _SCHOOL, State.FILLING, (is_open,)),
    Transition(State.AWAITING_SECRETARY, Action.APPROVE, _SECRETARY, State.AWAITING_REVIEW, (is_open, not_sole_author)),
    Transition(State.AWAITING_SECRETARY, Action.SECRETARY_RETURN, _SECRETARY, State.RETURNED, (has_reason,)),
    Transition(State.AWAITING_REVIEW, Action.ACCEPT, _REVIEWERS, State.ACCEPTED, (not_own_school, nothing_returned)),
    Transition(State.AWAITING_REVIEW, Action.RETURN, _REVIEWERS, State.RETURNED, (not_own_school, something_returned)),
    Transition(State.ACCEPTED, Action.SCORE, _JOB, State.SCORED),
    Transition(State.NOT_STARTED, Action.SCORE, _JOB, State.SCORED),
    Transition(State.FILLING, Action.SCORE, _JOB, State.SCORED),
    Transition(State.RETURNED, Action.SCORE, _JOB, State.SCORED),
    Transition(State.AWAITING_SECRETARY, Action.SCORE, _JOB, State.SCORED),
    Transition(State.SCORED, Action.OPEN_APPEAL, _ADMIN, State.APPEAL),
    Transition(State.APPEAL, Action.PUBLISH, _ADMIN, State.PUBLISHED),
    Transition(State.ACCEPTED, Action.REOPEN, _ADMIN, State.RETURNED, (has_reason,)),
    Transition(State.SCORED, Action.REOPEN, _ADMIN, State.RETURNED, (has_reason,)),
    Transition(State.APPEAL, Action.REOPEN, _ADMIN, State.RETURNED, (has_reason,)),
    Transition(State.PUBLISHED, Action.REOPEN, _ADMIN, State.RETURNED, (has_reason,)),
)
_BY_KEY: dict[tuple[State, Action], Transition] = {(row.before, row.action): row for row in TABLE}


def decide(state: State, action: Action, role: Role, moment: Moment) -> State:
    """The next state, or Conflict (wrong state, guard) or Forbidden (wrong role), in words."""
    row = _BY_KEY.get((state, action))
    if row is None:
        raise Conflict(
            words(
                N_("本期报表现在是“{state}”，不能{action}。"),
                state=Words(STATE_NAMES[state]),
                action=Words(ACTION_NAMES[action]),
            )
        )
    if role not in row.roles:
        who = named(each for each in Role if each in row.roles)
        raise Forbidden(words(N_("“{action}”由{who}办理。"), action=Words(ACTION_NAMES[action]), who=who))
    for guard in row.guards:
        refusal = guard(moment)
        if refusal is not None:
            raise Conflict(refusal)
    return row.after


def possible(state: State, role: Role) -> tuple[Action, ...]:
    """What `role` may try in `state`, guards aside: the buttons of a page."""
    return tuple(row.action for row in TABLE if row.before is state and role in row.roles)
