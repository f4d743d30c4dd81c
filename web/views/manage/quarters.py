"""The four dates of each quarter, and the scheme that it is scored by."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from flask import flash, redirect, url_for
from flask_babel import gettext as _

from tenants import formats
from tenants.db import transaction
from tenants.errors import Invalid
from tenants.formats import ZONE
from tenants.quarter import Quarter
from tenants.reporting import actions
from tenants.reporting import queries as reporting
from tenants.reporting.queries import QuarterView
from tenants.schemes import queries as schemes
from tenants.scope import Right, Scope
from tenants.words import N_, Words
from web.auth import current_scope, now
from web.forms import taken
from web.i18n import speak
from web.policy import access, needs
from web.shell import page
from web.views.manage.common import UNLISTED, Answer, blueprint

DATES = {
    "opens_at": N_("开放填报"), "due_at": N_("填报截止"), "late_from": N_("逾期起算"), "locks_at": N_("锁定"),
}  # fmt: skip
LOCAL = "%Y-%m-%dT%H:%M"
MINUTE = timedelta(minutes=1)


@blueprint.get("/manage/quarters")
@access(needs(Right.MANAGE))
def quarters() -> str:
    scope = current_scope()
    views = reporting.quarter_views(scope)
    return page(
        "manage/quarters.html",
        views=views,
        versions={version.id: version for version in schemes.versions(scope)},
        offered=_without_dates(views),
        moment=now(),
    )


def _without_dates(views: tuple[QuarterView, ...]) -> list[Quarter]:
    """The quarters near today that have no dates yet."""
    current, set_already = Quarter.of(now()), {view.quarter for view in views}
    return [quarter for quarter in (current.plus(step) for step in range(-1, 4)) if quarter not in set_already]


@blueprint.get("/manage/quarters/<quarter:quarter>")
@access(needs(Right.MANAGE))
def quarter_dates(quarter: Quarter) -> str:
    view = _view(current_scope(), quarter)
    return _form(quarter, view, _local(view) if view else _usual(quarter))


def _view(scope: Scope, quarter: Quarter) -> QuarterView | None:
    return next((view for view in reporting.quarter_views(scope) if view.quarter == quarter), None)


def _local(view: QuarterView) -> dict[str, str]:
    moments = {name: f"{getattr(view, name).astimezone(ZONE):{LOCAL}}" for name in DATES}
    return moments | {"scheme": str(view.scheme_version_id)}


def _usual(quarter: Quarter) -> dict[str, str]:
    """Open ten days before the quarter's end, due ten days after it, late from the 13th day, locked after the 20th."""
    end = quarter.ends(ZONE).astimezone(ZONE)
    moments = {
        "opens_at": end - timedelta(days=10),
        "due_at": end + timedelta(days=10) - MINUTE,
        "late_from": end + timedelta(days=12),
        "locks_at": end + timedelta(days=20) - MINUTE,
    }
    return {name: f"{moment:{LOCAL}}" for name, moment in moments.items()}


def _form(quarter: Quarter, view: QuarterView | None, given: dict[str, str], fault: Invalid | None = None) -> str:
    return page(
        "manage/quarter.html",
        given=given,
        problems=fault.problems if fault else {},
        view=view,
        fields=DATES,
        chosen=quarter,
        versions=schemes.versions(current_scope()),
    )


@blueprint.post("/manage/quarters/<quarter:quarter>")
@access(needs(Right.MANAGE))
def set_dates(quarter: Quarter) -> Answer:
    scope = current_scope()
    view = _view(scope, quarter)
    form = taken(*DATES, "scheme")
    try:
        moments, version = _moments(form), _version(scope, view, form["scheme"])
        with transaction(scope):
            actions.set_dates(scope, quarter, **moments, scheme_version_id=version, now=now())
    except Invalid as fault:
        return _form(quarter, view, form, fault), 422
    flash(_("%(quarter)s的日期已保存。", quarter=speak(formats.quarter(quarter))), "good")
    return redirect(url_for("manage.quarters"))


def _moments(form: dict[str, str]) -> dict[str, datetime]:
    """The four dates, typed in the district's time, in UTC. Invalid names each that is none."""
    moments: dict[str, datetime] = {}
    problems: dict[str, Words] = {}
    for name in DATES:
        try:
            moments[name] = _moment(form[name])
        except ValueError:
            problems[name] = Words(N_("请填写日期和时间，例如 2026-10-10 18:00。"))
    if problems:
        raise Invalid(problems)
    return moments


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is not None or not 2000 <= found.year < 2100:
        raise ValueError(text)
    return found.replace(tzinfo=ZONE).astimezone(UTC)


def _version(scope: Scope, view: QuarterView | None, text: str) -> UUID:
    """The scheme version that was chosen; a quarter that has opened keeps its own."""
    if view and view.opened_at:
        return view.scheme_version_id
    for version in schemes.versions(scope):
        if str(version.id) == text and version.published_at:
            return version.id
    raise Invalid({"scheme": Words(UNLISTED)})
