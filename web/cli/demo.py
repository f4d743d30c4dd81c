"""The demo district: loading it, and handing out its sign-ins."""

import os
from datetime import UTC, datetime

import click
from flask import Flask

from tenants.db import transaction
from tenants.schools.queries import districts
from tenants.scope import Role, Scope
from web.cli import ENVIRONMENT, PROBLEM, environment, fail, say
from web.config import Mode, Settings

SIGN_INS = "demo-sign-ins.txt"


@click.group()
def demo() -> None:
    """Data to look around with; never in production."""


@demo.command()
def load() -> None:
    """Load one city with two districts of 60 and 27 schools and eight quarters, into an empty installation.

    \b
    Example:  LINGHANG_MODE=demo linghang demo load
    """
    with environment(linghang_mode=Mode.DEMO) as env:
        if os.environ.get("LINGHANG_MODE") == "production":
            fail(ENVIRONMENT, "LINGHANG_MODE=production 时不能载入演示数据。")
        from web.database import migrate

        migrate(env.app)
        if not load_once(env.app, env.settings):
            fail(PROBLEM, "这个数据库里已有区县，演示数据只能载入空库。请换一个数据库，或删除数据目录后重试。")


def load_once(app: Flask, settings: Settings) -> bool:
    """Load the demo if no district is there yet; the sign-ins are printed once and kept in a file of the owner's."""
    operator = Scope(role=Role.OPERATOR, actor="演示")
    with app.app_context(), transaction(operator):
        if districts(operator):
            return False
    from web.demo.load import load as load_all

    signs = load_all(app, settings, datetime.now(UTC), say)
    lines = [f"{sign.who}\t{sign.login}\t{sign.password}" for sign in signs]
    path = settings.data_dir / SIGN_INS
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    say(f"演示账号（只显示这一次，另存于 {path}）：")
    for line in lines:
        say("  " + line)
    return True


COMMANDS = (demo,)
