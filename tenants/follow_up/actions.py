"""Objecting, withdrawing, answering, opening again, and publishing when nothing is left open. Flushes, never commits."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from tenants import audit
from tenants.db import new_id, session
from tenants.errors import Conflict, Forbidden, Invalid, NotFound
from tenants.follow_up import queries
from tenants.follow_up.models import OBJECTION_STATE_NAMES, Objection, ObjectionState
from tenants.follow_up.queries import LONGEST, SHORTEST
from tenants.quarter import Quarter
from tenants.reporting import actions as reporting
from tenants.reporting import queries as reports
from tenants.reporting.models import Report, ReportingQuarter
from tenants.reporting.validation import text_of
from tenants.results import actions as results
from tenants.results.runs import ItemView, items_of, newest_run
from tenants.scope import Right, Scope
from tenants.words import N_, Words, words


def raise_objection(scope: Scope, school_id: UUID, quarter: Quarter, code: str, reason: str, now: datetime) -> UUID:
    """提出申诉: the secretary contests the points that an indicator lost in the newest run; returns the objection's id."""
    scope.require(Right.APPROVE)
    _hold_quarter(scope, quarter, read=True)
    _hold_report(scope, school_id, quarter)
    _require_window(scope, school_id, quarter, now)
    text = _reason(reason)
    item = _contested(scope, school_id, quarter, code)
    row = Objection(
        district_id=scope.district, school_id=school_id, id=new_id(), quarter=quarter, code=code, reason=text,
        report_id=reports.report(scope, school_id, quarter).id, run_id=item.run_id, raised_by=scope.account_id,
        raised_at=now, state=ObjectionState.OPEN,
    )  # fmt: skip
    session().add(row)
    session().flush()
    new = {"code": code, "reason": text, "lost": str(item.lost)}
    audit.record(scope, "raise", "objection", row.id, school_id=school_id, new=new, now=now)
    return row.id


def _hold_quarter(scope: Scope, quarter: Quarter, *, read: bool = False) -> None:
    """Keep the quarter as it is: objections share it, publishing has it alone. So none slips in beside a publication."""
    mine = scope.select(ReportingQuarter).where(ReportingQuarter.quarter == quarter)
    if session().scalar(mine.with_for_update(read=read).execution_options(populate_existing=True)) is None:
        raise NotFound(N_("本季度还没有设定填报日期，请联系区教育工委管理员。"))


def _hold_report(scope: Scope, school_id: UUID, quarter: Quarter) -> None:
    """The report's row, locked, so that two people do not object to one item at once; NotFound for a stranger."""
    mine = scope.select(Report).where(Report.school_id == school_id, Report.quarter == quarter)
    if session().scalar(mine.with_for_update().execution_options(populate_existing=True)) is None:
        raise NotFound


def _require_window(scope: Scope, school_id: UUID, quarter: Quarter, now: datetime) -> None:
    dates, report = reports.quarter_view(scope, quarter), reports.report(scope, school_id, quarter)
    shut = queries.window(dates, report, now)
    if shut is not None:
        raise Conflict(shut)


def _reason(raw: str) -> str:
    text = text_of(raw, LONGEST)
    if isinstance(text, Words):
        raise Invalid({"reason": text})
    if len(text) < SHORTEST:
        said = words(N_("请写明申诉理由，至少 {least} 个字，说清哪里算错、有什么依据。"), least=SHORTEST)
        raise Invalid({"reason": said})
    return text


def _contested(scope: Scope, school_id: UUID, quarter: Quarter, code: str) -> ItemView:
    """The item of the newest run; Conflict when it lost nothing or is contested already, NotFound for a foreign code."""
    run = newest_run(scope, school_id, quarter)
    item = next((each for each in items_of(scope, (run,))[run.id] if each.code == code), None)
    if item is None:
        raise NotFound
    if not item.lost:
        raise Conflict(words(N_("“{name}”没有扣分，不需要申诉。"), name=item.name))
    obstacle = queries.taken(queries.states_of(scope, run.id).get(code, frozenset()))
    if obstacle is not None or _is_open(scope, run.report_id, code):
        raise Conflict(obstacle or Words(queries.WAITING))
    return item


def _is_open(scope: Scope, report_id: UUID, code: str) -> bool:
    """Whether an objection to the item is open, be it against an earlier run."""
    mine = sa.select(Objection.id).where(
        Objection.report_id == report_id, Objection.code == code, Objection.state == ObjectionState.OPEN
    )
    return session().scalar(scope.over(mine, Objection)) is not None


def withdraw(scope: Scope, objection_id: UUID, now: datetime) -> None:
    """撤回: the secretary takes an objection back that has not been answered."""
    scope.require(Right.APPROVE)
    row = _open(scope, objection_id)
    row.state = ObjectionState.WITHDRAWN
    session().flush()
    audit.record(scope, "withdraw", "objection", row.id, school_id=row.school_id, new={"code": row.code}, now=now)


def answer(scope: Scope, objection_id: UUID, upheld: bool, answer: str, now: datetime) -> None:
    """答复: the district upholds or rejects, with its reason; never in a school that one belongs to.

    An upheld objection is carried out by `reopen`, which is the administrator's.
    """
    scope.require(Right.REVIEW)
    row = _open(scope, objection_id)
    if row.school_id == scope.own_school_id:
        raise Forbidden(words(OWN_SCHOOL))
    row.answer = _answer(answer)
    row.state = ObjectionState.UPHELD if upheld else ObjectionState.REJECTED
    row.answered_by, row.answered_at = scope.account_id, now
    session().flush()
    new = {"code": row.code, "state": row.state, "answer": row.answer}
    audit.record(scope, "answer", "objection", row.id, school_id=row.school_id, new=new, now=now)


OWN_SCHOOL = N_("您是该校人员，按回避规定不能答复本校的申诉，请由其他审核员或管理员办理。")


def _open(scope: Scope, objection_id: UUID) -> Objection:
    """The locked row of an objection that is still open."""
    row = queries.find(scope, objection_id, lock=True)
    if row.state is not ObjectionState.OPEN:
        said = N_("这条申诉现在是“{state}”，不能再办理，请刷新页面查看。")
        raise Conflict(words(said, state=Words(OBJECTION_STATE_NAMES[row.state])))
    return row


def _answer(raw: str) -> str:
    text = text_of(raw, LONGEST)
    if isinstance(text, Words):
        raise Invalid({"answer": text})
    if not text:
        raise Invalid({"answer": words(N_("请写明答复，学校会看到这段话。"))})
    return text


def reopen(scope: Scope, objection_id: UUID, now: datetime) -> None:
    """Open the report for all of its upheld items at once; the run stays, a new one follows the mended report."""
    scope.require(Right.MANAGE)
    found = queries.objection(scope, objection_id)
    _hold_report(scope, found.school_id, found.quarter)
    mine = [each for each in queries.objections(scope, found.quarter) if each.report_id == found.report_id]
    if any(each.state is ObjectionState.OPEN for each in mine):
        raise Conflict(words(N_("{school}还有申诉没有答复，请全部答复后一并打开。"), school=found.school_name))
    due = [each for each in mine if each.pending]
    if found.id not in {each.id for each in due}:
        raise Conflict(words(N_("这条申诉没有采纳，或报表已经打开过了，请刷新页面查看。")))
    reason = f"申诉采纳：{'、'.join(each.item.number for each in due)}"
    items = {each.item.code: each.answer for each in due}
    reporting.reopen_items(scope, found.school_id, found.quarter, reason, items, now)


def publish(scope: Scope, quarter: Quarter, now: datetime, *, partial: bool = False) -> UUID:
    """Publish as `results.actions.publish` does; Conflict while an objection is open or an upheld one not carried out."""
    scope.require(Right.PUBLISH)
    _hold_quarter(scope, quarter)
    waiting = queries.open_count(scope, quarter)
    if waiting:
        raise Conflict(words(N_("还有 {count} 条申诉没有答复，全部答复以后才能公布。"), count=waiting))
    shut = queries.pending_count(scope, quarter)
    if shut:
        raise Conflict(words(N_("有 {count} 所学校的申诉已采纳，但报表还没有打开修改，请先在申诉页打开。"), count=shut))
    return results.publish(scope, quarter, now, partial=partial)
