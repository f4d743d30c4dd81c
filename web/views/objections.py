"""申诉: a school contests single points, the district answers, the administrator opens what was upheld."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, make_response, redirect, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from tenants.db import transaction
from tenants.errors import Conflict, Invalid, NotFound
from tenants.follow_up import actions, queries
from tenants.follow_up.models import OBJECTION_STATE_NAMES, ObjectionState
from tenants.quarter import Quarter
from tenants.reporting import queries as reporting
from tenants.scope import Right, Scope
from tenants.words import N_, Words, words
from web.auth import current_scope, now
from web.forms import taken
from web.i18n import speak
from web.policy import access, needs
from web.shell import page

blueprint = Blueprint("objections", __name__)
VERDICTS = {"uphold": True, "reject": False}


@dataclass(frozen=True)
class Typed:
    """What was typed and not taken: for which item or objection, the text, and what is wrong with it."""

    target: str = ""
    text: str = ""
    faults: dict[str, Words] = field(default_factory=dict)
    said: Words | None = None


@blueprint.get("/<quarter:quarter>/objections")
@access(needs(Right.SEE_OWN, Right.REVIEW))
def index(quarter: Quarter) -> str:
    return _page(current_scope(), quarter, Typed())


def _page(scope: Scope, quarter: Quarter, typed: Typed) -> str:
    show = _district if scope.whole_district else _school
    return show(scope, quarter, typed)


def _school(scope: Scope, quarter: Quarter, typed: Typed) -> str:
    dates, report = reporting.quarter_view(scope, quarter), reporting.find_report(scope, scope.school, quarter)
    return page(
        "objections/school.html", dates=dates, report=report, **_shared(scope, quarter, typed),
        shut=queries.window(dates, report, now()) if report else Words(queries.NOT_YET),
        items=queries.contestable(scope, scope.school, quarter) if report else (),
    )  # fmt: skip


def _district(scope: Scope, quarter: Quarter, typed: Typed) -> str:
    dates = reporting.quarter_view(scope, quarter)
    return page(
        "objections/district.html", dates=dates, own=Words(actions.OWN_SCHOOL), **_shared(scope, quarter, typed)
    )


def _shared(scope: Scope, quarter: Quarter, typed: Typed) -> dict[str, Any]:
    found = queries.objections(scope, quarter)
    return {
        "found": found, "open": [each for each in found if each.state is ObjectionState.OPEN], "typed": typed,
        "closed": [each for each in found if each.state is not ObjectionState.OPEN], "now": now(),
        "NAMES": OBJECTION_STATE_NAMES, "SHORTEST": queries.SHORTEST, "LONGEST": queries.LONGEST,
    }  # fmt: skip


@blueprint.post("/<quarter:quarter>/objections")
@access(needs(Right.APPROVE))
def object_to(quarter: Quarter) -> Response:
    """Raise an objection to one item."""
    scope, form = current_scope(), taken("code", "reason")
    try:
        with transaction(scope):
            actions.raise_objection(scope, scope.school, quarter, form["code"], form["reason"], now())
    except (Conflict, Invalid) as error:
        return _again(scope, quarter, form["code"], form["reason"], error)
    flash(speak(words(N_("申诉已提交，区教育工委答复后您会在这里看到。"))), "good")
    return _back(quarter)


@blueprint.post("/<quarter:quarter>/objections/<uuid:objection_id>/withdraw")
@access(needs(Right.APPROVE))
def withdraw(quarter: Quarter, objection_id: UUID) -> Response:
    scope = _within(quarter, objection_id)
    try:
        with transaction(scope):
            actions.withdraw(scope, objection_id, now())
    except Conflict as error:
        return _again(scope, quarter, "", "", error)
    flash(speak(words(N_("申诉已撤回。"))), "good")
    return _back(quarter)


@blueprint.post("/<quarter:quarter>/objections/<uuid:objection_id>/answer")
@access(needs(Right.REVIEW))
def answer(quarter: Quarter, objection_id: UUID) -> Response:
    scope, form = _within(quarter, objection_id), taken("verdict", "answer")
    if form["verdict"] not in VERDICTS:
        raise BadRequest
    upheld = VERDICTS[form["verdict"]]
    try:
        with transaction(scope):
            actions.answer(scope, objection_id, upheld, form["answer"], now())
    except (Conflict, Invalid) as error:
        return _again(scope, quarter, str(objection_id), form["answer"], error)
    flash(speak(words(UPHELD if upheld else N_("已答复：不采纳，学校可以看到您的答复。"))), "good")
    return _back(quarter)


UPHELD = N_("已答复：采纳。请管理员在下面打开该校报表，学校修改、报送并审核后重新计分。")


@blueprint.post("/<quarter:quarter>/objections/<uuid:objection_id>/reopen")
@access(needs(Right.MANAGE))
def reopen(quarter: Quarter, objection_id: UUID) -> Response:
    scope = _within(quarter, objection_id)
    school = queries.objection(scope, objection_id).school_name
    try:
        with transaction(scope):
            actions.reopen(scope, objection_id, now())
    except Conflict as error:
        return _again(scope, quarter, "", "", error)
    flash(speak(words(N_("{school}的报表已打开，学校会收到邮件；原来的计分保留在旁。"), school=school)), "good")
    return _back(quarter)


def _within(quarter: Quarter, objection_id: UUID) -> Scope:
    """The scope of this request; NotFound when it has no such objection in the quarter of the address."""
    scope = current_scope()
    if queries.objection(scope, objection_id).quarter != quarter:
        raise NotFound
    return scope


def _again(scope: Scope, quarter: Quarter, target: str, text: str, error: Conflict | Invalid) -> Response:
    """The page as it was left, with what is wrong."""
    faults = error.problems if isinstance(error, Invalid) else {}
    typed = Typed(target, text, faults, None if faults else error.words)
    return make_response(_page(scope, quarter, typed), 422 if faults else 409)


def _back(quarter: Quarter) -> Response:
    return redirect(url_for("objections.index", quarter=quarter), 303)
