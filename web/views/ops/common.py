"""The blueprint of the operator's pages, and the one-time links that they hand over."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import Blueprint

from tenants.schools import actions
from tenants.schools.models import Purpose
from tenants.scope import Scope
from web.auth import now
from web.views.manage.common import public_link

blueprint = Blueprint("ops", __name__)


@dataclass(frozen=True, slots=True)
class Link:
    """A one-time link as it is handed over: shown once, kept nowhere."""

    name: str
    login: str
    address: str
    until: datetime


def link_for(scope: Scope, account_id: UUID, purpose: Purpose, *, name: str, login: str) -> Link:
    """A fresh link for an account that `scope` manages; in a transaction of the caller."""
    token = actions.invite(scope, account_id, purpose, now())
    return Link(name, login, public_link("auth.invite", token=token), now() + actions.LINK_LIFE[purpose])
