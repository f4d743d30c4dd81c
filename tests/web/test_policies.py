"""No route without a policy, and each route's answer to everybody is the one that its policy says."""

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

import web as app_module
from tenants.db import transaction
from tenants.schools import actions
from tenants.scope import Right
from tests.web.addresses import Address, addresses, of_first
from tests.world import NOW, Someone, World
from web import create_app
from web.policy import PUBLIC, Policy, access, needs, routes
from web.views import FOREIGN_POLICIES

ALLOWED = {200, 302, 400, 404, 405, 409, 413, 415, 422, 429, 503}
"""What a person may get who is admitted: the sample's fields are empty, so that many forms are refused with 422."""
NOT_MEANT = {302, 400, 401, 403, 404, 405}
EVERYBODY = ("alice", "bob", "carol", "dave", "rita", "ada", "vera", "zoe", "yan", "city_viewer", "oscar")


def test_undeclared_route_keeps_application_from_starting(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    from web.views import home

    original = home.blueprint.deferred_functions[:]
    monkeypatch.setattr(home.blueprint, "_got_registered_once", False)
    home.blueprint.add_url_rule("/undeclared", "undeclared", lambda: "", methods=["GET"])
    try:
        with pytest.raises(RuntimeError, match="/undeclared"):
            create_app(app.config["SETTINGS"])
    finally:
        home.blueprint.deferred_functions[:] = original


def test_routes_lists_every_rule_with_its_policy(app: Flask) -> None:
    listed = {(route.rule, route.endpoint) for route in routes(app, FOREIGN_POLICIES)}
    assert listed == {(rule.rule, rule.endpoint) for rule in app.url_map.iter_rules()}
    public = {route.endpoint for route in routes(app, FOREIGN_POLICIES) if route.policy.public}
    assert public == {
        "static", "auth.login", "auth.enter", "auth.language", "auth.font_size", "auth.invite", "auth.accept_invite",
        "auth.setup", "auth.first_operator", "health.alive", "health.ready",
    }  # fmt: skip


def test_management_and_operation_need_their_right(app: Flask) -> None:
    """What the matrix takes as given: the declared policies of the administrator's and the operator's pages."""
    for route in routes(app, FOREIGN_POLICIES):
        if route.rule.startswith("/manage"):
            assert route.policy == needs(Right.MANAGE), route.rule
        if route.rule.startswith("/ops"):
            assert route.policy == needs(Right.OPERATE), route.rule


def test_access_marks_the_view() -> None:
    assert access(PUBLIC)(test_access_marks_the_view).__policy__ is PUBLIC  # type: ignore[attr-defined]
    assert str(needs()) == "signed in"


def _answer(client: FlaskClient, address: Address) -> tuple[int, str]:
    answer = client.open(address.path, method=address.method)
    return answer.status_code, answer.headers.get("Location", "")


def _is_right(policy: Policy, someone: Someone | None, status: int, location: str, address: Address) -> bool:
    """Whether an answer is of the class that the declared policy gives this person."""
    if policy.public:
        return status in ALLOWED | {401}
    if someone is None:
        return (status == 302 and location.startswith("/login")) or status in (401, 405)
    if policy.admits(someone.scope):
        return status in ALLOWED | {403}  # 403: the workflow refuses this role at this moment
    return status in (403, 405)


@pytest.mark.parametrize("name", ["anonymous", *EVERYBODY])
def test_every_route_answers_as_its_policy_says(app: Flask, world: World, client: FlaskClient, name: str) -> None:
    someone: Someone | None = None if name == "anonymous" else getattr(world, name)
    wrong = []
    for address in addresses(app, of_first(world)):
        if someone is not None:
            someone.sign_in(client)
        status, location = _answer(client, address)
        if (status >= 500 and status != 503) or not _is_right(address.policy, someone, status, location, address):
            wrong.append((str(address), str(address.policy), status, location))
    assert wrong == []


def test_ended_post_opens_nothing(app: Flask, world: World, client: FlaskClient) -> None:
    every = addresses(app, of_first(world))
    world.alice.sign_in(client)
    with transaction(world.ada.scope):
        actions.end_post(world.ada.scope, world.alice.post.membership_id, NOW, reason="调离")  # type: ignore[arg-type]
    for address in every:
        if not address.policy.public:
            status, location = _answer(client, address)
            assert (status == 302 and location.startswith("/login")) or status in (401, 405), address


def test_templates_translate_only_what_is_written_in_them() -> None:
    """`_(variable)` marks the variable as safe: what a person typed would stand on the page as markup."""
    folder = Path(app_module.__file__).parent / "templates"
    bad = [
        (path.name, found.group())
        for path in folder.rglob("*.html")
        for found in re.finditer(r"(?<![\w.])_\((?!['\"])[^)]*\)", path.read_text("utf-8"))
    ]
    assert bad == []
