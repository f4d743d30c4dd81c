"""The front page of each role, and the way from one quarter to another."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from dashboards.pages import gaps, ranking
from dashboards.shell import Place, View
from tenants.quarter import Quarter
from tenants.reporting import actions, asking, progress
from tenants.reporting import form as forms
from tenants.reporting import queries as reporting
from tenants.reporting.workflow import Action
from tenants.results import publications
from tenants.schools import queries as schools
from tenants.scope import Role, Scope
from tenants.words import Words
from web.auth import current_scope, now
from web.policy import SIGNED_IN, access
from web.shell import page

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
@access(SIGNED_IN)
def index() -> Response:
    """The front page of the newest quarter; an operator's is the state of the installation."""
    scope = current_scope()
    if scope.role is Role.OPERATOR:
        return redirect(url_for("ops.status"))
    return redirect(url_for("home.quarter", quarter=reporting.newest_quarter(scope, now())))


@blueprint.get("/go")
@access(SIGNED_IN)
def go() -> Response:
    """From a page to the same page of another quarter: works without JavaScript."""
    try:
        quarter = Quarter.parse(request.args.get("quarter", ""))
    except ValueError:
        return redirect(url_for("home.index"))
    parts = urlsplit(request.args.get("from", "/")).path.split("/")
    spot = next((i for i, part in enumerate(parts) if _is_quarter(part)), None)
    if spot is None or parts[0]:
        return redirect(url_for("home.quarter", quarter=quarter))
    parts[spot] = quarter.slug
    query = request.args.get("query", "")
    return redirect("/" + "/".join(parts).lstrip("/") + (f"?{query}" if query else ""))


def _is_quarter(part: str) -> bool:
    try:
        Quarter.parse(part)
    except ValueError:
        return False
    return True


@blueprint.get("/<quarter:quarter>/")
@access(SIGNED_IN)
def quarter(quarter: Quarter) -> str | Response:
    scope = current_scope()
    if scope.role is Role.OPERATOR:
        return redirect(url_for("ops.status"))
    return FRONTS[scope.role](scope, quarter)


def _school(scope: Scope, quarter: Quarter) -> str:
    """What a reporter and a secretary see first: what is next, and until when."""
    report = reporting.find_report(scope, scope.school, quarter)
    sheet = reporting.sheet(scope, scope.school, quarter) if report else None
    recall = sheet is not None and actions.obstacle(scope, sheet, Action.RECALL, now()) is None
    return page(
        "home/school.html", sheet=sheet, problems=sheet.problems() if sheet else {}, recall=recall,
        lock=actions.obstacle(scope, sheet, Action.SAVE, now()) if sheet else None,
        steps=reporting.steps(scope, sheet.report.id) if sheet else (), last=_last_approval(scope),
        **_common(scope, quarter),
    )  # fmt: skip


def _last_approval(scope: Scope) -> datetime | None:
    return reporting.last_approval(scope, scope.account_id) if scope.account_id else None


def _district(scope: Scope, quarter: Quarter) -> str:
    """The quarter in numbers, each a way into its list."""
    common = _common(scope, quarter)
    numbers = progress.overview(scope, quarter, now()) if common["dates"] else None
    return page("home/district.html", numbers=numbers, findings=_findings(scope), **common)


def _findings(scope: Scope) -> tuple[tuple[Place, Words, Words], ...]:
    """What the dashboards say of the quarter that was published last: each view's place, finding and sentence."""
    published = max((each.quarter for each in publications.publications(scope)), default=None)
    if published is None:
        return ()
    at_ranking, at_gaps = Place(published, View.RANKING), Place(published, View.GAPS)
    standing, lacking = ranking.load(scope, at_ranking), gaps.load(scope, at_gaps)
    return (
        (at_ranking, ranking.finding(standing), ranking.sentence(standing)),
        (at_gaps, gaps.finding(lacking), gaps.sentence(lacking)),
    )


def _common(scope: Scope, quarter: Quarter) -> dict[str, Any]:
    waiting = reporting.waiting_for(scope)
    return {
        "dates": reporting.find_dates(scope, quarter), "now": now(), "asking": asking, "forms": forms,
        "elsewhere": sorted(other for other in waiting if other != quarter),
    }  # fmt: skip


def _city(scope: Scope, quarter: Quarter) -> str:
    """Which districts of the city have published the quarter."""
    published = {each.district_id: each for each in publications.newest(scope, quarter)}
    return page("home/city.html", districts=schools.districts(scope), published=published)


FRONTS: dict[Role, Callable[[Scope, Quarter], str]] = {
    Role.REPORTER: _school,
    Role.SECRETARY: _school,
    Role.REVIEWER: _district,
    Role.ADMIN: _district,
    Role.VIEWER: _district,
    Role.CITY_VIEWER: _city,
}
