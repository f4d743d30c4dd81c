"""The mails of the district: what was sent, what waits, what could not be delivered."""

from uuid import UUID

from flask import flash, redirect, url_for
from flask_babel import gettext as _

from tenants.db import transaction
from tenants.notices import actions, queries
from tenants.notices.models import MailState
from tenants.schools import queries as schools
from tenants.scope import Right
from web.auth import current_scope, now
from web.forms import asked, taken
from web.policy import access, needs
from web.shell import page
from web.views.manage.common import Answer, blueprint, filter_id, maybe

PAGE = 50


@blueprint.get("/manage/mail")
@access(needs(Right.MANAGE))
def mail() -> str:
    scope, given = current_scope(), asked("state", "school", "page")
    number = int(given["page"]) if given["page"].isascii() and given["page"].isdigit() and len(given["page"]) < 6 else 1
    found = queries.mails(
        scope, state=maybe(MailState, given["state"]), school_id=filter_id(given["school"]), limit=PAGE + 1,
        offset=(max(number, 1) - 1) * PAGE,
    )  # fmt: skip
    return page(
        "manage/mail.html",
        mails=found[:PAGE],
        number=max(number, 1),
        more=len(found) > PAGE,
        given=given,
        filtered=bool(given["state"] or given["school"]),
        counts=next(iter(queries.counts(scope)), None),
        states=queries.STATE_NAMES,
        rules=queries.RULE_NAMES,
        schools=schools.schools(scope, closed=True),
    )


@blueprint.post("/manage/mail/<uuid:mail_id>/resend")
@access(needs(Right.MANAGE))
def resend(mail_id: UUID) -> Answer:
    scope = current_scope()
    taken()
    with transaction(scope):
        actions.resend(scope, mail_id, now())
    flash(_("已重新排队，一分钟内再发一次。"), "good")
    return redirect(url_for("manage.mail"))
