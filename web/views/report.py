"""A school's quarter: fill it, check it, hand it in, approve it, and the files that show its numbers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, current_app, flash, make_response, redirect, request, send_file, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as Answer

from tenants.db import transaction
from tenants.errors import Conflict, Invalid, NotFound
from tenants.quarter import Quarter
from tenants.reporting import actions, asking, evidence, queries
from tenants.reporting import form as forms
from tenants.reporting.actions import Key, Outdated
from tenants.reporting.evidence import DiskStore
from tenants.reporting.form import Texts
from tenants.reporting.queries import Sheet
from tenants.reporting.workflow import Action, State
from tenants.schemes import queries as schemes
from tenants.schools import queries as schools
from tenants.scope import Right, Role, Scope
from tenants.scoring.rules import rule_words
from tenants.words import N_, Words, words
from web.auth import current_scope, now
from web.config import Settings
from web.i18n import speak
from web.policy import access, needs
from web.shell import page

blueprint = Blueprint("report", __name__)
CARRIED = frozenset({"csrf_token", "version", "seen", "then", "remove"})
"""Fields of the form that are no values."""
FILES = "files"
WORDING = {"asking": asking, "rule_words": rule_words, "forms": forms}
"""What the templates put into words with."""


@dataclass(frozen=True)
class Shown:
    """How a form is shown: what was typed and not stored, what is wrong with it, and what a colleague has changed."""

    typed: Mapping[Key, Texts] = field(default_factory=dict)
    faults: Mapping[str, Words] = field(default_factory=dict)
    clashes: frozenset[Key] = frozenset()
    said: Words | None = None


@blueprint.get("/<quarter:quarter>/report")
@access(needs(Right.FILL))
def form(quarter: Quarter) -> str:
    scope = current_scope()
    if queries.find_report(scope, scope.school, quarter) is None:
        return page("report/closed.html", dates=queries.quarter_view(scope, quarter), **_to_prepare(scope, quarter))
    return _form(scope, queries.sheet(scope, scope.school, quarter), Shown())


def _to_prepare(scope: Scope, quarter: Quarter) -> dict[str, Any]:
    dates = queries.quarter_view(scope, quarter)
    scheme = schemes.scheme_of(scope, dates.scheme_version_id)
    return {"scheme": scheme, "due": scheme.due(quarter.number), "now": now(), **WORDING}


def _form(scope: Scope, sheet: Sheet, shown: Shown) -> str:
    lock = actions.obstacle(scope, sheet, Action.SAVE, now())
    names = schools.names_of(scope, {stored.entered_by for stored in sheet.stored.values()})
    only = frozenset(sheet.returned) if sheet.report.state is State.RETURNED and not request.args.get("all") else None
    return page(
        "report/form.html", sheet=sheet, shown=shown, lock=lock, names=names, only=only or None, **WORDING,
        before=queries.previous_values(scope, sheet.school.id, sheet.quarter), now=now(), problems=sheet.problems(),
        faults=forms.summary(sheet, shown.faults), steps=queries.steps(scope, sheet.report.id), limit=_limit(),
        recall=actions.obstacle(scope, sheet, Action.RECALL, now()) is None, open_until=queries.open_until(sheet),
    )  # fmt: skip


@blueprint.post("/<quarter:quarter>/report")
@access(needs(Right.FILL))
def save(quarter: Quarter) -> Answer:
    scope = current_scope()
    sheet = queries.sheet(scope, scope.school, quarter)
    typed, files = _values(sheet), _files(sheet)
    version, gone = _number("version"), _gone(scope, sheet)
    reading = forms.understand(sheet, typed)
    try:
        with transaction(scope):
            actions.save(scope, scope.school, quarter, reading.given, now=now(), version=version)
    except Outdated as error:
        return _overtaken(scope, quarter, typed, error)
    except Conflict as error:
        return _again(scope, quarter, Shown(typed, reading.faults, said=error.words), 409)
    faults = {**reading.faults, **_keep(scope, sheet, files), **_let_go(scope, sheet, gone)}
    if faults:
        return _again(scope, quarter, Shown(typed, faults), 422)
    flash(speak(_saved(bool(files))), "good")
    return _next(quarter)


def _values(sheet: Sheet) -> dict[Key, Texts]:
    """The posted values; NotFound for a field of another school, 400 for one that no form has."""
    given = {name: request.form.getlist(name) for name in request.form if name not in CARRIED}
    if any("." not in name for name in given):
        abort(400)
    return forms.read(sheet, given)


def _files(sheet: Sheet) -> list[tuple[str, FileStorage]]:
    """The posted files with their indicators; NotFound for an indicator that the school is not asked for."""
    found = []
    for name in request.files:
        code, _, part = name.partition(".")
        if part != FILES or not sheet.units.get(code):
            raise NotFound
        found += [(code, file) for file in request.files.getlist(name) if file.filename]
    return found


def _number(name: str) -> int:
    text = request.form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else abort(400)


def _gone(scope: Scope, sheet: Sheet) -> list[UUID]:
    """The files to take off; one that is off already is no fault, NotFound for a file of another report."""
    try:
        named = [UUID(text) for text in request.form.getlist("remove")]
    except ValueError:
        raise NotFound from None
    if named and not set(named) <= queries.evidence_ids(scope, sheet.report.id):
        raise NotFound
    there = {file.id for files in sheet.evidence.values() for file in files}
    return [evidence_id for evidence_id in named if evidence_id in there]


def _keep(scope: Scope, sheet: Sheet, files: Iterable[tuple[str, FileStorage]]) -> dict[str, Words]:
    """Take each file by itself; what is wrong with those that are not taken, by field."""
    faults: dict[str, Words] = {}
    for code, file in files:
        try:
            with transaction(scope):
                evidence.attach(
                    scope, _store(), sheet.school.id, sheet.quarter, code, file.filename or "", file.read(),
                    limit_mb=_limit(), now=now(),
                )  # fmt: skip
        except Invalid as error:
            place = f"{code}.{FILES}"
            said = error.problems[code]
            faults[place] = words(N_("{one} {other}"), one=faults[place], other=said) if place in faults else said
        except Conflict as error:
            faults[f"{code}.{FILES}"] = error.words
    return faults


def _let_go(scope: Scope, sheet: Sheet, gone: Iterable[UUID]) -> dict[str, Words]:
    """Take files off the report; why one stays, by field."""
    mine = {file.id: code for code, files in sheet.evidence.items() for file in files}
    faults: dict[str, Words] = {}
    for evidence_id in gone:
        try:
            with transaction(scope):
                evidence.remove(scope, evidence_id, now())
        except Conflict as error:
            faults[f"{mine[evidence_id]}.{FILES}"] = error.words
    return faults


def _overtaken(scope: Scope, quarter: Quarter, typed: Mapping[Key, Texts], error: Conflict) -> Answer:
    """Somebody else has saved meanwhile: what was typed stays, and stands beside what is stored now."""
    merged = forms.merge(queries.sheet(scope, scope.school, quarter), typed, request.form.get("seen", ""))
    return _again(scope, quarter, Shown(merged.mine, clashes=merged.clashes, said=error.words), 409)


def _again(scope: Scope, quarter: Quarter, shown: Shown, status: int) -> Answer:
    return make_response(_form(scope, queries.sheet(scope, scope.school, quarter), shown), status)


def _saved(with_files: bool) -> Words:
    return words(N_("已保存，佐证材料已上传。")) if with_files else words(N_("已保存。"))


def _next(quarter: Quarter) -> Answer:
    if request.form.get("then") == "check":
        return redirect(url_for("report.check", quarter=quarter))
    return redirect(url_for("report.form", quarter=quarter, all=request.args.get("all") and "1"))


def _limit() -> int:
    settings: Settings = current_app.config["SETTINGS"]
    return settings.upload_limit_mb


def _store() -> DiskStore:
    settings: Settings = current_app.config["SETTINGS"]
    return DiskStore(settings.evidence_dir)


@blueprint.get("/<quarter:quarter>/report/check")
@access(needs(Right.FILL))
def check(quarter: Quarter) -> str:
    scope = current_scope()
    return _check(scope, queries.sheet(scope, scope.school, quarter))


def _check(scope: Scope, sheet: Sheet, said: Words | None = None) -> str:
    return page(
        "report/check.html", sheet=sheet, said=said, problems=sheet.problems(), **WORDING, now=now(),
        lock=actions.obstacle(scope, sheet, Action.SAVE, now()), secretaries=_secretaries(scope),
        recall=actions.obstacle(scope, sheet, Action.RECALL, now()) is None,
    )  # fmt: skip


def _secretaries(scope: Scope) -> list[str]:
    return [
        person.name for person in schools.colleagues(scope, school_id=scope.school) if person.role is Role.SECRETARY
    ]


@blueprint.post("/<quarter:quarter>/report/submit")
@access(needs(Right.FILL))
def submit(quarter: Quarter) -> Answer:
    scope = current_scope()
    sheet = queries.sheet(scope, scope.school, quarter)
    if request.form.get("truth") != "yes":
        said = words(N_("请先勾选“数据真实、有据可查”的声明，再提交。"))
        return make_response(_check(scope, sheet, said), 422)
    try:
        with transaction(scope):
            actions.submit(scope, scope.school, quarter, now())
    except Conflict as error:
        return make_response(_check(scope, queries.sheet(scope, scope.school, quarter), error.words), 409)
    flash(speak(words(N_("已提交书记审核。书记同意后才会报送区教育工委。"))), "good")
    return redirect(url_for("home.quarter", quarter=quarter))


@blueprint.post("/<quarter:quarter>/report/recall")
@access(needs(Right.FILL))
def recall(quarter: Quarter) -> Answer:
    scope = current_scope()
    with transaction(scope):
        actions.recall(scope, scope.school, quarter, now())
    flash(speak(words(N_("已撤回，可以继续修改。改好后请重新提交。"))), "good")
    return redirect(url_for("report.form", quarter=quarter))


@blueprint.get("/<quarter:quarter>/approve")
@access(needs(Right.APPROVE))
def approval(quarter: Quarter) -> str:
    scope = current_scope()
    if queries.find_report(scope, scope.school, quarter) is None:
        return page("report/closed.html", dates=queries.quarter_view(scope, quarter), **_to_prepare(scope, quarter))
    return _approval(scope, queries.sheet(scope, scope.school, quarter))


def _approval(
    scope: Scope, sheet: Sheet, said: Words | None = None, reason: str = "", fault: Words | None = None
) -> str:
    names = schools.names_of(scope, {stored.entered_by for stored in sheet.stored.values()})
    return page(
        "report/approval.html", sheet=sheet, said=said, reason=reason, fault=fault, now=now(), names=names, **WORDING,
        before=queries.previous_values(scope, sheet.school.id, sheet.quarter), problems=sheet.problems(),
        obstacle=actions.obstacle(scope, sheet, Action.APPROVE, now()), last=_last_approval(scope),
        steps=queries.steps(scope, sheet.report.id),
    )  # fmt: skip


def _last_approval(scope: Scope) -> datetime | None:
    return queries.last_approval(scope, scope.account_id) if scope.account_id else None


@blueprint.post("/<quarter:quarter>/approve")
@access(needs(Right.APPROVE))
def approve(quarter: Quarter) -> Answer:
    scope = current_scope()
    version, reason = _number("version"), request.form.get("reason", "")
    agreed = request.form.get("decision") == "approve"
    try:
        with transaction(scope):
            if agreed:
                actions.approve(scope, scope.school, quarter, now(), version=version)
            else:
                actions.secretary_return(scope, scope.school, quarter, reason, now())
    except (Conflict, Invalid) as error:
        return _undecided(scope, quarter, error, reason)
    flash(speak(words(N_("已报送区教育工委。")) if agreed else words(N_("已退回修改，填报人会看到原因。"))), "good")
    return redirect(url_for("home.quarter", quarter=quarter))


def _undecided(scope: Scope, quarter: Quarter, error: Conflict | Invalid, reason: str) -> Answer:
    sheet = queries.sheet(scope, scope.school, quarter)
    fault = error.problems.get("reason") if isinstance(error, Invalid) else None
    missing = not reason.strip() and sheet.report.state is State.AWAITING_SECRETARY
    if missing and isinstance(error, Conflict) and request.form.get("decision") != "approve":
        fault = error.words
    status = 422 if fault else 409
    return make_response(_approval(scope, sheet, None if fault else error.words, reason, fault), status)


@blueprint.get("/evidence/<uuid:evidence_id>")
@access(needs(Right.SEE_OWN, Right.SEE_DISTRICT))
def download(evidence_id: UUID) -> Answer:
    found = queries.evidence(current_scope(), evidence_id)
    handle = _store().open(current_scope().district, found.sha256)
    inline = request.args.get("inline") == "1" and evidence.may_be_shown(found.media_type)
    content = evidence.preview(found.media_type, handle) if inline else handle
    answer = send_file(
        content, mimetype=found.media_type, as_attachment=not inline, download_name=evidence.download_name(found),
        conditional=False, etag=False,
    )  # fmt: skip
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self'"
    return answer
