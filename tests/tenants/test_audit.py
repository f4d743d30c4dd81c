"""The log: every action leaves an event, and whoever changes, removes, reorders or cuts it is found out."""

import psycopg
import pytest
from flask import Flask

from tenants import audit
from tenants.db import transaction
from tests.world import NOW, World
from web.config import Settings


@pytest.fixture
def chain(own_database: tuple[Flask, World, Settings]) -> tuple[Flask, World, str]:
    """A committed copy of the world with its log, and the address by which a vandal with all rights comes in."""
    app, world, settings = own_database
    return app, world, settings.database_url.replace("+psycopg", "").replace("linghang_owner@", "postgres@")


def faults(app: Flask, world: World) -> list[audit.Fault]:
    with app.app_context(), transaction(world.ada.scope):
        return list(audit.faults(world.ada.scope))


VANDALISM = [
    ("UPDATE audit_event SET actor = 'nobody' WHERE seq = 3 AND district_id = %s", "changed"),
    ("UPDATE audit_event SET new = '{}' WHERE seq = 5 AND district_id = %s", "changed"),
    ("DELETE FROM audit_event WHERE seq = 4 AND district_id = %s", "missing or out of order"),
    ("DELETE FROM audit_event WHERE seq > 6 AND district_id = %s", "the tail is cut"),
    ("UPDATE audit_event SET seq = -seq WHERE seq IN (2, 3) AND district_id = %s", "missing or out of order"),
]


@pytest.mark.parametrize(("deed", "found"), VANDALISM)
def test_vandalism_is_found(chain: tuple[Flask, World, str], deed: str, found: str) -> None:
    app, world, address = chain
    assert faults(app, world) == []
    with psycopg.connect(address) as vandal:
        vandal.execute("ALTER TABLE audit_event DISABLE TRIGGER ALL")
        vandal.execute(deed, [world.district])  # type: ignore[call-overload]
    assert found in {fault.what for fault in faults(app, world)}
    with app.app_context(), transaction(world.zoe.scope):
        assert list(audit.faults(world.zoe.scope)) == [], "the other district's chain stands by itself"


def test_an_action_that_fails_leaves_no_event(world: World) -> None:
    with transaction(world.ada.scope):
        before = len(list(audit.events(world.ada.scope)))
    with pytest.raises(RuntimeError), transaction(world.ada.scope):
        audit.record(world.ada.scope, "x", "y", "z", now=NOW)
        raise RuntimeError
    with transaction(world.ada.scope):
        audit.record(world.ada.scope, "kept", "y", "z", now=NOW)
    with transaction(world.ada.scope):
        assert len(list(audit.events(world.ada.scope))) == before + 1


def test_the_log_refuses_even_its_owner(chain: tuple[Flask, World, str]) -> None:
    _, _, address = chain
    with psycopg.connect(address) as owner, pytest.raises(psycopg.errors.IntegrityConstraintViolation):
        owner.execute("DELETE FROM audit_event")
