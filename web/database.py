"""How the application reaches PostgreSQL, as which role, and how migrations are run."""

from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from flask import Flask
from flask_migrate import Migrate, upgrade
from sqlalchemy import event

from tenants.db import db
from tenants.errors import NotReady
from tenants.words import N_, words
from web.config import APP_ROLE, Settings

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def configure(app: Flask, settings: Settings) -> None:
    """Point the application at its database as the app role, and migrations at the owner's."""
    app.config["MIGRATION_URL"] = settings.database_url
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.app_database_url or settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "pool_pre_ping": True,
        "pool_size": 8,
        "connect_args": {"options": "-c timezone=UTC -c statement_timeout=60000", "connect_timeout": 5},
    }
    db.init_app(app)
    if not settings.app_database_url:
        with app.app_context():
            event.listen(db.engine, "connect", _step_down)


def _step_down(connection: Any, _record: Any) -> None:
    """The owner's connection works as the app role, so that row security binds it (docs/decisions/0002)."""
    connection.execute(f"SET ROLE {APP_ROLE}")
    connection.commit()


def hasten(app: Flask) -> None:
    """For loading what can be loaded again: commits return before they are on disk, connections are not tried first."""
    options = {"options": "-c timezone=UTC -c synchronous_commit=off"}
    engine = sa.create_engine(app.config["SQLALCHEMY_DATABASE_URI"], connect_args=options)
    if app.config["SQLALCHEMY_DATABASE_URI"] == app.config["MIGRATION_URL"]:
        event.listen(engine, "connect", _step_down)
    cast(dict[str | None, sa.Engine], db.engines)[None] = engine


def migrate(app: Flask) -> None:
    """Bring the database to the newest revision, as the owner; the app role is made if it is missing."""
    Migrate(app, db, directory=str(MIGRATIONS))
    try:
        _ensure_app_role(app)
        with app.app_context():
            upgrade()
    except sa.exc.OperationalError as error:
        raise unreachable(error) from error


def unreachable(error: sa.exc.SQLAlchemyError) -> NotReady:
    """The database did not answer, in words."""
    first = str(getattr(error, "orig", error)).strip().splitlines()[0][:200]
    return NotReady(words(N_("数据库连不上：{error}。请检查 DATABASE_URL 和数据库服务。"), error=first))


def _ensure_app_role(app: Flask) -> None:
    """The role that owns nothing is there, and the owner may step down to it where no other address is given."""
    owner_alone = app.config["SQLALCHEMY_DATABASE_URI"] == app.config["MIGRATION_URL"]
    engine = sa.create_engine(app.config["MIGRATION_URL"], poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        try:
            if not connection.scalar(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": APP_ROLE}):
                connection.execute(sa.text(f"CREATE ROLE {APP_ROLE} {POWERLESS}"))
                connection.execute(sa.text(f"GRANT {APP_ROLE} TO CURRENT_USER"))
            if owner_alone:
                connection.execute(sa.text(f"SET ROLE {APP_ROLE}"))
        except sa.exc.ProgrammingError as error:
            raise NotReady(words(ASK_THE_DBA, role=APP_ROLE, powerless=POWERLESS)) from error


POWERLESS = "NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE"
ASK_THE_DBA = N_(
    "当前数据库用户不能使用角色 {role}。请数据库管理员执行：CREATE ROLE {role} {powerless}; "
    "GRANT {role} TO 当前用户; 然后重试。"
)
