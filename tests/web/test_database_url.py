"""The same code on a server of the customer's: the newest PostgreSQL at hand and the oldest that is supported."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tenants.db import bind, db, session
from tenants.errors import NotReady
from tenants.reporting import queries
from tenants.reporting.workflow import State
from tests import world as worlds
from tests.conftest import application
from tests.world import QUARTER, send
from web import database
from web.config import Settings
from web.operations import postgres
from web.operations.binaries import Binaries, installed

FOUND = {found.major: found for found in reversed(installed())}
ENDS = sorted({min(FOUND), max(FOUND)})


@pytest.fixture(params=ENDS, ids=[f"PostgreSQL {major}" for major in ENDS])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, psycopg.Connection[tuple[object, ...]]]]:
    """A server as a customer's DBA hands it over: one database, one role, nothing of ours."""
    binaries: Binaries = FOUND[request.param]
    with postgres.temporary(binaries) as cluster:
        root = cluster.url("postgres", "postgres").replace("+psycopg", "")
        with psycopg.connect(root, autocommit=True) as dba:
            dba.execute("DROP DATABASE linghang")
            dba.execute("DROP ROLE linghang_app")
            dba.execute("CREATE ROLE customer LOGIN")
            dba.execute("CREATE DATABASE theirs OWNER customer")
            yield cluster.url("theirs", "customer").replace("+psycopg", ""), dba


def settings(url: str, folder: Path) -> Settings:
    return Settings(linghang_mode="test", database_url=url, data_dir=folder, secret_key="k" * 40)


def test_a_loop_on_a_customers_server(
    server: tuple[str, psycopg.Connection[tuple[object, ...]]], tmp_path: Path
) -> None:
    url, dba = server
    dba.execute("ALTER ROLE customer CREATEROLE")
    app = application(settings(url, tmp_path))
    database.migrate(app)
    database.migrate(app)
    with app.app_context():
        world = worlds.build()
        send(world, world.alice, world.bob)
        bind(world.rita.scope)
        assert queries.report(world.rita.scope, world.school, QUARTER).state is State.AWAITING_REVIEW
        assert session().execute(sa.text("SELECT current_user")).scalar_one() == "linghang_app"
        bind(world.zoe.scope)
        seen = session().execute(sa.text("SELECT count(*) FROM report_value")).scalar_one()
        assert seen == 0, "the owner's connection must be bound by the row policies too"
        db.session.remove()
        db.engine.dispose()


def test_without_the_right_to_make_the_role_it_says_what_the_dba_must_do(
    server: tuple[str, psycopg.Connection[tuple[object, ...]]], tmp_path: Path
) -> None:
    url, dba = server
    app = application(settings(url, tmp_path))
    with pytest.raises(NotReady, match="GRANT linghang_app"):
        database.migrate(app)
    dba.execute("CREATE ROLE linghang_app NOLOGIN")
    dba.execute("GRANT linghang_app TO customer")
    database.migrate(app)
    with app.app_context():
        db.engine.dispose()


def test_a_server_that_does_not_answer_is_said_in_words(tmp_path: Path) -> None:
    app = application(settings("postgresql://nobody@127.0.0.1:1/none", tmp_path))
    with pytest.raises(NotReady, match="数据库连不上"):
        database.migrate(app)
