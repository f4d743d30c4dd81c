"""Moving a report along: opening quarters, saving, the steps of the workflow. Flushes, never commits."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from tenants import audit
from tenants.db import session
from tenants.errors import Conflict, Forbidden, Invalid, NotFound
from tenants.formats import ZONE
from tenants.notices import actions as notices
from tenants.notices.models import Rule
from tenants.quarter import Quarter
from tenants.reporting import queries
from tenants.reporting.models import ItemReview, Report, ReportingQuarter, ReportStep, ReportValue, Verdict
from tenants.reporting.queries import Sheet
from tenants.reporting.validation import Entry, text_of
from tenants.reporting.workflow import Action, Moment, State, decide
from tenants.schools import queries as schools
from tenants.schools.models import School
from tenants.scope import Right, Scope
from tenants.scoring.values import Ratio
from tenants.words import N_, Words, words

TIME_TO_MEND = timedelta(days=5)
"""How long a returned report stays open at least, even when the quarter locks earlier."""

UNSENT = (State.NOT_STARTED, State.FILLING, State.AWAITING_SECRETARY, State.RETURNED)
"""The states in which the school has still to do something."""

Key = tuple[str, UUID]
"""An indicator's code and the unit (school or branch) that the value is of."""


class Outdated(Conflict):
    """The report has moved on since the person opened it."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a person gives for one unit's indicator."""

    entry: Entry
    note: str = ""


def set_dates(
    scope: Scope,
    quarter: Quarter,
    *,
    opens_at: datetime,
    due_at: datetime,
    late_from: datetime,
    locks_at: datetime,
    scheme_version_id: UUID,
    now: datetime,
) -> None:
    """Set a quarter's four dates and its scheme; the scheme of a quarter that has opened cannot be exchanged."""
    scope.require(Right.MANAGE)
    if not opens_at < due_at <= late_from <= locks_at:
        raise Invalid({"due_at": words(N_("四个日期须依次为：开放 < 截止 ≤ 逾期起算 ≤ 锁定，请核对。"))})
    dates = {"opens_at": opens_at, "due_at": due_at, "late_from": late_from, "locks_at": locks_at}
    row = session().scalar(scope.select(ReportingQuarter).where(ReportingQuarter.quarter == quarter))
    if row is None:
        row = ReportingQuarter(
            district_id=scope.district, quarter=quarter, scheme_version_id=scheme_version_id, **dates
        )
        session().add(row)
        old = None
    else:
        if row.opened_at and row.scheme_version_id != scheme_version_id:
            raise Conflict(words(N_("本季度已经开放填报，不能再换指标体系。")))
        old = {name: str(getattr(row, name)) for name in dates}
        row.scheme_version_id = scheme_version_id
        for name, value in dates.items():
            setattr(row, name, value)
    session().flush()
    new = {name: str(value) for name, value in dates.items()}
    audit.record(scope, "set_dates", "quarter", quarter, old=old, new=new, now=now)


def open_quarter(scope: Scope, quarter: Quarter, now: datetime) -> int:
    """Make the missing reports of a quarter whose opening time has come; returns how many. Doing it twice adds none."""
    row = session().scalar(scope.select(ReportingQuarter).where(ReportingQuarter.quarter == quarter).with_for_update())
    if row is None or now < row.opens_at:
        return 0
    owing = scope.over(
        sa.select(School.id)
        .where(School.closed_at.is_(None))
        .where(
            ~sa.exists().where(
                Report.district_id == School.district_id, Report.school_id == School.id, Report.quarter == quarter
            )
        ),
        School,
    )
    made = [
        Report(district_id=scope.district, school_id=school_id, quarter=quarter)
        for school_id in session().scalars(owing)
    ]
    session().add_all(made)
    if row.opened_at is None:
        row.opened_at = now
        audit.record(scope, "open", "quarter", quarter, new={"reports": len(made)}, now=now)
    session().flush()
    return len(made)


def save(
    scope: Scope, school_id: UUID, quarter: Quarter, given: Mapping[Key, Given], *, now: datetime, version: int | None = None
) -> int:  # fmt: skip
    """Store what was given; returns the report's new version. Unchanged values are left alone.

    `version` is what the person had before them: if the report has moved on since, Outdated, and nothing is stored.
    A changed value needs the district's word again, so an acceptance of it is taken back.
    """
    scope.require(Right.FILL)
    sheet = queries.sheet(scope, school_id, quarter)
    row = _locked(scope, sheet.report.id)
    changed = _changed(sheet, given)
    if changed and version is not None and version != row.version:
        raise Outdated(words(N_("在您填写期间，本期报表已被他人修改。您填的内容仍在页面上，请核对后再保存一次。")))
    after = decide(row.state, Action.SAVE, scope.role, _moment(sheet, now))
    if not changed:
        return row.version
    _store(scope, sheet, changed, now)
    _withdraw_acceptance(scope, sheet, {code for code, _ in changed})
    _advance(scope, row, Action.SAVE, after, now)
    return row.version


def _changed(sheet: Sheet, given: Mapping[Key, Given]) -> dict[Key, Given]:
    """What differs from what is stored; NotFound for an indicator or a unit that the school has not."""
    changed = {}
    for (code, unit_id), new in given.items():
        if all(unit.id != unit_id for unit in sheet.units.get(code, ())):
            raise NotFound
        old = sheet.stored.get((code, unit_id))
        if (old.entry, old.note) != (new.entry, new.note) if old else not new.entry.empty or new.note:
            changed[code, unit_id] = new
    return changed


def _store(scope: Scope, sheet: Sheet, changed: Mapping[Key, Given], now: datetime) -> None:
    rows = [
        {
            "district_id": scope.district, "school_id": sheet.school.id, "report_id": sheet.report.id,
            "code": code, "unit_id": unit_id, "note": new.note, "entered_by": scope.account_id, "entered_at": now,
            **_columns(new.entry),
        }
        for (code, unit_id), new in changed.items()
    ]  # fmt: skip
    statement = insert(ReportValue)
    kept = {"district_id", "school_id", "report_id", "code", "unit_id"}
    updates = {name: statement.excluded[name] for name in rows[0] if name not in kept}
    session().execute(
        statement.on_conflict_do_update(
            index_elements=["district_id", "report_id", "code", "unit_id"], set_=updates
        ).execution_options(scope=scope),
        rows,
    )
    old = {_spell(key): _plain(sheet.stored[key].entry) for key in changed if key in sheet.stored}
    new_values = {_spell(key): _plain(new.entry) for key, new in changed.items()}
    audit.record(
        scope, "save", "report", sheet.report.id, school_id=sheet.school.id, old=old or None, new=new_values, now=now
    )


def _columns(entry: Entry) -> dict[str, object]:
    value = entry.value
    ratio = value if isinstance(value, Ratio) else None
    return {
        "number": value if isinstance(value, Decimal) else None,
        "numerator": ratio.num if ratio else None,
        "denominator": ratio.den if ratio else None,
        "flag": value if isinstance(value, bool) else None,
        "ticked": list(entry.ticked) if entry.ticked is not None else None,
        "na_reason": entry.na_reason,
    }


def _spell(key: Key) -> str:
    return f"{key[0]}/{key[1]}"


def _plain(entry: Entry) -> object:
    """An entry as the log keeps it."""
    if entry.na_reason:
        return {"na": entry.na_reason}
    if entry.ticked is not None:
        return list(entry.ticked)
    if isinstance(entry.value, Ratio):
        return [str(entry.value.num), str(entry.value.den)]
    return entry.value if isinstance(entry.value, bool) or entry.value is None else str(entry.value)


def _withdraw_acceptance(scope: Scope, sheet: Sheet, codes: set[str]) -> None:
    """Take the district's acceptance back from items that have changed since."""
    session().execute(
        scope.delete(ItemReview).where(
            ItemReview.report_id == sheet.report.id,
            ItemReview.code.in_(codes),
            ItemReview.verdict == Verdict.ACCEPTED,
        )
    )


def touch(scope: Scope, school_id: UUID, quarter: Quarter, codes: set[str], now: datetime) -> None:
    """Evidence of these indicators has come or gone: the same rules and consequences as a changed value."""
    scope.require(Right.FILL)
    sheet = queries.sheet(scope, school_id, quarter)
    if not codes <= set(sheet.units):
        raise NotFound
    row = _locked(scope, sheet.report.id)
    after = decide(row.state, Action.SAVE, scope.role, _moment(sheet, now))
    _withdraw_acceptance(scope, sheet, codes)
    _advance(scope, row, Action.SAVE, after, now)


def submit(scope: Scope, school_id: UUID, quarter: Quarter, now: datetime) -> None:
    """Hand the report to the secretary."""
    scope.require(Right.FILL)
    row = _go(scope, school_id, quarter, Action.SUBMIT, now)
    row.submitted_at = now


def recall(scope: Scope, school_id: UUID, quarter: Quarter, now: datetime) -> None:
    """Take the report back from the secretary to change it."""
    scope.require(Right.FILL)
    _go(scope, school_id, quarter, Action.RECALL, now)


def approve(
    scope: Scope, school_id: UUID, quarter: Quarter, now: datetime, *, version: int | None = None
) -> None:  # fmt: skip
    """The secretary sends the report to the district. `version` is what they have read: Outdated if it has moved on."""
    scope.require(Right.APPROVE)
    row = _go(scope, school_id, quarter, Action.APPROVE, now, version=version)
    row.approved_by, row.approved_at = scope.account_id, now
    row.first_sent_at = row.first_sent_at or now


def secretary_return(scope: Scope, school_id: UUID, quarter: Quarter, reason: str, now: datetime) -> None:
    scope.require(Right.APPROVE)
    _go(scope, school_id, quarter, Action.SECRETARY_RETURN, now, reason=_checked(reason))


def accept(
    scope: Scope, school_id: UUID, quarter: Quarter, now: datetime, *, version: int | None = None, returned_items: int = 0
) -> None:  # fmt: skip
    """The district accepts every item; the score is owed from now on. Refused while items are marked as returned."""
    scope.require(Right.REVIEW)
    sheet = queries.sheet(scope, school_id, quarter)
    row = _go(
        scope, school_id, quarter, Action.ACCEPT, now, sheet=sheet, returned_items=returned_items, version=version
    )
    _judge(scope, sheet, {indicator.code: "" for indicator in sheet.due}, Verdict.ACCEPTED, now)
    row.accepted_by, row.accepted_at, row.score_due_at = scope.account_id, now, now
    row.score_attempts, row.score_error = 0, ""


def return_items(
    scope: Scope, school_id: UUID, quarter: Quarter, reasons: Mapping[str, str], now: datetime, *,
    version: int | None = None,
) -> None:  # fmt: skip
    """The district returns the items in `reasons`, each with its reason, accepts the others, and tells the school."""
    scope.require(Right.REVIEW)
    sheet = queries.sheet(scope, school_id, quarter)
    faults = {code: fault for code, reason in reasons.items() if (fault := fault_of_reason(reason))}
    if faults:
        raise Invalid(faults)
    if not set(reasons) <= set(sheet.units):
        raise NotFound
    row = _go(scope, school_id, quarter, Action.RETURN, now, sheet=sheet, returned_items=len(reasons), version=version)
    others = {indicator.code: "" for indicator in sheet.due if indicator.code not in reasons}
    _judge(scope, sheet, others, Verdict.ACCEPTED, now)
    _judge(scope, sheet, dict(reasons), Verdict.RETURNED, now)
    row.returned_count += 1
    row.open_until = now + TIME_TO_MEND
    _tell_school(scope, sheet, reasons, f"return-{row.returned_count}", row.open_until, now)


def fault_of_reason(reason: str) -> Words | None:
    """What is wrong with a reason for an item, or None."""
    text = text_of(reason)
    if isinstance(text, Words):
        return text
    return None if text else words(N_("请写明退回原因，学校会看到。"))


def _checked(reason: str) -> str:
    """A reason for a whole report; Invalid when it cannot be kept."""
    text = text_of(reason)
    if isinstance(text, Words):
        raise Invalid({"reason": text})
    return text


def _judge(scope: Scope, sheet: Sheet, reasons: Mapping[str, str], verdict: Verdict, now: datetime) -> None:
    if not reasons:
        return
    rows = [
        {
            "district_id": scope.district, "school_id": sheet.school.id, "report_id": sheet.report.id, "code": code,
            "verdict": verdict, "reason": reason.strip(), "reviewer_id": scope.account_id, "at": now,
        }
        for code, reason in reasons.items()
    ]  # fmt: skip
    statement = insert(ItemReview)
    updates = {name: statement.excluded[name] for name in ("verdict", "reason", "reviewer_id", "at")}
    session().execute(
        statement.on_conflict_do_update(
            index_elements=["district_id", "report_id", "code"], set_=updates
        ).execution_options(scope=scope),
        rows,
    )


def _tell_school(
    scope: Scope, sheet: Sheet, reasons: Mapping[str, str], cause: str, open_until: datetime, now: datetime
) -> None:
    items = [
        {"number": indicator.number, "name": indicator.name_zh, "reason": reasons[indicator.code].strip()}
        for indicator in sheet.due
        if indicator.code in reasons
    ]
    notices.owe(
        scope, Rule.RETURNED, schools.colleagues(scope, school_id=sheet.school.id), cause=cause,
        facts={"school": sheet.school.name, "items": items, "until": max(open_until, sheet.dates.locks_at).isoformat()},
        school_id=sheet.school.id, quarter=sheet.quarter, now=now,
    )  # fmt: skip


def reopen(scope: Scope, school_id: UUID, quarter: Quarter, reason: str, now: datetime) -> None:
    """The district opens an accepted report again, with a reason; scores that were made stay beside the new one."""
    scope.require(Right.MANAGE)
    row = _go(scope, school_id, quarter, Action.REOPEN, now, reason=_checked(reason))
    row.open_until, row.score_due_at = now + TIME_TO_MEND, None


def reopen_items(
    scope: Scope, school_id: UUID, quarter: Quarter, reason: str, items: Mapping[str, str], now: datetime
) -> None:
    """As `reopen`, for the items in `items` (code → reason): they are to be mended, the others stay accepted.

    It is no return: it counts no round of them, and costs no points.
    """
    sheet = queries.sheet(scope, school_id, quarter)
    if not set(items) <= set(sheet.units):
        raise NotFound
    reopen(scope, school_id, quarter, reason, now)
    _judge(scope, sheet, items, Verdict.RETURNED, now)
    _tell_school(scope, sheet, items, f"reopen-{sheet.report.version}", now + TIME_TO_MEND, now)


def mark_scored(scope: Scope, sheet: Sheet, now: datetime) -> None:
    """The job has sealed a run for this report; the score is owed no more."""
    row = _locked(scope, sheet.report.id)
    if row.state not in (State.SCORED, State.APPEAL, State.PUBLISHED):
        _advance(scope, row, Action.SCORE, decide(row.state, Action.SCORE, scope.role, _moment(sheet, now)), now)
    row.score_due_at, row.claimed_until, row.score_attempts, row.score_error = None, None, 0, ""


def advance_all(scope: Scope, quarter: Quarter, action: Action, now: datetime) -> int:
    """Take every report of the quarter that is ready for it one step on (appeal, publication); returns how many."""
    scope.require(Right.PUBLISH)
    rows = session().scalars(scope.select(Report).where(Report.quarter == quarter).with_for_update()).all()
    ready = {Action.OPEN_APPEAL: State.SCORED, Action.PUBLISH: State.APPEAL}[action]
    moving = [row for row in rows if row.state is ready]
    for row in moving:
        far = Moment(now=now, opens_at=now, locks_at=now)
        _advance(scope, row, action, decide(row.state, action, scope.role, far), now)
    return len(moving)


def _go(
    scope: Scope, school_id: UUID, quarter: Quarter, action: Action, now: datetime, *,
    reason: str = "", returned_items: int = 0, sheet: Sheet | None = None, version: int | None = None,
) -> Report:  # fmt: skip
    """One step of the table for one report: load, decide, store."""
    sheet = sheet or queries.sheet(scope, school_id, quarter)
    row = _locked(scope, sheet.report.id)
    if row.version != sheet.report.version or version not in (None, row.version):
        raise Outdated(words(N_("本期报表刚刚被他人改动，请刷新页面后再办理。")))
    moment = _moment(sheet, now, scope=scope, action=action, reason=reason, returned_items=returned_items)
    _advance(scope, row, action, decide(row.state, action, scope.role, moment), now, reason)
    return row


def _moment(
    sheet: Sheet, now: datetime, *, scope: Scope | None = None, action: Action | None = None, reason: str = "",
    returned_items: int = 0,
) -> Moment:  # fmt: skip
    """What the guards look at, gathered only as far as the action needs it."""
    locks_at = max(sheet.dates.locks_at, sheet.report.open_until or sheet.dates.locks_at)
    people, sole = 2, False
    if scope is not None and action is Action.APPROVE:
        people = len({person.account_id for person in schools.colleagues(scope, school_id=sheet.school.id)})
        sole = {stored.entered_by for stored in sheet.stored.values()} == {scope.account_id}
    return Moment(
        now=now, opens_at=sheet.dates.opens_at, locks_at=locks_at,
        open_problems=len(sheet.problems()) if action is Action.SUBMIT else 0,
        sole_author=sole, people=people, own_school=bool(scope and scope.own_school_id == sheet.school.id),
        returned_items=returned_items, reason=reason,
    )  # fmt: skip


def obstacle(scope: Scope, sheet: Sheet, action: Action, now: datetime) -> Words | None:
    """Why `scope` cannot take this step at the moment, before anybody tries; None when they can."""
    moment = _moment(sheet, now, scope=scope, action=action, reason="-", returned_items=int(action is Action.RETURN))
    try:
        decide(sheet.report.state, action, scope.role, moment)
    except (Conflict, Forbidden) as refusal:
        return refusal.words
    return None


def remind(scope: Scope, school_ids: Collection[UUID], quarter: Quarter, now: datetime) -> int:
    """Owe a reminder to the people of those of the schools that have not sent their report; at most one a day.

    Returns how many mails are new.
    """
    scope.require(Right.REVIEW)
    found = [queries.sheet(scope, school_id, quarter) for school_id in school_ids]
    owed = 0
    for sheet in found:
        if sheet.report.state not in UNSENT:
            continue
        owed += notices.owe(
            scope, Rule.REMINDER, schools.colleagues(scope, school_id=sheet.school.id),
            cause=f"manual-{now.astimezone(ZONE):%Y-%m-%d}", facts=_reminder(sheet), school_id=sheet.school.id,
            quarter=quarter, now=now,
        )  # fmt: skip
        audit.record(scope, "remind", "report", sheet.report.id, school_id=sheet.school.id, now=now)
    return owed


def _reminder(sheet: Sheet) -> dict[str, str | int]:
    """A returned report has its own deadline."""
    until = sheet.report.open_until or sheet.dates.due_at
    return {"school": sheet.school.name, "due_at": until.isoformat(), "missing": len(sheet.problems())}


def _locked(scope: Scope, report_id: UUID) -> Report:
    """The report's row, locked until the transaction ends, as it is now."""
    row = session().scalar(
        scope.select(Report).where(Report.id == report_id).with_for_update().execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound
    return row


def _advance(scope: Scope, row: Report, action: Action, after: State, now: datetime, reason: str = "") -> None:
    """Write the step; a save within the same state only counts the version."""
    before = row.state
    row.version += 1
    row.state = after
    if before is not after:
        last = session().scalar(
            scope.over(sa.select(sa.func.max(ReportStep.seq)).where(ReportStep.report_id == row.id), ReportStep)
        )
        session().add(
            ReportStep(
                district_id=row.district_id, school_id=row.school_id, report_id=row.id, seq=(last or 0) + 1,
                action=action, before=before, after=after, account_id=scope.account_id, actor=scope.actor,
                reason=reason.strip(), at=now,
            )
        )  # fmt: skip
    session().flush()
    if action is not Action.SAVE:
        audit.record(
            scope, action, "report", row.id, school_id=row.school_id, old={"state": before},
            new={"state": after, "reason": reason.strip()}, now=now,
        )  # fmt: skip


def claim_due(scope: Scope, now: datetime, lease: timedelta) -> tuple[UUID, Quarter] | None:
    """Claim one report whose score is owed; None when none is. The claim runs out by itself when its worker dies."""
    row = session().scalar(
        scope.select(Report)
        .where(Report.score_due_at <= now, sa.or_(Report.claimed_until.is_(None), Report.claimed_until < now))
        .order_by(Report.score_due_at, Report.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if row is None:
        return None
    row.claimed_until = now + lease
    row.score_attempts += 1
    session().flush()
    return row.school_id, row.quarter


def note_failure(scope: Scope, school_id: UUID, quarter: Quarter, error: str, retry_at: datetime | None) -> None:
    """Keep what went wrong with a score; `retry_at` None parks it until somebody runs it by hand."""
    session().execute(
        scope.update(Report)
        .where(Report.school_id == school_id, Report.quarter == quarter)
        .values(score_error=error[:500], score_due_at=retry_at, claimed_until=None)
    )


def owe_scores_of_locked(scope: Scope, quarter: Quarter, now: datetime) -> int:
    """After the lock, a report that was not handed in in time is scored too, with what had been accepted."""
    marked = session().execute(
        scope.update(Report)
        .where(
            Report.quarter == quarter,
            Report.state.in_(UNSENT),
            Report.score_due_at.is_(None),
            Report.score_error == "",
            sa.or_(Report.open_until.is_(None), Report.open_until <= now),
        )
        .values(score_due_at=now)
    )
    return int(marked.rowcount)  # type: ignore[attr-defined]
