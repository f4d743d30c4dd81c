"""One private PostgreSQL for the whole run; each test works in a transaction that is rolled back, or in its own database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask, g, has_app_context
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tenants.db import db
from tests import world as worlds
from tests.world import NOW, World
from web import create_app, database
from web.config import Settings
from web.operations import postgres
from web.operations.postgres import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with postgres.temporary() as running:
        yield running


def settings_for(cluster: Cluster, name: str, data_dir: Path, **more: object) -> Settings:
    return Settings(
        linghang_mode="test",
        database_url=cluster.url(name, "linghang_owner"),
        app_database_url=cluster.url(name, "linghang_app"),
        data_dir=data_dir,
        secret_key="you-forgot-that-this-is-a-test-key-0123456789",
        **more,
    )


class Browser(FlaskClient):
    """A client whose requests share nothing: the world's context would keep `g`, and who is in it, for the next one."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        if has_app_context():
            for name in list(g):
                g.pop(name)
        return super().open(*args, **kwargs)


def application(settings: Settings) -> Flask:
    """The application on a test database, with a clock that stands at `NOW`."""
    app = create_app(settings)
    app.test_client_class = Browser
    app.config.update(TESTING=True, CLOCK=lambda: NOW, PROPAGATE_EXCEPTIONS=False, WTF_CSRF_ENABLED=False)
    return app


@pytest.fixture(scope="session")
def template(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, World]]:
    """A migrated database with the world in it; nobody writes to it outside a rolled-back transaction."""
    cluster.create_database("template_world")
    app = application(settings_for(cluster, "template_world", tmp_path_factory.mktemp("data")))
    database.migrate(app)
    with app.app_context():
        built = worlds.build()
        db.session.remove()
    yield app, built
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def world(template: tuple[Flask, World]) -> Iterator[World]:
    """Alice and the others, in a transaction that ends with the test."""
    app, built = template
    with app.app_context():
        engine = db.engines[None]
        with engine.connect() as connection:
            outer = connection.begin()
            db.engines[None] = connection  # type: ignore[index]
            db.session.configure(join_transaction_mode="create_savepoint")
            try:
                yield built
            finally:
                db.session.remove()
                outer.rollback()
                db.engines[None] = engine  # type: ignore[index]


@pytest.fixture
def app(template: tuple[Flask, World], world: World) -> Flask:
    return template[0]


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """An anonymous browser."""
    return app.test_client()


@pytest.fixture
def own_database(
    cluster: Cluster, template: tuple[Flask, World], tmp_path: Path
) -> Iterator[tuple[Flask, World, Settings]]:
    """A committed copy of the world for tests with several processes; the application, the world, its settings."""
    with template[0].app_context():
        db.engine.dispose()
    name = f"copy_{uuid4().hex[:12]}"
    cluster.create_database(name, template="template_world")
    settings = settings_for(cluster, name, tmp_path)
    app = application(settings)
    yield app, template[1], settings
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    cluster.drop_database(name)
