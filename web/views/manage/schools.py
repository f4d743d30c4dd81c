"""Schools and their branches (党支部)."""

from typing import Any
from uuid import UUID

from flask import flash, redirect, url_for
from flask_babel import gettext as _

from tenants.db import transaction
from tenants.errors import Invalid
from tenants.schools import actions, queries
from tenants.schools.models import OrgKind, Stage
from tenants.scope import Right
from web.auth import current_scope, now
from web.forms import asked, taken
from web.policy import access, needs
from web.shell import page
from web.views.manage.common import Answer, blueprint, maybe, one_of, whole

FIELDS = ("code", "name", "short_name", "stage", "org_kind", "group_name", "one_leader", "position")


@blueprint.get("/manage/schools")
@access(needs(Right.MANAGE))
def schools() -> str:
    scope, given = current_scope(), asked("q", "stage", "org_kind", "group", "state")
    found = queries.search(
        scope, given["q"], stage=maybe(Stage, given["stage"]), org_kind=maybe(OrgKind, given["org_kind"]),
        group=given["group"], closed=given["state"] == "closed",
    )  # fmt: skip
    return page(
        "manage/schools.html",
        schools=found,
        given=given,
        filtered=any(given.values()),
        groups=queries.groups(scope),
        branches=queries.branches(scope, [school.id for school in found]),
    )


@blueprint.get("/manage/schools/new")
@access(needs(Right.MANAGE))
def new_school() -> str:
    return _form({"position": str(queries.school_count(current_scope()) + 1)})


@blueprint.post("/manage/schools/new")
@access(needs(Right.MANAGE))
def create_school() -> Answer:
    form, scope = taken(*FIELDS), current_scope()
    try:
        values = _values(form)
        with transaction(scope):
            school_id = actions.create_school(scope, **values)
    except Invalid as fault:
        return _form(form, fault), 422
    flash(_("已新增“%(name)s”。", name=form["name"]), "good")
    return redirect(url_for("manage.school", school_id=school_id))


def _form(given: dict[str, str], fault: Invalid | None = None) -> str:
    groups = queries.groups(current_scope())
    return page("manage/school_new.html", given=given, problems=fault.problems if fault else {}, groups=groups)


def _values(form: dict[str, str]) -> dict[str, Any]:
    return {
        **{name: form[name] for name in ("code", "name", "short_name", "group_name")},
        "stage": one_of(Stage, form["stage"], "stage"),
        "org_kind": one_of(OrgKind, form["org_kind"], "org_kind"),
        "one_leader": form["one_leader"] == "on",
        "position": whole(form["position"], "position"),
    }


@blueprint.get("/manage/schools/<uuid:school_id>")
@access(needs(Right.MANAGE))
def school(school_id: UUID) -> str:
    return _school_page(school_id)


def _school_page(
    school_id: UUID, fault: Invalid | None = None, given: dict[str, str] | None = None, part: str = ""
) -> str:
    """A school's page; `part` says in which of its forms the fault was made: school, a branch's id, new or close."""
    scope = current_scope()
    found = queries.school(scope, school_id)
    stored = {name: getattr(found, name) for name in FIELDS} | {"one_leader": "on" if found.one_leader else ""}
    return page(
        "manage/school.html",
        school=found,
        given=given if given is not None and part == "school" else stored,
        typed=given or {},
        part=part,
        problems=fault.problems if fault else {},
        groups=queries.groups(scope),
        branches=queries.branches(scope, [school_id])[school_id],
        people=queries.colleagues(scope, school_id=school_id),
    )


@blueprint.post("/manage/schools/<uuid:school_id>")
@access(needs(Right.MANAGE))
def change_school(school_id: UUID) -> Answer:
    scope = current_scope()
    queries.school(scope, school_id)
    form = taken(*FIELDS)
    try:
        values = _values(form)
        with transaction(scope):
            actions.change_school(scope, school_id, **values)
    except Invalid as fault:
        return _school_page(school_id, fault, form, "school"), 422
    flash(_("已保存“%(name)s”。", name=form["name"]), "good")
    return redirect(url_for("manage.school", school_id=school_id))


@blueprint.post("/manage/schools/<uuid:school_id>/close")
@access(needs(Right.MANAGE))
def close_school(school_id: UUID) -> Answer:
    scope = current_scope()
    name = queries.school(scope, school_id).name
    form = taken("reason")
    try:
        with transaction(scope):
            actions.close_school(scope, school_id, form["reason"], now())
    except Invalid as fault:
        return _school_page(school_id, fault, form, "close"), 422
    flash(_("已停用“%(name)s”，历史数据仍保留。", name=name), "good")
    return redirect(url_for("manage.schools"))


@blueprint.post("/manage/schools/<uuid:school_id>/reopen")
@access(needs(Right.MANAGE))
def reopen_school(school_id: UUID) -> Answer:
    scope = current_scope()
    name = queries.school(scope, school_id).name
    taken()
    with transaction(scope):
        actions.reopen_school(scope, school_id, now())
    flash(_("已恢复“%(name)s”。", name=name), "good")
    return redirect(url_for("manage.school", school_id=school_id))


@blueprint.post("/manage/schools/<uuid:school_id>/branches")
@access(needs(Right.MANAGE))
def add_branch(school_id: UUID) -> Answer:
    scope = current_scope()
    queries.school(scope, school_id)
    form = taken("branch_name", "has_committee", "has_groups")
    try:
        with transaction(scope):
            actions.create_branches(scope, school_id, [form["branch_name"]], **_flags(form))
    except Invalid as fault:
        return _school_page(school_id, fault, form, "new"), 422
    flash(_("已新增党支部“%(name)s”。", name=form["branch_name"]), "good")
    return redirect(url_for("manage.school", school_id=school_id) + "#branches")


def _flags(form: dict[str, str]) -> dict[str, bool]:
    return {name: form[name] == "on" for name in ("has_committee", "has_groups")}


@blueprint.post("/manage/schools/<uuid:school_id>/branches/<uuid:branch_id>")
@access(needs(Right.MANAGE))
def change_branch(school_id: UUID, branch_id: UUID) -> Answer:
    scope = current_scope()
    queries.branch(scope, school_id, branch_id)
    form = taken("branch_name", "has_committee", "has_groups")
    try:
        with transaction(scope):
            actions.change_branch(scope, school_id, branch_id, name=form["branch_name"], **_flags(form))
    except Invalid as fault:
        return _school_page(school_id, fault, form, str(branch_id)), 422
    flash(_("已保存党支部“%(name)s”。", name=form["branch_name"]), "good")
    return redirect(url_for("manage.school", school_id=school_id) + "#branches")


@blueprint.post("/manage/schools/<uuid:school_id>/branches/<uuid:branch_id>/end")
@access(needs(Right.MANAGE))
def end_branch(school_id: UUID, branch_id: UUID) -> Answer:
    scope = current_scope()
    name = queries.branch(scope, school_id, branch_id).name
    form = taken("reason")
    try:
        with transaction(scope):
            actions.end_branch(scope, school_id, branch_id, form["reason"], now())
    except Invalid as fault:
        return _school_page(school_id, fault, form, str(branch_id)), 422
    flash(_("已撤销党支部“%(name)s”，它以往填报的数据仍保留。", name=name), "good")
    return redirect(url_for("manage.school", school_id=school_id) + "#branches")
