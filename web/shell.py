"""The one shell around every page: top bar, quarter, and a menu of at most seven entries a role."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, render_template, request, url_for
from flask_login import current_user
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup
from werkzeug.routing import BaseConverter, ValidationError

from tenants import formats
from tenants.db import bind
from tenants.quarter import Quarter
from tenants.reporting import queries as reporting
from tenants.reporting.workflow import STATE_MARKS, STATE_NAMES
from tenants.schools import queries as schools
from tenants.schools.models import DISCLOSURE_NAMES, ORG_KIND_NAMES, STAGE_NAMES
from tenants.scope import ROLE_NAMES, Right, Role, Scope
from tenants.words import N_
from web.auth import current_scope, now


class QuarterConverter(BaseConverter):
    """`/2026q3/…` in an address is a `Quarter` in a view."""

    regex = r"20\d\d[qQ][1-4]"

    def to_python(self, value: str) -> Quarter:
        try:
            return Quarter.parse(value)
        except ValueError as error:
            raise ValidationError from error

    def to_url(self, value: Quarter) -> str:
        return value.slug


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the menu: its words, its endpoint, and who sees it."""

    name: str
    endpoint: str
    right: Right


MENU: tuple[Entry, ...] = (
    Entry(N_("审批"), "report.approval", Right.APPROVE),
    Entry(N_("填报"), "report.form", Right.FILL),
    Entry(N_("填报进度"), "review.progress", Right.SEE_DISTRICT),
    Entry(N_("审核队列"), "review.queue", Right.REVIEW),
    Entry(N_("本校结果"), "results.own", Right.SEE_OWN),
    Entry(N_("排名"), "dash.ranking", Right.SEE_RANKING),
    Entry(N_("差距"), "dash.gaps", Right.SEE_RANKING),
    Entry(N_("计分与公布"), "results.publishing", Right.PUBLISH),
    Entry(N_("管理"), "manage.index", Right.MANAGE),
    Entry(N_("运行状态"), "ops.status", Right.OPERATE),
    Entry(N_("区县"), "ops.districts", Right.OPERATE),
)
WITHOUT_QUARTER = frozenset({"manage.index", "ops.status", "ops.districts"})


def menu(scope: Scope, quarter: Quarter) -> list[tuple[str, str]]:
    """(words, address) of what this person may open."""
    return [(entry.name, _address(entry.endpoint, quarter)) for entry in MENU if scope.can(entry.right)]


def _address(endpoint: str, quarter: Quarter) -> str:
    if endpoint.startswith("dash."):
        return f"/dash/{quarter.slug}/{endpoint.removeprefix('dash.')}"
    return url_for(endpoint) if endpoint in WITHOUT_QUARTER else url_for(endpoint, quarter=quarter)


def current_quarter(scope: Scope) -> Quarter:
    """The quarter of the address, or else the newest one that has opened in the district."""
    named = (request.view_args or {}).get("quarter") or g.get("quarter")
    return named if isinstance(named, Quarter) else reporting.newest_quarter(scope, now())


def same_page_in(quarter: Quarter) -> str:
    """The address of this page in another quarter, filters kept."""
    query = request.query_string.decode()
    tail = f"?{query}" if query else ""
    if request.endpoint and "quarter" in (request.view_args or {}):
        return url_for(request.endpoint, **{**(request.view_args or {}), "quarter": quarter}) + tail
    if request.path.startswith("/dash/"):
        return f"/dash/{quarter.slug}/{request.path.split('/', 3)[3]}{tail}"
    return url_for("home.quarter", quarter=quarter)


def context() -> dict[str, Any]:
    """What the base template needs on every page."""
    if not current_user.is_authenticated:
        return {"scope": None}
    scope = current_scope()
    bind(scope)  # a view may have worked under another one
    quarter = current_quarter(scope)
    return {
        "scope": scope,
        "me": current_user.signed_in,
        "quarter": quarter,
        "quarters": reporting.quarters(scope),
        "menu": menu(scope, quarter),
        "tenant": schools.tenant_of(scope),
        "contact": schools.district(scope) if scope.district_id else None,
        "todo": todo(scope),
    }


@dataclass(frozen=True, slots=True)
class Todo:
    """What waits for this person: how many, and where."""

    count: int
    address: str


def todo(scope: Scope) -> Todo | None:
    """The badge in the top bar; None when nothing waits."""
    waiting = reporting.waiting_for(scope)
    if not waiting:
        return None
    endpoint = {Role.REPORTER: "report.form", Role.SECRETARY: "report.approval"}.get(scope.role, "review.queue")
    return Todo(sum(waiting.values()), url_for(endpoint, quarter=max(waiting)))


@cache
def _stamp(folder: str, name: str) -> str:
    """A short hash of an asset's content: its address changes when it does, so that it may be kept for ever."""
    return hashlib.sha256((Path(folder) / name).read_bytes()).hexdigest()[:12]


def asset(name: str) -> str:
    return url_for("static", filename=name, v=_stamp(str(current_app.static_folder), name))


def csrf() -> Markup:
    """The hidden field that every form which writes must carry."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())


def page(template: str, **values: Any) -> str:
    """A template in the shell; handed to the dashboards, so that both worlds have one look."""
    return render_template(template, **values)


def init(app: Flask) -> None:
    app.url_map.converters["quarter"] = QuarterConverter
    app.context_processor(context)
    app.jinja_env.globals.update(
        asset=asset, csrf=csrf, same_page_in=same_page_in, Right=Right, Role=Role, ROLE_NAMES=ROLE_NAMES, STATE_NAMES=STATE_NAMES,
        STATE_MARKS=STATE_MARKS, STAGE_NAMES=STAGE_NAMES, ORG_KIND_NAMES=ORG_KIND_NAMES,
        DISCLOSURE_NAMES=DISCLOSURE_NAMES,
    )  # fmt: skip
    for name in ("points", "signed", "number", "percent", "quarter", "day", "moment"):
        app.jinja_env.filters[name] = getattr(formats, name)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
