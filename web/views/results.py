"""A school's result, its explanation down to the documents, and the district's way to publication."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from tenants import formats
from tenants.db import transaction
from tenants.errors import Conflict, Invalid, LinghangError, NotFound
from tenants.follow_up import actions as follow_up
from tenants.quarter import Quarter
from tenants.reporting import queries as reporting
from tenants.reporting.queries import EvidenceView, ReportView
from tenants.reporting.workflow import State
from tenants.results import actions, queries
from tenants.results.progress import SCORED
from tenants.results.publications import history
from tenants.results.queries import Explanation, RankedRow, RunView
from tenants.schemes import queries as schemes
from tenants.schools import queries as schools
from tenants.schools.queries import SchoolView
from tenants.scope import Right, Scope
from tenants.scoring.ranking import rank
from tenants.words import N_, Words, words
from web.arithmetic import arithmetic
from web.auth import current_scope, now
from web.forms import taken
from web.i18n import speak
from web.policy import access, needs
from web.shell import page

blueprint = Blueprint("results", __name__)


@blueprint.get("/<quarter:quarter>/results")
@access(needs(Right.SEE_OWN))
def own(quarter: Quarter) -> str:
    """The school's own result as soon as it is scored; before that, how far it has come."""
    scope = current_scope()
    dates, report = reporting.quarter_view(scope, quarter), reporting.find_report(scope, scope.school, quarter)
    found = _own_explanation(scope, quarter)
    if found is None:
        return page("results/waiting.html", report=report, dates=dates)
    return page(
        "results/own.html", found=found, lines=_lines(scope, found), report=report, dates=dates, now=now(),
        lossy=_lossy(found), **_place(scope, quarter),
    )  # fmt: skip


def _own_explanation(scope: Scope, quarter: Quarter) -> Explanation | None:
    try:
        return queries.school_explanation(scope, scope.school, quarter)
    except NotFound:
        return None


def _lossy(found: Explanation) -> list[queries.ExplainedItem]:
    """What cost points, most first."""
    return sorted((each for each in found.items if each.item.lost), key=lambda each: each.item.lost, reverse=True)


def _lines(scope: Scope, found: Explanation) -> Any:
    return arithmetic(found, schemes.scheme_of(scope, found.run.scheme_version_id))


def _place(scope: Scope, quarter: Quarter) -> dict[str, Any]:
    """The school's place as far as its district tells it: a place, or the name of a tier."""
    ranking = queries.standings(scope, quarter)
    row: RankedRow | None = next((each for each in ranking.rows if each.own), None)
    name = row.standing.name if row else ""
    tier = next((tier for tier, names in ranking.tiers if name in names), "") if row else ""
    return {"ranking": ranking, "row": row, "tier": tier}


@blueprint.get("/<quarter:quarter>/schools/<uuid:school_id>/score")
@access(needs(Right.SEE_RANKING))
def explanation(quarter: Quarter, school_id: UUID) -> str:
    """One school's score taken apart; a stranger gets 404."""
    scope = current_scope()
    found = queries.school_explanation(scope, school_id, quarter)
    return page(
        "results/explanation.html", found=found, lines=_lines(scope, found), papers=_papers(scope, found),
        mine=scope.district_id is not None and not scope.whole_district,
    )  # fmt: skip


def _papers(scope: Scope, found: Explanation) -> dict[tuple[str, str], EvidenceView]:
    """The evidence that this person may open, by indicator and content: the papers of the sealed run that still lie here."""
    if scope.district_id is None:
        return {}
    files = reporting.evidence_of(scope, found.run.report_id)
    return {(code, file.sha256): file for code, several in files.items() for file in several}


@dataclass(frozen=True)
class Preview:
    """A line of what would be published."""

    school: SchoolView
    run: RunView
    state: State
    rank: int


@blueprint.get("/<quarter:quarter>/publishing")
@access(needs(Right.PUBLISH))
def publishing(quarter: Quarter) -> str:
    return _publishing(quarter)


def _publishing(quarter: Quarter, problems: dict[str, Words] | None = None, said: Words | None = None) -> str:
    scope = current_scope()
    state = queries.publishing_state(scope, quarter)
    known = {school.id: school for school in schools.schools(scope, closed=True)}
    reports = {report.school_id: report for report in reporting.reports(scope, quarter)}
    versions = history(scope, quarter)
    return page(
        "results/publishing.html", state=state, preview=_preview(scope, quarter, known, reports),
        missing=[(each, reports[each.id]) for each in known.values() if each.id in reports and reports[each.id].state not in SCORED],
        versions=versions, names=schools.names_of(scope, {who for _, who in versions if who}), State=State, now=now(),
        problems=problems or {}, said=said, disclosure=schools.district(scope).disclosure,
    )  # fmt: skip


def _preview(
    scope: Scope, quarter: Quarter, known: dict[UUID, SchoolView], reports: dict[UUID, ReportView]
) -> list[Preview]:
    """Totals and places as they would stand if everything that is scored were published now."""
    runs = {
        school_id: run
        for school_id, run in queries.newest_runs(scope, quarter).items()
        if school_id in reports and reports[school_id].state in SCORED
    }
    totals: dict[UUID, Decimal] = {school_id: run.total for school_id, run in runs.items()}
    return [Preview(known[each], runs[each], reports[each].state, place) for each, place in rank(totals).items()]


@blueprint.post("/<quarter:quarter>/publishing")
@access(needs(Right.PUBLISH))
def publish(quarter: Quarter) -> Response | tuple[str, int]:
    """One step towards publication, or one school's score computed again; a step needs its box ticked."""
    form = taken("step", "confirm", "partial", "school")
    try:
        done = _step(form, quarter)
    except (Conflict, Invalid) as refusal:
        return _publishing(quarter, getattr(refusal, "problems", None), refusal.words), _status(refusal)
    flash(speak(done), "good")
    return redirect(url_for("results.publishing", quarter=quarter), 303)


def _status(refusal: LinghangError) -> int:
    return 422 if isinstance(refusal, Invalid) else 409


def _step(form: dict[str, str], quarter: Quarter) -> Words:
    scope, step = current_scope(), form["step"]
    if step == "compute":
        return _compute(scope, form["school"], quarter)
    if step not in ("appeal", "publish"):
        raise BadRequest
    if form["confirm"] != "1":
        raise Invalid({f"confirm-{step}": words(N_("请先勾选“我已核对”，再点按钮。"))})
    with transaction(scope):
        if step == "appeal":
            count = actions.open_appeal(scope, quarter, now())
            return words(N_("{count} 所学校的成绩已进入申诉期，各校现在可以看到并提出申诉。"), count=count)
        follow_up.publish(scope, quarter, now(), partial=form["partial"] == "1")
    return words(N_("本季度结果已公布，邮件正在发给各校。"))


def _compute(scope: Scope, school: str, quarter: Quarter) -> Words:
    """Score one school again; a result that is the same makes no new run."""
    try:
        school_id = UUID(school)
    except ValueError as error:
        raise Invalid({"school": words(N_("请选择一所学校。"))}) from error
    with transaction(scope):
        name = schools.school(scope, school_id).name
        before = queries.newest_run(scope, school_id, quarter)
        actions.compute(scope, school_id, quarter, cause=actions.MANUAL, now=now())
        after = queries.newest_run(scope, school_id, quarter)
    if after.id == before.id:
        return words(N_("{name}重新计分的结果与原来一致，没有产生新的记录。"), name=name)
    return words(
        N_("{name}已重新计分：第 {number} 次，{total} 分。"),
        name=name,
        number=after.number,
        total=formats.points(after.total),
    )
