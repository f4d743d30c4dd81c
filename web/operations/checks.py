"""What must be in order before an installation may serve people, each check with its mend."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask

from tenants.db import db, transaction
from tenants.errors import NotReady
from tenants.schools import queries as schools
from tenants.scope import Role, Scope
from tenants.words import N_, Words, words
from web.config import Mode, Settings
from web.database import MIGRATIONS

OLDEST = 150000
LEAST_FREE = 0.05


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its name, whether it holds, and if not what to do."""

    name: Words
    good: bool
    said: Words


def _good(name: str, said: Words | None = None) -> Finding:
    return Finding(Words(name), True, said or Words(N_("正常")))


def _bad(name: str, said: Words) -> Finding:
    return Finding(Words(name), False, said)


def refuse_demo_in_production(app: Flask, settings: Settings) -> None:
    """NotReady when a production installation still has a demo's sign-in."""
    if settings.linghang_mode is not Mode.PRODUCTION:
        return
    operator = Scope(role=Role.OPERATOR)
    with app.app_context(), transaction(operator):
        count = schools.demo_accounts(operator)
    if count:
        raise NotReady(
            words(
                N_("数据库里有 {count} 个演示账号，正式环境不能启动。请换一个空数据库重新执行 linghang init。"),
                count=count,
            )
        )


def database(app: Flask, settings: Settings) -> Iterator[Finding]:
    """The server's age, the two roles, and whether the tables are at the newest revision."""
    name = N_("数据库")
    try:
        with app.app_context(), db.engine.connect() as connection:
            version = connection.scalar(sa.text("SELECT current_setting('server_version_num')::int")) or 0
            role = connection.execute(
                sa.text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            ).scalar_one()
    except sa.exc.SQLAlchemyError as error:
        yield _bad(name, words(N_("连不上：{error}。请检查 DATABASE_URL 和数据库服务。"), error=_first_line(error)))
        return
    if version < OLDEST:
        yield _bad(name, words(N_("版本过低（{version}），需要 PostgreSQL 15 或更新。"), version=version))
    else:
        yield _good(name)
    if role:
        yield _bad(N_("数据库角色"), words(N_("应用正以超级用户身份连接，行级安全不起作用。请设置 APP_DATABASE_URL。")))
    else:
        yield _good(N_("数据库角色"))
    yield _revision(app)


def _revision(app: Flask) -> Finding:
    name = N_("数据表版本")
    engine = sa.create_engine(app.config["MIGRATION_URL"], poolclass=sa.NullPool)
    with engine.connect() as connection:
        now = MigrationContext.configure(connection).get_current_revision()
    newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    if now == newest:
        return _good(name)
    return _bad(
        name, words(N_("现在是 {now}，应为 {newest}。请执行 linghang migrate。"), now=str(now), newest=str(newest))
    )


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", error)).strip().splitlines()[0][:200]


def disk(_app: Flask, settings: Settings) -> Iterator[Finding]:
    """The data folder: there, ours alone, with room."""
    folder: Path = settings.data_dir
    name = N_("数据目录")
    try:
        settings.evidence_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        yield _bad(
            name,
            words(N_("{folder} 不能写入：{error}。请更改 DATA_DIR 或授权。"), folder=str(folder), error=str(error)),
        )
        return
    if not os.access(settings.evidence_dir, os.W_OK):
        yield _bad(name, words(N_("{folder} 不能写入，请授权给运行用户。"), folder=str(folder)))
        return
    usage = shutil.disk_usage(folder)
    if usage.free / usage.total < LEAST_FREE:
        yield _bad(name, words(N_("磁盘只剩 {free} GB，请清理或扩容。"), free=usage.free // 2**30))
    else:
        yield _good(name)


def settings_in_order(_app: Flask, settings: Settings) -> Iterator[Finding]:
    name = N_("配置")
    if settings.linghang_mode is Mode.PRODUCTION and not settings.tls:
        yield _bad(name, words(N_("PUBLIC_BASE_URL 不是 https 地址，登录信息会明文传输。请配置证书后更正。")))
    elif settings.linghang_mode is Mode.PRODUCTION and settings.smtp_url == "console:":
        yield _bad(name, words(N_("没有设置 SMTP_URL，邮件只会写进日志，不会寄出。")))
    else:
        yield _good(name)


def demo_accounts(app: Flask, settings: Settings) -> Iterator[Finding]:
    name = N_("演示账号")
    try:
        refuse_demo_in_production(app, settings)
    except NotReady as error:
        yield _bad(name, error.words)
    except sa.exc.SQLAlchemyError:
        yield _bad(name, words(N_("数据表还没有建立。请执行 linghang migrate。")))
    else:
        yield _good(name)


CHECKS: tuple[Callable[[Flask, Settings], Iterator[Finding]], ...] = (
    settings_in_order,
    disk,
    database,
    demo_accounts,
)


def findings(app: Flask, settings: Settings) -> list[Finding]:
    """Every check's finding, in order; none raises."""
    return [found for check in CHECKS for found in check(app, settings)]
