"""How the application reaches PostgreSQL, as which role, and how migrations are run."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event

from tenants.db import db
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


def migrate(app: Flask) -> None:
    """Bring the database to the newest revision, as the owner; the app role is made if it is missing."""
    from flask_migrate import Migrate, upgrade

    Migrate(app, db, directory=str(MIGRATIONS))
    with app.app_context():
        _ensure_app_role(app.config["MIGRATION_URL"])
        upgrade()


def _ensure_app_role(url: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        known = connection.scalar(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": APP_ROLE})
        if not known:
            connection.execute(
                sa.text(f"CREATE ROLE {APP_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE")
            )
            connection.execute(sa.text(f"GRANT {APP_ROLE} TO CURRENT_USER"))
