"""Alembic's environment: migrations run as the owner role, on the address that the application was given."""

from typing import Any

import sqlalchemy as sa
from alembic import context
from flask import current_app

from tenants.db import Base

config: Any = context.config
LOCK_TIMEOUT = "2s"


def run() -> None:
    engine = sa.create_engine(current_app.config["MIGRATION_URL"], poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
        with context.begin_transaction():
            context.run_migrations()


run()
