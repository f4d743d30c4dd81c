"""Every address of the application with sample ids of a world: routes added later are covered without a word here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from flask import Flask, url_for
from werkzeug.routing import AnyConverter, BaseConverter

from tenants.db import bind
from tenants.reporting import queries as reporting
from tenants.schemes import actions as schemes
from tenants.schools import queries as schools
from tenants.scope import Scope
from tests.world import QUARTER, World, admin_scope
from web.policy import Policy, Route, routes
from web.views import FOREIGN_POLICIES

Sample = Mapping[str, Any]


@dataclass(frozen=True)
class Address:
    """One method of one route at a sample address."""

    route: Route
    method: str
    path: str

    @property
    def policy(self) -> Policy:
        return self.route.policy

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def sample(scope: Scope, school: UUID, account: UUID) -> dict[str, Any]:
    """Ids that exist in a district, by the name that the arguments of routes have."""
    bind(scope)
    return {
        "district_id": scope.district,
        "school_id": school,
        "account_id": account,
        "membership_id": schools.colleagues(scope, account_id=account)[0].membership_id,
        "branch_id": schools.branches(scope, [school])[school][0].id,
        "version_id": schemes.newest_version(scope),
        "report_id": reporting.report(scope, school, QUARTER).id,
    }


def of_first(world: World) -> dict[str, Any]:
    return sample(admin_scope(world.district), world.school, world.alice.person.id)


def of_other(world: World) -> dict[str, Any]:
    return sample(admin_scope(world.other_district), world.other_school, world.yan.person.id)


def unknown() -> dict[str, Any]:
    """Ids that exist nowhere."""
    return {
        name: uuid4()
        for name in ("district_id", "school_id", "account_id", "membership_id", "branch_id", "version_id", "report_id")
    }


def addresses(app: Flask, ids: Sample) -> list[Address]:
    """Every route and method; an argument without a sample id gets one of its converter that exists nowhere."""
    found = []
    for route in routes(app, FOREIGN_POLICIES):
        path = path_of(app, route, ids)
        found += [Address(route, method, path) for method in route.methods]
    return found


def path_of(app: Flask, route: Route, ids: Sample) -> str:
    rule = next(rule for rule in app.url_map.iter_rules(route.endpoint) if rule.rule == route.rule)
    values = {name: ids.get(name, _made_up(converter)) for name, converter in rule._converters.items()}
    with app.test_request_context():
        return url_for(route.endpoint, **values)


def _made_up(converter: BaseConverter) -> Any:
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    return {"UUIDConverter": uuid4(), "QuarterConverter": QUARTER, "IntegerConverter": 1}.get(
        type(converter).__name__, "ranking"
    )
