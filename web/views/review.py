"""What the district does with its schools' reports: follow, remind, judge, open again."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, make_response, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from dashboards.downloads import Cell, Table
from tenants import audit
from tenants.db import transaction
from tenants.errors import Conflict, Invalid, NotFound
from tenants.formats import moment
from tenants.formats import quarter as spell_quarter
from tenants.quarter import Quarter
from tenants.reporting import actions, asking, queries
from tenants.reporting import progress as following
from tenants.reporting.progress import FILTER_NAMES, Filters, Row
from tenants.reporting.queries import Sheet
from tenants.reporting.workflow import STATE_NAMES, Action, State
from tenants.schools import queries as schools
from tenants.schools.models import ORG_KIND_NAMES, STAGE_NAMES, OrgKind, Stage
from tenants.scope import Right, Role, Scope
from tenants.scoring.rules import rule_words
from tenants.words import N_, Words, words
from web import export
from web.auth import current_scope, now
from web.i18n import speak
from web.policy import access, needs
from web.shell import page

blueprint = Blueprint("review", __name__)
PHRASES = (
    N_("缺少佐证材料，请补传。"),
    N_("佐证材料与所填数据不一致，请核对。"),
    N_("数据与上季度差异较大，请说明原因。"),
    N_("统计口径不符，请按指标说明重新统计。"),
    N_("不适用的理由不充分，请补充说明。"),
    N_("扫描件不清晰或未盖章，请重新上传。"),
)
"""Reasons that reviewers give again and again; others may be typed."""


def _filters() -> Filters:
    """The filters of the address; one that names nothing narrows nothing."""
    given = request.args
    return Filters(
        state=_among(given.get("state", ""), FILTER_NAMES),
        stage=_among(given.get("stage", ""), Stage),
        kind=_among(given.get("kind", ""), OrgKind),
        group=given.get("group", "").replace("\0", "")[:60],
        search=given.get("q", "").replace("\0", "").strip()[:60],
    )


def _among(text: str, known: Any) -> str:
    return text if text in {str(each) for each in known} else ""


def _query(filters: Filters) -> dict[str, Any]:
    """Filters as they stand in an address."""
    return {("q" if name == "search" else name): text for name, text in asdict(filters).items() if text}


@blueprint.get("/<quarter:quarter>/progress")
@access(needs(Right.SEE_DISTRICT))
def progress(quarter: Quarter) -> str:
    scope, filters = current_scope(), _filters()
    dates = queries.quarter_view(scope, quarter)
    rows = following.rows(scope, quarter, filters, now())
    everyone = following.rows(scope, quarter, Filters(**{**asdict(filters), "state": ""}), now())
    _note_phones(scope, quarter, rows)
    return page(
        "review/progress.html", dates=dates, rows=rows, filters=filters, query=_query(filters), now=now(), asking=asking,
        counts={state: sum(row.report.state is state for row in everyone) for state in State}, all=len(everyone),
        groups=following.group_names(scope), phone=_phone(scope), FILTER_NAMES=FILTER_NAMES, UNSENT=actions.UNSENT,
        SHOWN_NAMES=following.SHOWN_NAMES,
    )  # fmt: skip


def _phone(scope: Scope) -> Any:
    """How a number is shown to this person: whole to those who call, masked to those who look."""
    whole = scope.can(Right.REVIEW)
    return lambda number: number if whole or len(number) < 8 else f"{number[:3]}****{number[-4:]}"


def _note_phones(scope: Scope, quarter: Quarter, rows: Sequence[Row]) -> None:
    """Seeing people's numbers leaves a record."""
    count = sum(bool(person.phone) for row in rows for person in row.people)
    if count and scope.can(Right.REVIEW):
        with transaction(scope):
            audit.record(scope, "see", "phones", quarter, new={"count": count}, now=now())


COLUMNS = (
    N_("序号"), N_("学校"), N_("学校标识码"), N_("学段"), N_("组织类型"), N_("片区"), N_("状态"), N_("已填项数"), N_("应填项数"),
    N_("报送时间"), N_("逾期"), N_("党务干事"), N_("干事电话"), N_("书记"), N_("书记电话"),
)  # fmt: skip


@blueprint.get("/<quarter:quarter>/progress.<any(xlsx, csv):suffix>")
@access(needs(Right.SEE_DISTRICT))
def download(quarter: Quarter, suffix: str) -> Answer:
    scope = current_scope()
    rows = following.rows(scope, quarter, _filters(), now())
    _note_phones(scope, quarter, rows)
    title = f"{speak(spell_quarter(quarter))}{speak(N_('填报进度'))}"
    about = speak(words(N_("共 {count} 所，{time}"), count=len(rows), time=moment(now())))
    cells = [_cells(scope, place, row) for place, row in enumerate(rows, 1)]
    table = Table(title, about, [speak(column) for column in COLUMNS], cells)
    return export.answer(suffix, title.replace(" ", ""), table, now())


def _cells(scope: Scope, place: int, row: Row) -> list[Cell]:
    school, report, phone = row.school, row.report, _phone(scope)
    people = [row.person(Role.REPORTER), row.person(Role.SECRETARY)]
    return [
        place, school.name, school.code, speak(STAGE_NAMES[school.stage]), speak(ORG_KIND_NAMES[school.org_kind]),
        school.group_name, speak(STATE_NAMES[report.state]), row.filled, row.asked,
        moment(report.first_sent_at) if report.first_sent_at else "", speak(N_("逾期")) if row.late else "",
        *(text for person in people for text in ((person.name, phone(person.phone)) if person else ("", ""))),
    ]  # fmt: skip


@blueprint.post("/<quarter:quarter>/progress/remind")
@access(needs(Right.REVIEW))
def remind(quarter: Quarter) -> Answer:
    scope = current_scope()
    chosen = _chosen()
    back = redirect(url_for("review.progress", **_query(_filters()), quarter=quarter))
    if not chosen:
        flash(speak(words(N_("请先勾选要催报的学校。"))), "warn")
        return back
    with transaction(scope):
        count = actions.remind(scope, chosen, quarter, now())
    flash(speak(_reminded(len(chosen), count)), "good" if count else "warn")
    return back


def _reminded(schools_chosen: int, count: int) -> Words:
    if not count:
        return words(N_("没有新的催报邮件：今天已催过，或所选学校已提交、没有登记邮箱。"))
    return words(N_("已向 {schools} 所学校发出催报，共 {count} 封邮件。"), schools=schools_chosen, count=count)


def _chosen() -> list[UUID]:
    try:
        return list(dict.fromkeys(UUID(text) for text in request.form.getlist("school")))
    except ValueError:
        raise NotFound from None


@blueprint.get("/<quarter:quarter>/review")
@access(needs(Right.SEE_DISTRICT))
def queue(quarter: Quarter) -> str:
    scope = current_scope()
    dates = queries.quarter_view(scope, quarter)
    return page(
        "review/queue.html", dates=dates, waiting=following.queue(scope, quarter), now=now(),
        days_waiting=following.days_waiting,
        today=following.judged_today(scope, quarter, now() - timedelta(hours=24)),
    )  # fmt: skip


@blueprint.get("/<quarter:quarter>/review/<uuid:school_id>")
@access(needs(Right.SEE_DISTRICT))
def item(quarter: Quarter, school_id: UUID) -> str:
    scope = current_scope()
    return _item(scope, queries.sheet(scope, school_id, quarter))


def _item(
    scope: Scope, sheet: Sheet, *, said: Words | None = None, faults: Mapping[str, Words] | None = None,
    ticked: frozenset[str] = frozenset(), reasons: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    numbers = {indicator.code: indicator.number for indicator in sheet.due}
    top = {
        f"reason.{code}": words(N_("{number}：{fault}"), number=numbers[code], fault=fault)
        for code, fault in (faults or {}).items()
    }
    people = {stored.entered_by for stored in sheet.stored.values()} | {r.reviewer_id for r in sheet.reviews.values()}
    return page(
        "review/item.html", sheet=sheet, said=said, faults=faults or {}, top=top, ticked=ticked, reasons=reasons or {},
        names=schools.names_of(scope, people), steps=queries.steps(scope, sheet.report.id), asking=asking,
        before=queries.previous_values(scope, sheet.school.id, sheet.quarter), rule_words=rule_words, now=now(),
        obstacle=_obstacle(scope, sheet), own=scope.own_school_id == sheet.school.id, phrases=PHRASES,
        reopen=actions.obstacle(scope, sheet, Action.REOPEN, now()) is None, changed=_changed(sheet),
    )  # fmt: skip


def _obstacle(scope: Scope, sheet: Sheet) -> Words | None:
    return actions.obstacle(scope, sheet, Action.ACCEPT, now())


def _changed(sheet: Sheet) -> frozenset[str]:
    """Items that the school has changed since the district last returned the report."""
    if not sheet.report.returned_count:
        return frozenset()
    open_again = {indicator.code for indicator in sheet.asked() if indicator.code not in sheet.reviews}
    return frozenset(open_again | (set(sheet.returned) - set(sheet.to_mend)))


@blueprint.post("/<quarter:quarter>/review/<uuid:school_id>")
@access(needs(Right.REVIEW))
def judge(quarter: Quarter, school_id: UUID) -> Answer:
    scope = current_scope()
    sheet = queries.sheet(scope, school_id, quarter)
    ticked, reasons, version = _marks(sheet)
    verdict = request.form.get("verdict")
    faults = _unmarked(ticked, reasons)
    if verdict not in ("accept", "return"):
        abort(400)
    try:
        if faults:
            raise Invalid(faults)
        with transaction(scope):
            if verdict == "accept":
                actions.accept(scope, school_id, quarter, now(), version=version, returned_items=len(ticked))
            else:
                marked = {code: reasons.get(code, "") for code in ticked}
                actions.return_items(scope, school_id, quarter, marked, now(), version=version)
    except (Conflict, Invalid) as error:
        return _again(scope, sheet, error, ticked, reasons)
    flash(speak(_judged(sheet.school.name, verdict, len(ticked))), "good")
    return redirect(url_for("review.queue", quarter=quarter))


def _marks(sheet: Sheet) -> tuple[frozenset[str], dict[str, str], int]:
    """Which items are ticked, the reasons by item, and the version that was read; NotFound for a foreign item."""
    ticked = frozenset(request.form.getlist("return"))
    reasons = {
        name.removeprefix("reason."): text.strip()
        for name, text in request.form.items()
        if name.startswith("reason.") and text.strip()
    }
    if not (ticked | reasons.keys()) <= set(sheet.units):
        raise NotFound
    version = request.form.get("version", "")
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        abort(400)
    return ticked, reasons, int(version)


def _unmarked(ticked: frozenset[str], reasons: Mapping[str, str]) -> dict[str, Words]:
    """A reason for an item that is not ticked would be lost in silence."""
    said = words(N_("写了原因但没有勾选“退回”，请勾选或清空原因。"))
    return {code: said for code in reasons if code not in ticked}


def _again(
    scope: Scope, sheet: Sheet, error: Conflict | Invalid, ticked: frozenset[str], reasons: Mapping[str, str]
) -> Answer:  # fmt: skip
    """The page as it was left, with what is wrong."""
    fresh = queries.sheet(scope, sheet.school.id, sheet.quarter)
    faults = error.problems if isinstance(error, Invalid) else {}
    said = None if faults else error.words
    status = 422 if faults else 409
    return make_response(_item(scope, fresh, said=said, faults=faults, ticked=ticked, reasons=reasons), status)


def _judged(school: str, verdict: str, count: int) -> Words:
    if verdict == "accept":
        return words(N_("{school}已通过审核，随后自动计分。"), school=school)
    return words(N_("已退回{school} {count} 项，学校会收到邮件。"), school=school, count=count)


@blueprint.post("/<quarter:quarter>/review/<uuid:school_id>/reopen")
@access(needs(Right.MANAGE))
def reopen(quarter: Quarter, school_id: UUID) -> Answer:
    scope = current_scope()
    sheet = queries.sheet(scope, school_id, quarter)
    try:
        with transaction(scope):
            actions.reopen(scope, school_id, quarter, request.form.get("reason", ""), now())
    except (Conflict, Invalid) as error:
        return make_response(_item(scope, queries.sheet(scope, school_id, quarter), said=_plain(error)), 422)
    flash(speak(words(N_("{school}的报表已重新打开，原结果保留在旁。"), school=sheet.school.name)), "good")
    return redirect(url_for("review.item", quarter=quarter, school_id=school_id))


def _plain(error: Conflict | Invalid) -> Words:
    return next(iter(error.problems.values())) if isinstance(error, Invalid) else error.words
