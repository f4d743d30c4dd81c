"""What belongs to one district is nowhere on another's pages, and a foreign id is answered as one that does not exist."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tenants.db import bind
from tenants.schools import queries
from tests.web.addresses import addresses, of_first, of_other, path_of, unknown
from tests.web.people import plain
from tests.world import Someone, World, admin_scope
from web.policy import Route, routes
from web.views import FOREIGN_POLICIES

OTHER_CANARIES = ("东区", "东风小学", "左管理", "严干事", "dq.zoe", "dq.yan", "1234567901", "@dq.example")
FIRST_CANARIES = (
    "西区",
    "第一小学",
    "第二中学",
    "艾丽思",
    "鲍书记",
    "卡罗尔",
    "戴书记",
    "李审核",
    "安管理",
    "魏领导",
    "@xq.example",
)
OF_FIRST = ("alice", "bob", "carol", "dave", "rita", "ada", "vera")
OF_OTHER = ("zoe", "yan")
SMUGGLED = ("school_id", "district_id", "role", "status", "score")


def _pages(app: Flask, client: FlaskClient, someone: Someone, ids: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for address in addresses(app, ids):
        if address.method == "GET" and not address.route.rule.startswith("/static"):
            someone.sign_in(client)
            yield str(address), client.get(address.path).get_data().decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("name", "canaries"),
    [(name, OTHER_CANARIES) for name in OF_FIRST] + [(name, FIRST_CANARIES) for name in OF_OTHER],
)
def test_no_page_holds_another_districts_canary(
    app: Flask, world: World, client: FlaskClient, name: str, canaries: tuple[str, ...]
) -> None:
    """Every page by every person of a district, with the other district's ids in the address, then with its own."""
    own, foreign = (of_first(world), of_other(world)) if name in OF_FIRST else (of_other(world), of_first(world))
    mine, seen = FIRST_CANARIES if name in OF_FIRST else OTHER_CANARIES, 0
    for ids in (own, foreign):
        for address, text in _pages(app, client, getattr(world, name), ids):
            found = [canary for canary in canaries if canary in text]
            assert found == [], (address, found)
            seen += any(canary in text for canary in mine)
    assert seen > 10, "the pages hold nothing at all"


def test_school_sees_nothing_of_its_neighbour(app: Flask, world: World, client: FlaskClient) -> None:
    """Before anything is published no page of a school tells of another school of the district."""
    for address, text in _pages(app, client, world.alice, of_first(world)):
        assert not [each for each in ("第二中学", "卡罗尔", "戴书记", "1234567802") if each in text], address


def _with_ids(app: Flask) -> list[Route]:
    """Routes whose address names a row."""
    return [route for route in routes(app, FOREIGN_POLICIES) if re.search(r"<uuid:", route.rule)]


@pytest.mark.parametrize("name", ["ada", "alice", "bob", "rita"])
def test_foreign_ids_are_answered_as_ids_that_do_not_exist(
    app: Flask, world: World, client: FlaskClient, name: str
) -> None:
    someone: Someone = getattr(world, name)
    foreign, nowhere, tried = of_other(world), unknown(), 0
    for route in _with_ids(app):
        for method in route.methods:
            bodies = []
            for ids in (foreign, nowhere):
                someone.sign_in(client)
                path = path_of(app, route, ids)
                answer = client.open(path, method=method)
                text = plain(answer.get_data(as_text=True)).replace(path, "PATH")
                bodies.append((answer.status_code, _without(text, ids), len(answer.headers)))
            assert bodies[0] == bodies[1], (method, route.rule)
            assert bodies[0][0] in (403, 404, 405), (method, route.rule, bodies[0][0])
            tried += 1
    assert tried > 15


def _without(text: str, ids: dict[str, Any]) -> str:
    for value in ids.values():
        text = text.replace(str(value), "ID")
    return text


def test_foreign_membership_under_own_account_is_not_found(client: FlaskClient, world: World) -> None:
    """A right id beside a foreign one opens nothing either."""
    world.ada.sign_in(client)
    foreign = of_other(world)
    for path in (
        f"/manage/people/{world.alice.person.id}/posts/{foreign['membership_id']}/end",
        f"/manage/people/{world.alice.person.id}/posts/{world.bob.post.membership_id}/end",
        f"/manage/schools/{world.school}/branches/{foreign['branch_id']}",
        f"/manage/schools/{world.second_school}/branches/{of_first(world)['branch_id']}/end",
    ):
        answer = client.post(path, data={"reason": "试试"})
        assert answer.status_code == 404, path


def _state(world: World) -> tuple[Any, ...]:
    found: list[Any] = []
    for district in (world.district, world.other_district):
        scope = admin_scope(district)
        bind(scope)
        found += [queries.district(scope), queries.schools(scope, closed=True), queries.colleagues(scope)]
    return tuple(found)


@pytest.mark.parametrize("field", SMUGGLED)
def test_smuggled_fields_change_nothing(client: FlaskClient, world: World, field: str) -> None:
    world.ada.sign_in(client)
    before = _state(world)
    smuggled = {field: str(world.other_school) if field == "school_id" else str(world.other_district)}
    forms: dict[str, dict[str, str]] = {
        "/manage/district": {"office": "改了", "contact_name": "", "contact_phone": "", "disclosure": "full"},
        f"/manage/people/{world.vera.person.id}": {"name": "改了", "email": "", "phone": ""},
        f"/manage/schools/{world.school}/close": {"reason": "改了"},
        f"/manage/schools/{world.school}/branches": {"branch_name": "改了"},
        "/manage/schools/new": {"code": "9999999999", "name": "改了", "stage": "primary", "org_kind": "branch"},
    }
    for path, form in forms.items():
        assert client.post(path, data=form | smuggled).status_code == 400, path
        assert client.post(path, data=form, query_string=smuggled, headers={"X-District-Id": str(world.other_district)})
        world.ada.sign_in(client)
    after = _state(world)
    assert after[3:] == before[3:]


def test_posts_cannot_name_another_districts_school(client: FlaskClient, world: World) -> None:
    world.ada.sign_in(client)
    before = _state(world)
    form = {"role": "reporter", "school_id": str(world.other_school), "own_school_id": ""}
    assert client.post(f"/manage/people/{world.alice.person.id}/posts", data=form).status_code == 404
    form = {"role": "reviewer", "school_id": "", "own_school_id": str(world.other_school)}
    assert client.post(f"/manage/people/{world.alice.person.id}/posts", data=form).status_code == 404
    person = {"name": "新人", "login": "new", "email": "", "phone": ""}
    form = person | {"role": "reporter", "school_id": str(world.other_school), "own_school_id": ""}
    assert client.post("/manage/people/new", data=form).status_code == 404
    for role in ("operator", "city_viewer", "job", "nobody"):
        answer = client.post("/manage/people/new", data=form | {"role": role, "school_id": ""})
        assert answer.status_code == 422, role
    assert _state(world) == before


def test_operator_sees_counts_and_no_schools(app: Flask, world: World, client: FlaskClient) -> None:
    ids = of_first(world) | {"account_id": world.oscar.person.id}
    for address, text in _pages(app, client, world.oscar, ids):
        for canary in ("第一小学", "第二中学", "东风小学", "艾丽思", "卡罗尔", "严干事"):
            assert canary not in text, (address, canary)


def test_login_names_of_another_district_cannot_be_probed(client: FlaskClient, world: World) -> None:
    """A name that the other district uses is free here, since each name begins with its district's code."""
    world.ada.sign_in(client)
    form = {
        "name": "新人",
        "login": "yan",
        "email": "",
        "phone": "",
        "role": "viewer",
        "school_id": "",
        "own_school_id": "",
    }
    answer = client.post("/manage/people/new", data=form)
    assert answer.status_code == 200 and "xq.yan" in answer.text
    school = {"code": "1234567901", "name": "同码学校", "stage": "primary", "org_kind": "branch"}
    assert client.post("/manage/schools/new", data=school).status_code == 302


def test_sample_ids_are_real(world: World) -> None:
    for ids in (of_first(world), of_other(world)):
        assert all(isinstance(value, UUID) for value in ids.values())
