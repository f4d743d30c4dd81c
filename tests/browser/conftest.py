"""Chromium, and a copy of the world that real processes serve to it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from playwright.sync_api import Browser, sync_playwright

from tenants.db import db
from tests.browser.site import (
    FLAGS,
    Site,
    Watch,
    Window,
    around_now,
    give_passwords,
    path_of_chromium,
    release,
    serving,
)
from tests.conftest import application, settings_for
from tests.web.operations.machine import missing
from tests.world import World
from web.operations.postgres import Cluster

Prepare = Callable[[World, datetime], None]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; one for the whole folder."""
    path = path_of_chromium()
    if path is None:
        missing("Chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def served_copy(
    cluster: Cluster, template: tuple[Flask, World], folder: Path, prepare: Prepare
) -> Iterator[Site]:  # fmt: skip
    """A committed copy of the world, brought to today, prepared and served."""
    with template[0].app_context():
        db.engine.dispose()
    name = f"served_{uuid4().hex[:12]}"
    cluster.create_database(name, template="template_world")
    now = datetime.now(UTC)
    settings, world = settings_for(cluster, name, folder), template[1]
    app = application(settings)
    try:
        with app.app_context():
            around_now(world, now)
            give_passwords(world, tuple(each for each in world.people if each is not world.alice))
            prepare(world, now)
        release(app)
        with serving(app, settings, world) as site:
            yield site
            release(app)
    finally:
        release(app)
        cluster.drop_database(name)


@pytest.fixture
def window(chromium: Browser, served: Site) -> Iterator[Window]:
    """Windows of this test; afterwards nothing of what they all noted may have been a fault."""
    opened = Window(chromium, served, Watch(served.base))
    yield opened
    opened.close()
    assert not opened.watch.faults, "\n".join([*opened.watch.faults, served.crash])
