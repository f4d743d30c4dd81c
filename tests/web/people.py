"""What tests of sign-in share: passwords for people of the world, and a look at the log."""

import re

import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tenants.audit import AuditEvent
from tenants.db import session, transaction
from tenants.schools.models import Account
from tenants.schools.passwords import hash_password
from tenants.scope import Scope
from tests.world import PASSWORD, Someone

HASH = hash_password(PASSWORD)
WRONG = "wrong horse battery staple"


def with_password(someone: Someone) -> Someone:
    """Give someone `PASSWORD`, as if they had used their invitation."""
    scope = someone.scope
    with transaction(scope):
        mine = scope.over(sa.update(Account).where(Account.id == someone.person.id))
        session().execute(mine.values(password_hash=HASH))
    return someone


def sign_in(client: FlaskClient, login: str, password: str = PASSWORD, **more: str) -> TestResponse:
    return client.post("/login", data={"account": login, "password": password, "next": "", **more})


def logged(scope: Scope, action: str) -> list[AuditEvent]:
    """The scope's events of an action, oldest first."""
    with transaction(scope):
        statement = sa.select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.seq)
        return list(session().scalars(statement.execution_options(scope=scope)))


def token_in(page: str) -> str:
    found = re.search(r"/invite/([\w-]+)", page)
    assert found, "no link on the page"
    return found[1]


def plain(page: str) -> str:
    """A page without what differs from one request to the next."""
    return re.sub(r'nonce="[^"]*"|name="csrf_token" value="[^"]*"', "", page)
