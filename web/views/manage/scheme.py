"""The indicator scheme (指标体系): its published versions, one of them read through, a new one taken in."""

from uuid import UUID

from flask import Response, flash, redirect, request, url_for
from flask_babel import gettext as _

from tenants.db import transaction
from tenants.errors import Conflict, Invalid
from tenants.reporting import queries as reporting
from tenants.schemes import actions, queries
from tenants.schemes.format import default_text
from tenants.schemes.yaml_text import MAX_TEXT
from tenants.scope import Right
from tenants.scoring import rules
from tenants.words import N_, Words, words
from web.auth import current_scope, now
from web.forms import taken
from web.policy import access, needs
from web.shell import page
from web.views.manage.common import Answer, blueprint


@blueprint.get("/manage/scheme")
@access(needs(Right.MANAGE))
def schemes_page() -> str:
    return _list()


def _list(problems: dict[str, Words] | None = None) -> str:
    scope = current_scope()
    bound: dict[UUID, list[object]] = {}
    for view in reporting.quarter_views(scope):
        bound.setdefault(view.scheme_version_id, []).append(view.quarter)
    return page("manage/schemes.html", versions=queries.versions(scope), bound=bound, problems=problems or {})


@blueprint.post("/manage/scheme")
@access(needs(Right.MANAGE))
def import_scheme() -> Answer:
    """Take a YAML file in as a new version, or say every place that is wrong."""
    taken()
    scope = current_scope()
    try:
        text = _uploaded()
        with transaction(scope):
            version = actions.import_scheme(scope, text, now())
    except Invalid as fault:
        return _list(fault.problems), 422
    except Conflict as fault:
        return _list({"file": fault.words}), 422
    flash(_("指标体系已发布，可以在“季度”里选用。"), "good")
    return redirect(url_for("manage.scheme", version_id=version))


def _uploaded() -> str:
    file = request.files.get("file")
    content = file.read(MAX_TEXT + 1) if file else b""
    if file:
        file.close()
    if not content:
        raise Invalid({"file": Words(N_("请选择要导入的 YAML 文件。"))})
    if len(content) > MAX_TEXT:
        raise Invalid({"file": words(N_("文件超过 {limit} KB，请精简后再导入。"), limit=MAX_TEXT // 1024)})
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid({"file": Words(N_("文件不是 UTF-8 编码，请另存为 UTF-8 后再导入。"))}) from None


@blueprint.get("/manage/scheme/default.yaml")
@access(needs(Right.MANAGE))
def default_scheme() -> Response:
    """The product's own scheme, to begin from."""
    headers = {"Content-Disposition": "attachment; filename=default_scheme.yaml"}
    return Response(default_text(), mimetype="application/yaml", headers=headers)


@blueprint.get("/manage/scheme/<uuid:version_id>")
@access(needs(Right.MANAGE))
def scheme(version_id: UUID) -> str:
    scope = current_scope()
    found = queries.scheme_of(scope, version_id)
    version = next(each for each in queries.versions(scope) if each.id == version_id)
    return page(
        "manage/scheme.html", scheme=found, version=version, rule=rules.rule_words, said=rules.said,
        sources={source.code: source for source in found.sources},
    )  # fmt: skip
