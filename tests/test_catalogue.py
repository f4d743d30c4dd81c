"""Lints over the database's own catalogue: no table without its policies, no back door."""

from importlib import import_module
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade

from tenants.db import Base, db
from tests.conftest import application, settings_for
from tests.world import World, build
from web import database
from web.operations.postgres import Cluster

INSTALLATION = {"attempt", "credential_link", "job_state", "login_session", "worker_lease", "alembic_version"}
"""Tables that hold nothing of any tenant."""


def catalogue(world: World, query: str) -> list[sa.Row[tuple[object, ...]]]:
    return list(db.session.connection().execute(sa.text(query)).all())


def test_every_owned_table_forces_row_security(world: World) -> None:
    found = catalogue(
        world,
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace "
        "AND NOT (relrowsecurity AND relforcerowsecurity)",
    )
    assert {row[0] for row in found} <= INSTALLATION


def test_every_protected_table_has_a_policy_that_is_not_true_for_writing(world: World) -> None:
    found = catalogue(
        world,
        "SELECT c.relname, p.polname FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polcmd = '*' "
        "WHERE c.relrowsecurity AND (p.polname IS NULL OR pg_get_expr(p.polqual, p.polrelid) = 'true')",
    )
    assert found == []


def test_no_view_function_or_role_goes_round_the_policies(world: World) -> None:
    views = catalogue(
        world,
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND (relkind = 'm' OR (relkind = 'v' "
        "AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)))",
    )
    definers = catalogue(world, "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef")
    powers = catalogue(
        world,
        "SELECT rolname FROM pg_roles WHERE rolname = 'linghang_app' "
        "AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)",
    )
    owned = catalogue(
        world,
        "SELECT relname FROM pg_class JOIN pg_roles r ON r.oid = relowner WHERE r.rolname = 'linghang_app'",
    )
    assert (views, definers, powers, owned) == ([], [], [], [])


def test_primary_and_foreign_keys_of_owned_tables_begin_with_the_district() -> None:
    for mapper in Base.registry.mappers:
        model, table = mapper.class_, mapper.local_table
        if getattr(model, "__owner__", "") not in ("school", "district"):
            continue
        assert next(iter(table.primary_key.columns)).name == "district_id", table.name
        for constraint in table.foreign_key_constraints:
            if constraint.referred_table.name in ("account", "district"):
                continue
            assert constraint.column_keys[0] == "district_id", f"{table.name}: {constraint.column_keys}"


def test_one_migration_head() -> None:
    assert len(ScriptDirectory(str(database.MIGRATIONS)).get_heads()) == 1


def test_models_and_migrations_agree(world: World, app: Flask) -> None:
    for module in ("tenants.results.models", "tenants.notices.models", "tenants.worker", "tenants.audit"):
        import_module(module)
    context = MigrationContext.configure(db.session.connection(), opts={"compare_type": False})
    assert compare_metadata(context, Base.metadata) == []


def test_migrations_go_down_and_up_again_with_data(cluster: Cluster, tmp_path: Path) -> None:
    cluster.create_database("up_and_down")
    app = application(settings_for(cluster, "up_and_down", tmp_path))
    database.migrate(app)
    with app.app_context():
        build()
        db.session.remove()
        downgrade(revision="base")
        left = sa.inspect(db.engine).get_table_names()
        assert set(left) <= {"alembic_version"}
        upgrade()
        build()
        db.session.remove()
        db.engine.dispose()
    cluster.drop_database("up_and_down")


@pytest.mark.parametrize("name", ["report", "score_run", "standing", "mail"])
def test_the_app_role_reads_nothing_without_a_scope(cluster: Cluster, template: tuple[Flask, World], name: str) -> None:
    engine = sa.create_engine(cluster.url("template_world"), poolclass=sa.NullPool)
    with engine.connect() as connection:
        assert connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) == 0
