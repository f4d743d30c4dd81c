"""Accounts of no district: operators, and the viewers of a city."""

from typing import Any
from uuid import UUID

from flask import flash, redirect, url_for
from flask_babel import gettext as _

from tenants.db import transaction
from tenants.errors import Invalid, NotFound
from tenants.schools import actions, queries
from tenants.schools.models import Purpose
from tenants.scope import Right, Scope
from tenants.words import N_, Words
from web.auth import current_scope, now
from web.forms import taken
from web.policy import access, needs
from web.shell import page
from web.views.manage.common import UNLISTED, Answer, id_of
from web.views.ops.common import blueprint, link_for

FIELDS = ("login", "name", "email", "phone", "kind", "city_id")
NO_CITY = N_("市级领导要选城市。")


@blueprint.get("/ops/accounts")
@access(needs(Right.OPERATE))
def accounts() -> str:
    return _list({})


def _list(given: dict[str, str], problems: dict[str, Words] | None = None) -> str:
    scope = current_scope()
    cities = {city.id: city.name for city in queries.cities(scope)}
    found = queries.installation_accounts(scope)
    return page("ops/accounts.html", accounts=found, cities=cities, given=given, problems=problems or {})


@blueprint.post("/ops/accounts")
@access(needs(Right.OPERATE))
def create_account() -> Answer:
    form, scope = taken(*FIELDS), current_scope()
    try:
        city_id = _city(scope, form)
        fields: dict[str, Any] = {name: form[name] for name in ("login", "name", "email", "phone")}
        with transaction(scope):
            account = actions.create_account(scope, **fields, operator=form["kind"] == "operator", city_id=city_id)
            login = queries.account(scope, account).login
            link = link_for(scope, account, Purpose.INVITE, name=form["name"], login=login)
    except Invalid as fault:
        return _list(form, fault.problems), 422
    title = _("已新增“%(name)s”", name=form["name"])
    return page("ops/link.html", link=link, back=url_for("ops.accounts"), title=title)


def _city(scope: Scope, form: dict[str, str]) -> UUID | None:
    """The city of a city's viewer; an operator has none."""
    if form["kind"] not in ("operator", "city_viewer"):
        raise Invalid({"kind": Words(UNLISTED)})
    if form["kind"] == "operator":
        return None
    city = id_of(form["city_id"], "city_id")
    if city is None:
        raise Invalid({"city_id": Words(NO_CITY)})
    if city not in {each.id for each in queries.cities(scope)}:
        raise NotFound
    return city


@blueprint.post("/ops/accounts/<uuid:account_id>/link")
@access(needs(Right.OPERATE))
def account_link(account_id: UUID) -> Answer:
    scope = current_scope()
    found = queries.account(scope, account_id)
    taken()
    with transaction(scope):
        purpose = Purpose.RESET if found.active else Purpose.INVITE
        link = link_for(scope, account_id, purpose, name=found.name, login=found.login)
    return page("ops/link.html", link=link, back=url_for("ops.accounts"), title="")


@blueprint.post("/ops/accounts/<uuid:account_id>/disable")
@access(needs(Right.OPERATE))
def disable_account(account_id: UUID) -> Answer:
    scope = current_scope()
    found = queries.account(scope, account_id)
    taken()
    with transaction(scope):
        actions.disable_account(scope, account_id, now())
    flash(_("已停用“%(name)s”，此人的登录同时失效。", name=found.name), "good")
    return redirect(url_for("ops.accounts"))
