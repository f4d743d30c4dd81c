"""Districts and cities: making them, and how much each holds. Counts only."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import current_app, flash, redirect, url_for
from flask_babel import gettext as _

from tenants import audit
from tenants.db import bind, new_id, transaction
from tenants.errors import Invalid, NotFound
from tenants.schemes import actions as schemes
from tenants.schemes.format import default_text
from tenants.schools import actions, queries
from tenants.schools.models import Purpose
from tenants.schools.queries import DistrictView
from tenants.scope import Right, Role, Scope
from tenants.words import Words
from web.auth import current_scope, founding, now
from web.config import Settings
from web.forms import taken
from web.policy import access, needs
from web.shell import page
from web.views.manage.common import Answer, id_of
from web.views.ops.common import Link, blueprint, link_for

FIELDS = ("code", "name", "office", "city_id")
ADMIN = {"admin_name": "name", "admin_login": "login", "admin_email": "email", "admin_phone": "phone"}


@dataclass(frozen=True, slots=True)
class Holding:
    """How much a district holds."""

    district: DistrictView
    schools: int
    accounts: int
    storage: int


@blueprint.get("/ops/districts")
@access(needs(Right.OPERATE))
def districts() -> str:
    return _list()


def _list(problems: dict[str, Words] | None = None, typed: str = "") -> str:
    scope = current_scope()
    accounts, found = queries.account_counts(scope), queries.districts(scope)
    cities = queries.cities(scope)
    counted = {district.id: _school_count(district.id) for district in found}
    bind(scope)
    holdings = [
        Holding(district, counted[district.id], accounts.get(district.id, 0), _storage(district.id))
        for district in found
    ]
    return page("ops/districts.html", holdings=holdings, cities=cities, problems=problems or {}, typed=typed)


def _school_count(district_id: UUID) -> int:
    counting = founding(district_id)
    bind(counting)
    return queries.school_count(counting)


def _storage(district_id: UUID) -> int:
    """Bytes of the district's files."""
    settings: Settings = current_app.config["SETTINGS"]
    folder: Path = settings.evidence_dir / str(district_id)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@blueprint.get("/ops/districts/new")
@access(needs(Right.OPERATE))
def new_district() -> str:
    return _form({})


def _form(given: dict[str, str], problems: dict[str, Words] | None = None) -> str:
    cities = queries.cities(current_scope())
    return page("ops/district_new.html", given=given, problems=problems or {}, cities=cities)


@blueprint.post("/ops/districts/new")
@access(needs(Right.OPERATE))
def create_district() -> Answer:
    """A district with its first administrator and the default scheme, or nothing of it."""
    form, scope = taken(*FIELDS, *ADMIN), current_scope()
    problems = _faults(scope, form)
    if problems:
        return _form(form, problems), 422
    district_id = new_id()
    with transaction(founding(district_id)) as found:
        link = _found(found.info["scope"], form)
        audit.record(scope, "create", "district", district_id, new={"code": form["code"]}, now=now())
    bind(scope)
    return page("ops/link.html", link=link, back=url_for("ops.districts"), title=_("已新建%(name)s", name=form["name"]))


def _faults(scope: Scope, form: dict[str, str]) -> dict[str, Words]:
    """What is wrong with either half of the form, by field."""
    problems = actions.district_faults(scope, code=form["code"].lower(), name=form["name"])
    person = {field: form[name] for name, field in ADMIN.items()}
    login = f"{form['code'].lower()}.{person.pop('login').lower()}"
    faults = actions.account_faults(login, person["name"], person["email"], person["phone"])
    problems |= {name: faults[field] for name, field in ADMIN.items() if field in faults}
    try:
        city = id_of(form["city_id"], "city_id")
        if city and city not in {each.id for each in queries.cities(scope)}:
            raise NotFound
    except Invalid as fault:
        problems |= fault.problems
    return problems


def _found(scope: Scope, form: dict[str, str]) -> Link:
    city = id_of(form["city_id"], "city_id")
    actions.create_district(scope, code=form["code"], name=form["name"], office=form["office"], city_id=city)
    schemes.import_scheme(scope, default_text(), now())
    person: dict[str, Any] = {field: form[name] for name, field in ADMIN.items()}
    account = actions.create_account(scope, **person, district_code=form["code"].lower())
    actions.add_post(scope, account, Role.ADMIN)
    login = queries.account(scope, account).login
    return link_for(scope, account, Purpose.INVITE, name=person["name"], login=login)


@blueprint.get("/ops/districts/<uuid:district_id>")
@access(needs(Right.OPERATE))
def district(district_id: UUID) -> str:
    """A district's place, and its administrators, for when none of them can sign in any more."""
    found = _district(district_id)
    admins = _admins(district_id)
    bind(current_scope())
    return page("ops/district.html", district=found, admins=admins, cities=queries.cities(current_scope()))


def _district(district_id: UUID) -> DistrictView:
    for found in queries.districts(current_scope()):
        if found.id == district_id:
            return found
    raise NotFound


def _admins(district_id: UUID) -> tuple[queries.Colleague, ...]:
    scope = founding(district_id)
    bind(scope)
    return queries.colleagues(scope, role=Role.ADMIN)


@blueprint.post("/ops/districts/<uuid:district_id>")
@access(needs(Right.OPERATE))
def assign_city(district_id: UUID) -> Answer:
    found, scope = _district(district_id), current_scope()
    form = taken("city_id")
    try:
        city = id_of(form["city_id"], "city_id")
    except Invalid:
        raise NotFound from None
    with transaction(scope):
        actions.assign_city(scope, district_id, city)
    flash(_("已保存“%(name)s”所属的城市。", name=found.name), "good")
    return redirect(url_for("ops.districts"))


@blueprint.post("/ops/districts/<uuid:district_id>/admins/<uuid:account_id>/link")
@access(needs(Right.OPERATE))
def admin_link(district_id: UUID, account_id: UUID) -> Answer:
    """A fresh link for a district's administrator: an invitation, or a reset for who has a password."""
    _district(district_id)
    taken()
    admin = next((each for each in _admins(district_id) if each.account_id == account_id), None)
    if admin is None:
        raise NotFound
    scope = founding(district_id)
    with transaction(scope):
        purpose = Purpose.RESET if admin.active else Purpose.INVITE
        link = link_for(scope, account_id, purpose, name=admin.name, login=admin.login)
    bind(current_scope())
    return page("ops/link.html", link=link, back=url_for("ops.district", district_id=district_id), title="")


@blueprint.post("/ops/cities")
@access(needs(Right.OPERATE))
def create_city() -> Answer:
    form, scope = taken("name"), current_scope()
    try:
        with transaction(scope):
            actions.create_city(scope, form["name"])
    except Invalid as fault:
        return _list(fault.problems, form["name"]), 422
    flash(_("已新增城市“%(name)s”。", name=form["name"]), "good")
    return redirect(url_for("ops.districts") + "#cities")
