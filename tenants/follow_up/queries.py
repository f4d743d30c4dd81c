"""Reading objections: a school its own, those who review all of the district, nobody else any."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from tenants.db import session
from tenants.errors import NotFound
from tenants.follow_up.models import ANSWERED, Objection, ObjectionState
from tenants.formats import moment
from tenants.quarter import Quarter
from tenants.reporting import queries as reporting
from tenants.reporting.models import ReportStep
from tenants.reporting.queries import QuarterView, ReportView
from tenants.reporting.workflow import Action, State
from tenants.results.runs import ItemView, items_of, newest_run, runs_by_id
from tenants.schools import queries as schools
from tenants.scope import Right, Scope
from tenants.words import N_, Words, words

SHORTEST, LONGEST = 10, 500
"""How many characters a reason has; an answer has at least one."""


@dataclass(frozen=True, slots=True)
class ObjectionView:
    """An objection, with the item of the run it contests.

    `own_school`: the reader belongs to it and may not answer. `pending`: upheld, and the report not yet opened since.
    """

    id: UUID
    school_id: UUID
    school_name: str
    report_id: UUID
    run_id: UUID
    quarter: Quarter
    item: ItemView
    reason: str
    raised_by: str
    raised_at: datetime
    state: ObjectionState
    answer: str
    answered_by: str
    answered_at: datetime | None
    own_school: bool
    pending: bool


@dataclass(frozen=True, slots=True)
class Contestable:
    """An item that lost points in the newest run, and why it cannot be contested now, if it cannot."""

    item: ItemView
    obstacle: Words | None


def require_reader(scope: Scope) -> None:
    """Forbidden for whoever is neither of a school nor reviews a district."""
    if not scope.can(Right.SEE_OWN):
        scope.require(Right.REVIEW)


def objections(scope: Scope, quarter: Quarter) -> tuple[ObjectionView, ...]:
    """The quarter's objections, open ones first, then newest first; a school sees its own only."""
    require_reader(scope)
    rows = session().scalars(
        scope.select(Objection)
        .where(Objection.quarter == quarter)
        .order_by((Objection.state == ObjectionState.OPEN).desc(), Objection.raised_at.desc(), Objection.id.desc())
    )
    return _views(scope, rows.all())


def objection(scope: Scope, objection_id: UUID) -> ObjectionView:
    """One objection; NotFound for a stranger."""
    require_reader(scope)
    return _views(scope, (find(scope, objection_id),))[0]


def find(scope: Scope, objection_id: UUID, *, lock: bool = False) -> Objection:
    """The row of an objection, locked until the transaction ends if asked; NotFound for a stranger."""
    statement = scope.select(Objection).where(Objection.id == objection_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = session().scalar(statement)
    if row is None:
        raise NotFound
    return row


def open_count(scope: Scope, quarter: Quarter) -> int:
    """How many objections of the quarter wait for the district's answer."""
    require_reader(scope)
    counted = sa.select(sa.func.count(Objection.id)).where(
        Objection.quarter == quarter, Objection.state == ObjectionState.OPEN
    )
    return session().scalar(scope.over(counted, Objection)) or 0


def pending_count(scope: Scope, quarter: Quarter) -> int:
    """How many schools' reports are still to be opened because an objection was upheld."""
    require_reader(scope)
    upheld = scope.select(Objection).where(Objection.quarter == quarter, Objection.state == ObjectionState.UPHELD)
    rows = session().scalars(upheld).all()
    return len({row.report_id for row in pending(scope, rows)})


def pending(scope: Scope, rows: Sequence[Objection]) -> list[Objection]:
    """Those upheld objections after whose answer the report has not been opened."""
    opened = _opened_at(scope, {row.report_id for row in rows})
    return [row for row in rows if row.state is ObjectionState.UPHELD and not _carried_out(row, opened)]


def _carried_out(row: Objection, opened: Mapping[UUID, datetime]) -> bool:
    last = opened.get(row.report_id)
    return last is not None and row.answered_at is not None and last >= row.answered_at


def _opened_at(scope: Scope, report_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """When each of these reports was last opened again."""
    last = (
        sa.select(ReportStep.report_id, sa.func.max(ReportStep.at))
        .where(ReportStep.report_id.in_(report_ids), ReportStep.action == Action.REOPEN)
        .group_by(ReportStep.report_id)
    )
    return {report_id: at for report_id, at in session().execute(scope.over(last, ReportStep))}


def _views(scope: Scope, rows: Sequence[Objection]) -> tuple[ObjectionView, ...]:
    items = _items(scope, {row.run_id for row in rows})
    names = {school.id: school.name for school in schools.schools(scope, closed=True)}
    people = schools.names_of(scope, {who for row in rows for who in (row.raised_by, row.answered_by) if who})
    waiting = {row.id for row in pending(scope, rows)}
    return tuple(
        ObjectionView(
            row.id, row.school_id, names[row.school_id], row.report_id, row.run_id, row.quarter,
            items[row.run_id, row.code], row.reason, people.get(row.raised_by, ""), row.raised_at, row.state, row.answer,
            people.get(row.answered_by, "") if row.answered_by else "", row.answered_at,
            row.school_id == scope.own_school_id, row.id in waiting,
        )
        for row in rows
    )  # fmt: skip


def _items(scope: Scope, run_ids: Collection[UUID]) -> dict[tuple[UUID, str], ItemView]:
    """The items that lost points in these runs, by run and indicator."""
    runs = tuple(runs_by_id(scope, list(run_ids)).values())
    found = items_of(scope, runs, lossy=True)
    return {(run_id, item.code): item for run_id, items in found.items() for item in items}


# ---- what a school may contest -------------------------------------------------------------------------------------


def contestable(scope: Scope, school_id: UUID, quarter: Quarter) -> tuple[Contestable, ...]:
    """The items of the newest run that lost points, most first; none before the first run, NotFound for a stranger."""
    reporting.report(scope, school_id, quarter)
    try:
        run = newest_run(scope, school_id, quarter)
    except NotFound:
        return ()
    lossy = items_of(scope, (run,), lossy=True)[run.id]
    states = states_of(scope, run.id)
    found = [Contestable(item, taken(states.get(item.code, frozenset()))) for item in lossy]
    return tuple(sorted(found, key=lambda each: each.item.lost, reverse=True))


def states_of(scope: Scope, run_id: UUID) -> dict[str, frozenset[ObjectionState]]:
    """In which states a run's objections are, by indicator."""
    rows = session().execute(
        scope.over(sa.select(Objection.code, Objection.state).where(Objection.run_id == run_id), Objection)
    )
    found: dict[str, frozenset[ObjectionState]] = {}
    for code, state in rows:
        found[code] = found.get(code, frozenset()) | {state}
    return found


WAITING = N_("这一项已有申诉在等答复，请等区教育工委答复。")


def taken(states: frozenset[ObjectionState]) -> Words | None:
    """Why an indicator with such objections cannot be contested; one that was withdrawn may be raised again."""
    if ObjectionState.OPEN in states:
        return Words(WAITING)
    if states & set(ANSWERED):
        return words(N_("区教育工委已答复过这一项，对同一次计分不再受理。"))
    return None


def window(dates: QuarterView, report: ReportView, now: datetime) -> Words | None:
    """Why a school cannot object at the moment; None while it can. Pure."""
    until = dates.appeal_until
    if report.state is State.PUBLISHED:
        return words(N_("本季度结果已经公布，申诉期已结束。"))
    if report.state is not State.APPEAL or until is None:
        return Words(BEFORE.get(report.state, NOT_YET))
    if now > until:
        return words(N_("申诉期已于 {until} 结束，不再受理新的申诉。"), until=moment(until))
    return None


NOT_YET = N_("申诉期还没有开始：报表审核、计分以后，由区教育工委宣布进入申诉期。")
BEFORE: dict[State, str] = {
    State.SCORED: N_("本季度已经计分，区教育工委宣布进入申诉期以后才能提出申诉。"),
    State.RETURNED: N_("报表已退回或重新打开，请先按要求修改、报送；重新计分后会再进入申诉期。"),
}
