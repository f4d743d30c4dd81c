"""Accounts from the console: for the operator, and when nobody can sign in any more."""

from datetime import UTC, datetime

import click

from tenants.db import transaction
from tenants.schools import actions
from tenants.schools.models import Purpose
from tenants.schools.queries import operator_by_login
from tenants.scope import Role, Scope
from web.cli import PROBLEM, environment, fail, give, say


@click.group()
def users() -> None:
    """Operators' accounts; a district's people are managed in the browser."""


@users.command()
@click.argument("login")
@click.argument("name")
def add(login: str, name: str) -> None:
    """Make an operator's account and print the one-time link with which they set a password.

    \b
    Example:  linghang users add wang 王工
    """
    scope = Scope(role=Role.OPERATOR, actor="命令行")
    with environment() as env, env.app.app_context():
        with transaction(scope):
            account = actions.create_account(scope, login=login, name=name, operator=True)
            token = actions.invite(scope, account, Purpose.INVITE, datetime.now(UTC))
        give(f"{env.settings.public_base_url}/invite/{token}", as_json=False)


@users.command()
@click.argument("login")
def reset(login: str) -> None:
    """Print a one-time link with which an operator sets a new password.

    \b
    Example:  linghang users reset wang
    """
    scope = Scope(role=Role.OPERATOR, actor="命令行")
    with environment() as env, env.app.app_context():
        with transaction(scope):
            account = operator_by_login(scope, login)
            if account is None:
                fail(PROBLEM, f"没有登录名为 {login} 的运维账号。")
            token = actions.invite(scope, account, Purpose.RESET, datetime.now(UTC))
        say("链接 30 分钟内有效，只能用一次：")
        give(f"{env.settings.public_base_url}/invite/{token}", as_json=False)


COMMANDS = (users,)
