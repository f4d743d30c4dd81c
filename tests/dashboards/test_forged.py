"""Forged callbacks: fifteen hundred and more, of every identity; none is our fault, none tells what is foreign."""

import json
from collections.abc import Iterator
from itertools import product
from random import Random
from typing import Any

import pytest
from flask import Flask

from tests.dashboards.published import (
    CALLBACK,
    GAPS,
    OTHERS_CANARY,
    RANKING,
    SECOND_CANARY,
    Call,
    browser,
    first_district,
    other_district,
    school_ids,
)
from tests.world import QUARTER, Someone, World

Q = QUARTER.slug
PATHS: list[Any] = [
    RANKING, GAPS, "/", "", "/dash/", f"/dash/{Q}/", f"/dash/{Q}/secrets", "/dash/2026q9/ranking", "/dash/2099q4/gaps",
    f"/{Q}/publishing", "//evil.example/dash", "/dash/../manage", f"/dash/{Q}/ranking/..", None, 7, [], {}, True,
    "\x00", "\ud800", "/dash/" + "x" * 5000, f"/dash/{Q}/ranking\n", f"dash/{Q}/ranking",
]  # fmt: skip
SEARCHES: list[Any] = [
    "", "?", "?stage=primary", "?stage=junior&kind=branch", "?stage=x", "?kind=' OR 1=1 --", "?group=城区片",
    "?group=%00", "?group=\ud800", "?indicator=party_meeting_count", "?indicator=../..", "?page=2", "?page=NaN",
    "?page=99999999999999999999", "?district={other}", "?district=x", "?school_id={second}&role=admin",
    "?stage=primary&stage=primary", None, 1, [], {"stage": "primary"}, "?" + "a=1&" * 3000,
]  # fmt: skip
KEYS: list[Any] = [
    "{own}", "{second}", "{foreign}", "{second} party_meeting_count", "{foreign} party_meeting_count", "party_meeting_count",
    "", "x", None, 1, [], {}, "00000000-0000-0000-0000-000000000000", "' OR 1=1 --", "\x00", "\ud800", "x" * 500,
]  # fmt: skip
OUTPUTS: list[Any] = [
    "charts.figure", "charts.children.x", "..charts.children..", "_pages_location.pathname", "place.search",
    "go.href@abc", '{"type":"x","index":["MATCH"]}.children', "", None, 3, [], {}, "charts", ".", "__proto__.x",
]  # fmt: skip
FOREIGN: dict[str, tuple[str, ...]] = {
    "alice": (OTHERS_CANARY, SECOND_CANARY), "bob": (OTHERS_CANARY, SECOND_CANARY),
    "carol": (OTHERS_CANARY, "第一小学"), "dave": (OTHERS_CANARY, "第一小学"),
    "rita": (OTHERS_CANARY,), "ada": (OTHERS_CANARY,), "vera": (OTHERS_CANARY,),
    "zoe": ("第一小学", SECOND_CANARY), "yan": ("第一小学", SECOND_CANARY), "city_viewer": (), "oscar": ("小学", "中学"),
}  # fmt: skip


def bodies(world: World, random: Random) -> Iterator[Any]:
    """What a forger sends: every path with every search, every key, every output, and random damage to good calls."""
    for path, search in product(PATHS, random.sample(SEARCHES, 2)):
        yield Call(path, filled(search, world)).draw()
    for key, path in product(KEYS, (RANKING, GAPS)):
        yield Call(path).follow(filled(key, world))
    for output in OUTPUTS:
        yield {**Call().draw(), "output": output}
        yield {**Call().draw(), "outputs": {"id": output, "property": "children"}}
    for _ in range(40):
        yield damaged(random.choice([Call().draw(), Call().follow("x")]), random)


def filled(text: Any, world: World) -> Any:
    own, second, foreign = (str(each) for each in school_ids(world))
    names = {"{own}": own, "{second}": second, "{foreign}": foreign, "{other}": str(world.other_district)}
    if not isinstance(text, str):
        return text
    for name, value in names.items():
        text = text.replace(name, value)
    return text


def damaged(body: dict[str, Any], random: Random) -> Any:
    """The body with one part of it, at any depth, replaced, lost or doubled."""
    spot: Any = body
    while True:
        keys = list(spot) if isinstance(spot, dict) else list(range(len(spot)))
        key = random.choice(keys)
        if not isinstance(spot[key], dict | list) or not spot[key] or random.random() < 0.4:
            break
        spot = spot[key]
    junk = [None, 1, -1, 1e308, True, [], {}, "x", "\ud800", [[]], {"a": {"b": []}}, [spot[key], spot[key]]]
    if isinstance(spot, dict) and random.random() < 0.3:
        del spot[key]
    else:
        spot[key] = random.choice(junk)
    return body


@pytest.fixture
def published_world(world: World) -> World:
    first_district(world)
    other_district(world)
    return world


def test_forged_callbacks(app: Flask, published_world: World) -> None:
    random, sent, answered = Random(20260705), 0, set()
    for name, canaries in FOREIGN.items():
        someone: Someone = getattr(published_world, name)
        client = browser(app, someone)
        for body in bodies(published_world, random):
            answer = client.post(CALLBACK, data=json.dumps(body), content_type="application/json")
            sent += 1
            answered.add(answer.status_code)
            assert answer.status_code < 500, (name, body)
            for canary in canaries:
                assert canary not in answer.text + json.dumps(answer.text), (name, body)
                assert json.dumps(canary)[1:-1] not in answer.text, (name, body)
    assert sent >= 1_500
    assert {200, 204, 400, 403, 404} <= answered


def test_strangers_forge_in_vain(app: Flask, published_world: World) -> None:
    client = app.test_client()
    for body in bodies(published_world, Random(1)):
        answer = client.post(CALLBACK, data=json.dumps(body), content_type="application/json")
        assert answer.status_code == 401


@pytest.mark.parametrize("who", ["alice", "carol", "zoe", "yan"])
def test_a_click_on_a_foreign_bar_leads_nowhere(app: Flask, published_world: World, who: str) -> None:
    someone: Someone = getattr(published_world, who)
    client = browser(app, someone)
    mine = someone.scope.schools or {published_world.other_school}
    for school_id in school_ids(published_world):
        answer = client.post(CALLBACK, json=Call().follow(str(school_id)))
        assert answer.status_code == (200 if school_id in mine else 404), (who, school_id)
