"""Computing, opening to appeal and publishing. Flushes, never commits."""

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from tenants import audit
from tenants.db import new_id, session
from tenants.errors import Conflict, NotFound
from tenants.quarter import Quarter
from tenants.reporting import actions as reporting
from tenants.reporting.calendar import end_of_working_days
from tenants.reporting.models import Report, ReportingQuarter
from tenants.reporting.queries import Sheet, sheet
from tenants.reporting.workflow import Action, State
from tenants.results import computing, seal
from tenants.results.computing import Computed
from tenants.results.models import ScoreItem, ScoreRun
from tenants.results.publishing import announce, publish_standings
from tenants.results.runs import RunView, newest_runs
from tenants.schools import queries as schools
from tenants.scope import Right, Scope
from tenants.words import N_, words

ACCEPTED, DEADLINE, REOPENED, MANUAL = "accepted", "deadline", "reopened", "manual"
AFTER_ACCEPTANCE = frozenset({State.ACCEPTED, State.SCORED, State.APPEAL, State.PUBLISHED})
RETRIES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
"""How long to wait after each failure of a score; after one more it is parked."""


class ClaimLost(Conflict):
    """Another worker has taken this report over since; what was begun here is thrown away."""


def compute(
    scope: Scope,
    school_id: UUID,
    quarter: Quarter,
    *,
    cause: str | None = None,
    now: datetime,
    force: bool = False,
    claim: datetime | None = None,
) -> UUID:
    """Score and seal a school's quarter; the newest run's id when nothing has changed since and not `force`.

    `claim` is until when the caller has claimed the report: ClaimLost if that is no longer so. The row stays locked to
    the end of the transaction, so nobody can take it over, or change the report, before the run is whole.
    """
    _lock(scope, school_id, quarter, claim)
    found = sheet(scope, school_id, quarter)
    _require_due(found, now)
    done = computing.compute(scope, found)
    last = _newest(scope, found.report.id)
    if last is not None and last.sha256 == done.seal.sha256 and not force:
        run_id: UUID = last.id
    else:
        run_id = _store(scope, found, done, last.number + 1 if last else 1, cause or cause_of(found.report.state), now)
    reporting.mark_scored(scope, found, now)
    return run_id


def cause_of(state: State) -> str:
    """Why a report in `state` is scored, where nobody says."""
    if state is State.ACCEPTED:
        return ACCEPTED
    return REOPENED if state in AFTER_ACCEPTANCE else DEADLINE


def _lock(scope: Scope, school_id: UUID, quarter: Quarter, claim: datetime | None) -> Report:
    """The report's row as it is now, nobody else's until the transaction ends."""
    mine = scope.select(Report).where(Report.school_id == school_id, Report.quarter == quarter)
    row = session().scalar(mine.with_for_update().execution_options(populate_existing=True))
    if row is None:
        raise NotFound
    if claim is not None and row.claimed_until != claim:
        raise ClaimLost(words(N_("这份报表已由另一个进程接手计分。")))
    return row


def _require_due(found: Sheet, now: datetime) -> None:
    """A report is scored once it is accepted, or once the time to hand it in is over; not while it can be filled."""
    if not is_due(found, now):
        raise Conflict(words(N_("{school}的报表还在填报或审核中，通过或锁定以后才能计分。"), school=found.school.name))


def is_due(found: Sheet, now: datetime) -> bool:
    report = found.report
    if report.state in AFTER_ACCEPTANCE:
        return True
    locks_at = max(found.dates.locks_at, report.open_until or found.dates.locks_at)
    return report.state is not State.AWAITING_REVIEW and now >= locks_at


def _newest(scope: Scope, report_id: UUID) -> sa.Row[UUID, int, str] | None:
    statement = sa.select(ScoreRun.id, ScoreRun.number, ScoreRun.sha256).where(ScoreRun.report_id == report_id)
    newest = scope.over(statement, ScoreRun).order_by(ScoreRun.number.desc()).limit(1)
    return session().execute(newest).one_or_none()


def _store(scope: Scope, found: Sheet, done: Computed, number: int, cause: str, now: datetime) -> UUID:
    run_id = new_id()
    owner = {"district_id": scope.district, "school_id": found.school.id}
    run = {
        **owner, "id": run_id, "report_id": found.report.id, "number": number, "quarter": found.quarter,
        "scheme_version_id": found.dates.scheme_version_id, "computed_at": now, "cause": cause,
        "sealed": done.seal.text, "sha256": done.seal.sha256, **seal.run_columns(done.result),
    }  # fmt: skip
    items = [{**owner, "run_id": run_id, **item} for item in seal.item_columns(found.scheme, done.result)]
    session().execute(scope.insert(ScoreRun), [run])
    session().execute(scope.insert(ScoreItem), items)
    new = {"number": number, "cause": cause, "total": str(done.result.total), "sha256": done.seal.sha256}
    audit.record(scope, "compute", "score_run", run_id, school_id=found.school.id, new=new, now=now)
    return run_id


def note_failure(
    scope: Scope, school_id: UUID, quarter: Quarter, error: str, *, now: datetime, claim: datetime
) -> datetime | None:
    """Keep what went wrong and when to try again; None: tried often enough, parked until somebody looks at it."""
    attempts = _lock(scope, school_id, quarter, claim).score_attempts
    retry_at = now + RETRIES[max(attempts, 1) - 1] if attempts <= len(RETRIES) else None
    reporting.note_failure(scope, school_id, quarter, error, retry_at)
    return retry_at


def open_appeal(scope: Scope, quarter: Quarter, now: datetime, working_days: int = 3) -> int:
    """Open the scores to objections for so many working days; returns how many reports. Conflict when none is ready."""
    scope.require(Right.PUBLISH)
    row = _quarter(scope, quarter)
    moved = reporting.advance_all(scope, quarter, Action.OPEN_APPEAL, now)
    if not moved:
        raise Conflict(words(N_("本季度没有已计分而未进入申诉期的报表，请先完成审核和计分。")))
    row.appeal_until = end_of_working_days(now, working_days, ZoneInfo(schools.district(scope).zone))
    session().flush()
    new = {"reports": moved, "until": row.appeal_until.isoformat()}
    audit.record(scope, "open_appeal", "quarter", quarter, new=new, now=now)
    return moved


def _quarter(scope: Scope, quarter: Quarter) -> ReportingQuarter:
    """The quarter's row, locked, so that two people do not publish it at once."""
    row = session().scalar(scope.select(ReportingQuarter).where(ReportingQuarter.quarter == quarter).with_for_update())
    if row is None:
        raise NotFound(N_("本季度还没有设定填报日期，请联系区教育工委管理员。"))
    return row


def publish(scope: Scope, quarter: Quarter, now: datetime, *, partial: bool = False) -> UUID:
    """Publish what has been open to appeal, freeze the standings, and owe the mails; returns the publication's id.

    Conflict when there is nothing to publish, or when some schools would be left out and nobody said `partial`.
    """
    scope.require(Right.PUBLISH)
    _quarter(scope, quarter)
    ranked = _publishable(scope, quarter, partial=partial)
    reporting.advance_all(scope, quarter, Action.PUBLISH, now)
    publication = publish_standings(scope, quarter, ranked, now)
    announce(scope, publication, ranked, now)
    new = {"version": publication.version, "schools": len(ranked), "partial": partial}
    audit.record(scope, "publish", "quarter", quarter, new=new, now=now)
    return publication.id


def _publishable(scope: Scope, quarter: Quarter, *, partial: bool) -> dict[UUID, RunView]:
    """The runs that will stand, by school."""
    rows = session().execute(
        scope.over(sa.select(Report.school_id, Report.state).where(Report.quarter == quarter), Report)
    )
    states: dict[UUID, State] = {school_id: state for school_id, state in rows}
    if State.APPEAL not in states.values():
        raise Conflict(words(N_("本季度没有处在申诉期的成绩，请先计分并进入申诉期，再公布。")))
    _require_all(states, partial=partial)
    runs = newest_runs(scope, quarter)
    ready = {school_id for school_id, state in states.items() if state in (State.APPEAL, State.PUBLISHED)}
    return {school_id: runs[school_id] for school_id in ready if school_id in runs}


def _require_all(states: dict[UUID, State], *, partial: bool) -> None:
    if partial:
        return
    found = list(states.values())
    waiting = found.count(State.SCORED)
    unscored = sum(state not in (State.SCORED, State.APPEAL, State.PUBLISHED) for state in found)
    if unscored:
        raise Conflict(
            words(N_("还有 {count} 所学校没有计分。可以等它们计分后一起公布，或选择先公布已计分的。"), count=unscored)
        )
    if waiting:
        raise Conflict(words(N_("还有 {count} 所学校已计分但没有进入申诉期，请先让它们进入申诉期。"), count=waiting))
