"""The front page of each role, and the way from one quarter to another."""

from urllib.parse import urlsplit

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from tenants.quarter import Quarter
from tenants.reporting import queries as reporting
from tenants.scope import Role
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
def quarter(quarter: Quarter) -> str:
    return page("error.html", status=404, title="", said="")
