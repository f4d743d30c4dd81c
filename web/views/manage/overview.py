"""The first page of management: what there is, and what is still to be set."""

from collections.abc import Iterator
from dataclasses import dataclass

from flask import url_for

from tenants import formats
from tenants.quarter import Quarter
from tenants.reporting import queries as reporting
from tenants.schemes import queries as schemes
from tenants.schools import queries
from tenants.scope import Right, Scope
from tenants.words import N_, Words, words
from web.auth import current_scope, now
from web.policy import access, needs
from web.shell import page
from web.views.manage.common import blueprint


@dataclass(frozen=True, slots=True)
class Missing:
    """Something to set, why it matters, and where."""

    said: Words
    button: str
    address: str


@blueprint.get("/manage")
@access(needs(Right.MANAGE))
def index() -> str:
    scope = current_scope()
    people = queries.colleagues(scope)
    return page(
        "manage/index.html",
        school_count=queries.school_count(scope),
        people=len({person.account_id for person in people}),
        waiting=len({person.account_id for person in people if not person.active}),
        dates=reporting.quarter_views(scope),
        versions=schemes.versions(scope),
        missing=list(_missing(scope)),
    )


def _missing(scope: Scope) -> Iterator[Missing]:
    if not schemes.versions(scope):
        yield Missing(
            words(N_("还没有指标体系，导入后才能设定季度。")), N_("导入指标体系"), url_for("manage.schemes_page")
        )
    if not queries.school_count(scope):
        yield Missing(words(N_("还没有学校，登记后它们才能填报。")), N_("新增学校"), url_for("manage.new_school"))
    without = _schools_without_people(scope)
    if without:
        yield Missing(
            words(N_("{count} 所学校还没有人员，无法填报。"), count=without),
            N_("新增人员"),
            url_for("manage.new_person"),
        )
    current = Quarter.of(now())
    if current not in {view.quarter for view in reporting.quarter_views(scope)}:
        yield Missing(
            words(N_("本季度（{quarter}）还没有设定填报日期。"), quarter=formats.quarter(current)),
            N_("设定日期"),
            url_for("manage.quarter_dates", quarter=current),
        )
    if not queries.district(scope).contact_phone:
        yield Missing(
            words(N_("还没有联系电话，学校遇到问题时不知道找谁。")), N_("填写联系人"), url_for("manage.district")
        )


def _schools_without_people(scope: Scope) -> int:
    staffed = {person.school_id for person in queries.colleagues(scope)}
    return sum(school.id not in staffed for school in queries.schools(scope))
