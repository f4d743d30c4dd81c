"""People, their posts, and the one-time links with which they set a password."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import flash, redirect, url_for
from flask_babel import gettext as _

from tenants.db import transaction
from tenants.errors import Invalid
from tenants.notices import actions as notices
from tenants.notices.models import Rule
from tenants.schools import actions, queries
from tenants.schools.models import Purpose
from tenants.schools.queries import AccountView
from tenants.scope import DISTRICT_ROLES, ROLE_NAMES, SCHOOL_ROLES, Right, Role, Scope
from tenants.words import N_, Words
from web.auth import current_scope, now
from web.forms import asked, taken, taken_all
from web.policy import access, needs
from web.shell import page
from web.views.manage.common import Answer, blueprint, filter_id, id_of, maybe, one_of, public_link

GIVEN_ROLES = {role: ROLE_NAMES[role] for role in Role if role in SCHOOL_ROLES | DISTRICT_ROLES}
PERSON, POST = ("name", "email", "phone"), ("role", "school_id", "own_school_id")
NOBODY_CHOSEN = N_("请先勾选要发邀请码的人员。")


@dataclass(frozen=True, slots=True)
class Link:
    """A one-time link as it is handed over: shown once, kept nowhere."""

    account: AccountView
    address: str
    until: datetime
    mailed: bool


@blueprint.get("/manage/people")
@access(needs(Right.MANAGE))
def people() -> str:
    return _people_page()


def _people_page(fault: Invalid | None = None) -> str:
    scope, given = current_scope(), asked("q", "role", "school", "waiting")
    found = queries.colleagues(
        scope,
        role=maybe(Role, given["role"]),
        school_id=filter_id(given["school"]),
        waiting=given["waiting"] == "on",
        text=given["q"],
    )
    return page(
        "manage/people.html",
        people=found,
        given=given,
        filtered=any(given.values()),
        schools={school.id: school for school in queries.schools(scope, closed=True)},
        roles=GIVEN_ROLES,
        problems=fault.problems if fault else {},
    )


@blueprint.get("/manage/people/new")
@access(needs(Right.MANAGE))
def new_person() -> str:
    return _form({"role": Role.REPORTER.value, "school_id": asked("school")["school"]})


@blueprint.post("/manage/people/new")
@access(needs(Right.MANAGE))
def create_person() -> Answer:
    """A person with their first post and an invitation."""
    form, scope = taken("login", *PERSON, *POST), current_scope()
    try:
        post = _post(form)
        with transaction(scope):
            fields: dict[str, Any] = {name: form[name] for name in ("login", *PERSON)}
            account_id = actions.create_account(scope, **fields, district_code=queries.district(scope).code)
            actions.add_post(scope, account_id, **post)
            link = _invite(scope, account_id, Purpose.INVITE)
    except Invalid as fault:
        return _form(form, fault), 422
    return page("manage/link.html", link=link, fresh=True)


def _post(form: dict[str, str]) -> dict[str, Any]:
    role = one_of(Role, form["role"], "role")
    if role not in GIVEN_ROLES:
        raise Invalid({"role": Words(N_("请从列表中选一项。"))})
    return {
        "role": role,
        "school_id": id_of(form["school_id"], "school_id"),
        "own_school_id": id_of(form["own_school_id"], "own_school_id") if role is Role.REVIEWER else None,
    }


def _form(given: dict[str, str], fault: Invalid | None = None) -> str:
    scope = current_scope()
    return page(
        "manage/person_new.html",
        given=given,
        problems=fault.problems if fault else {},
        schools=queries.schools(scope),
        roles=GIVEN_ROLES,
        district=queries.district(scope),
    )


@blueprint.get("/manage/people/<uuid:account_id>")
@access(needs(Right.MANAGE))
def person(account_id: UUID) -> str:
    return _person_page(account_id)


def _person_page(
    account_id: UUID, fault: Invalid | None = None, given: dict[str, str] | None = None, part: str = ""
) -> str:
    scope = current_scope()
    found = queries.account(scope, account_id)
    return page(
        "manage/person.html",
        person=found,
        given=given if given is not None and part == "person" else {name: getattr(found, name) for name in PERSON},
        typed=given if given is not None and part == "post" else {},
        part=part,
        problems=fault.problems if fault else {},
        posts=queries.colleagues(scope, account_id=account_id),
        schools={school.id: school for school in queries.schools(scope, closed=True)},
        roles=GIVEN_ROLES,
    )


@blueprint.post("/manage/people/<uuid:account_id>")
@access(needs(Right.MANAGE))
def change_person(account_id: UUID) -> Answer:
    scope = current_scope()
    queries.account(scope, account_id)
    form = taken(*PERSON)
    try:
        with transaction(scope):
            actions.change_account(scope, account_id, **form)
    except Invalid as fault:
        return _person_page(account_id, fault, form, "person"), 422
    flash(_("已保存。"), "good")
    return redirect(url_for("manage.person", account_id=account_id))


@blueprint.post("/manage/people/<uuid:account_id>/posts")
@access(needs(Right.MANAGE))
def add_post(account_id: UUID) -> Answer:
    scope = current_scope()
    queries.account(scope, account_id)
    form = taken(*POST)
    try:
        post = _post(form)
        with transaction(scope):
            actions.add_post(scope, account_id, **post)
    except Invalid as fault:
        return _person_page(account_id, fault, form, "post"), 422
    flash(_("已增加岗位。"), "good")
    return redirect(url_for("manage.person", account_id=account_id))


@blueprint.post("/manage/people/<uuid:account_id>/posts/<uuid:membership_id>/end")
@access(needs(Right.MANAGE))
def end_post(account_id: UUID, membership_id: UUID) -> Answer:
    scope = current_scope()
    queries.post(scope, account_id, membership_id)
    form = taken("reason")
    try:
        with transaction(scope):
            actions.end_post(scope, membership_id, now(), reason=form["reason"])
    except Invalid as fault:
        return _person_page(account_id, fault, form, str(membership_id)), 422
    flash(_("已结束岗位，此人的登录同时失效。"), "good")
    return redirect(url_for("manage.person", account_id=account_id))


@blueprint.post("/manage/people/<uuid:account_id>/link")
@access(needs(Right.MANAGE))
def new_link(account_id: UUID) -> Answer:
    """An invitation for who has no password yet, a reset for who has; shown once."""
    scope = current_scope()
    found = queries.account(scope, account_id)
    taken()
    with transaction(scope):
        link = _invite(scope, account_id, Purpose.RESET if found.active else Purpose.INVITE)
    return page("manage/link.html", link=link, fresh=False)


@blueprint.post("/manage/people/invitations")
@access(needs(Right.MANAGE))
def invitations() -> Answer:
    """A sheet of invitations to cut up and hand over, for those who have no password yet."""
    scope = current_scope()
    taken(lists=("account",))
    chosen = [
        person for person in queries.colleagues(scope, waiting=True) if str(person.account_id) in taken_all("account")
    ]
    if not chosen:
        return _people_page(Invalid({"chosen": Words(NOBODY_CHOSEN)})), 422
    with transaction(scope):
        links = [_invite(scope, account_id, Purpose.INVITE) for account_id in _once(p.account_id for p in chosen)]
    schools = {school.id: school.name for school in queries.schools(scope)}
    places = {person.account_id: schools.get(person.school_id, "") for person in chosen if person.school_id}
    return page("manage/invitations.html", links=links, places=places)


def _once(ids: Iterable[UUID]) -> list[UUID]:
    return list(dict.fromkeys(ids))


def _invite(scope: Scope, account_id: UUID, purpose: Purpose) -> Link:
    """A fresh link; owed by mail too where there is an address."""
    moment = now()
    token = actions.invite(scope, account_id, purpose, moment)
    link, until = public_link("auth.invite", token=token), moment + actions.LINK_LIFE[purpose]
    account = queries.account(scope, account_id)
    facts = {"link": link, "name": account.name, "login": account.login, "until": until.isoformat()}
    mailed = notices.owe(
        scope, Rule.INVITATION, queries.colleagues(scope, account_id=account_id)[:1],
        cause=f"{purpose}-{moment.isoformat()}", facts=facts, now=moment,
    )  # fmt: skip
    return Link(account, link, until, bool(mailed))
