"""A published quarter to look at: both schools of the first district, and the one of the other, with canaries in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient

from tenants.db import transaction
from tenants.reporting.validation import Entry
from tenants.results import actions
from tests.tenants.results.loop import accepted, locks, published, scored
from tests.world import NOW, QUARTER, Someone, World, fill

OTHERS_CANARY = "东风小学"
SECOND_CANARY = "第二中学"
LESS = {"party_meeting_count": Entry(value=Decimal(1))}
NONE = {"party_meeting_count": Entry(value=Decimal(0))}
RANKING = f"/dash/{QUARTER.slug}/ranking"
GAPS = f"/dash/{QUARTER.slug}/gaps"
CALLBACK = "/dash/_dash-update-component"


def first_district(world: World) -> None:
    """第一小学 comes before 第二中学; both lose points on one indicator."""
    scored(world, accepted(world, world.alice, world.bob, **LESS))
    scored(world, accepted(world, world.carol, world.dave, **NONE))
    published(world)


def other_district(world: World) -> None:
    """东风小学 alone; approved by its own reporter's district, since the world has no secretary there."""
    with transaction(world.yan.scope):
        fill(world.yan.scope, world.other_school, **LESS)
    with transaction(world.other_job):
        actions.compute(world.other_job, world.other_school, QUARTER, now=locks())
    with transaction(world.zoe.scope):
        actions.open_appeal(world.zoe.scope, QUARTER, NOW)
    with transaction(world.zoe.scope):
        actions.publish(world.zoe.scope, QUARTER, NOW)


def browser(app: Flask, someone: Someone) -> FlaskClient:
    return someone.sign_in(app.test_client())


@dataclass(frozen=True)
class Call:
    """A callback's body as the browser makes it."""

    pathname: Any = RANKING
    search: Any = ""

    def draw(self) -> dict[str, Any]:
        return {
            "output": "charts.children",
            "outputs": {"id": "charts", "property": "children"},
            "inputs": [*self._where()],
            "changedPropIds": ["place.pathname"],
        }

    def follow(self, key: object) -> dict[str, Any]:
        return {
            "output": "go.href",
            "outputs": {"id": "go", "property": "href"},
            "inputs": [{"id": "bars", "property": "clickData", "value": {"points": [{"customdata": key}]}}],
            "state": [*self._where()],
            "changedPropIds": ["bars.clickData"],
        }

    def _where(self) -> tuple[Mapping[str, Any], ...]:
        return (
            {"id": "place", "property": "pathname", "value": self.pathname},
            {"id": "place", "property": "search", "value": self.search},
        )


def school_ids(world: World) -> tuple[UUID, ...]:
    return (world.school, world.second_school, world.other_school)
