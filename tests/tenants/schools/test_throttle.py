"""The throttle counts right when tries come at the same moment."""

from datetime import datetime, timedelta
from threading import Thread

from flask import Flask

from tenants.db import transaction
from tenants.schools import sessions
from tenants.scope import Role, Scope
from tests.world import NOW, World
from web.config import Settings

KEY = "account x"


def test_second_try_waits_until_the_first_is_counted(own_database: tuple[Flask, World, Settings]) -> None:
    """Five tries are being counted in one transaction; a sixth in another finds them, however it is timed."""
    app, _world, _settings = own_database
    answers: list[datetime | None] = []

    def sixth() -> None:
        with app.app_context(), transaction(Scope(role=Role.VIEWER)):
            answers.append(sessions.count_attempt(KEY, 5, NOW + timedelta(seconds=1)))

    other = Thread(target=sixth)
    with app.app_context(), transaction(Scope(role=Role.VIEWER)):
        assert [sessions.count_attempt(KEY, 5, NOW) for _ in range(5)] == [None] * 5
        other.start()
        other.join(0.5)
        assert answers == []
    other.join(10)
    assert answers == [NOW + sessions.WINDOW]
