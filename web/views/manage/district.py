"""What the district says of itself, and what its schools learn of each other."""

from flask import flash, redirect, url_for
from flask_babel import gettext as _

from tenants.db import transaction
from tenants.errors import Invalid
from tenants.schools import actions, queries
from tenants.schools.models import Disclosure
from tenants.scope import Right
from tenants.words import N_
from web.auth import current_scope
from web.forms import taken
from web.policy import access, needs
from web.shell import page
from web.views.manage.common import Answer, blueprint, one_of

FIELDS = ("office", "contact_name", "contact_phone", "disclosure")
CONSEQUENCES = {
    Disclosure.OWN: N_("公布后，每所学校只看到本校的得分和名次，看不到别校的名称和得分。"),
    Disclosure.TIERS: N_("公布后，学校看到各校在“好、较好、一般、差”哪一档，看不到别校的得分和名次。"),
    Disclosure.FULL: N_("公布后，每所学校都看到全区的名次表，包括别校的名称和得分。"),
}


@blueprint.get("/manage/district")
@access(needs(Right.MANAGE))
def district() -> str:
    found = queries.district(current_scope())
    return _form({name: getattr(found, name) for name in FIELDS})


def _form(given: dict[str, str], fault: Invalid | None = None) -> str:
    problems = fault.problems if fault else {}
    found = queries.district(current_scope())
    return page("manage/district.html", given=given, problems=problems, consequences=CONSEQUENCES, district=found)


@blueprint.post("/manage/district")
@access(needs(Right.MANAGE))
def change_district() -> Answer:
    form, scope = taken(*FIELDS), current_scope()
    try:
        disclosure = one_of(Disclosure, form["disclosure"], "disclosure")
        with transaction(scope):
            contact = {name: form[name] for name in ("office", "contact_name", "contact_phone")}
            actions.change_district(scope, **contact, disclosure=disclosure)
    except Invalid as fault:
        return _form(form, fault), 422
    flash(_("已保存。公布方式从下一次公布起生效。"), "good")
    return redirect(url_for("manage.district"))
