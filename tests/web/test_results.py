"""Results as pages: a school's own, the explanation, and the district's way to publication."""

import re
from decimal import Decimal

import pytest
from flask import Flask

from tenants.db import transaction
from tenants.reporting.workflow import State
from tenants.results import queries
from tenants.schemes.queries import scheme_of
from tenants.schools.models import Disclosure, Stage
from tests.dashboards.published import LESS, NONE, SECOND_CANARY, browser, first_district
from tests.tenants.results.loop import accepted, disclose, locks, new_school, scored
from tests.world import QUARTER, World, fill, send
from web.arithmetic import arithmetic

OWN = f"/{QUARTER.slug}/results"
PUBLISHING = f"/{QUARTER.slug}/publishing"


def score(world: World) -> str:
    return f"/{QUARTER.slug}/schools/{world.school}/score"


def state_of(world: World) -> queries.PublishingState:
    with transaction(world.ada.scope):
        return queries.publishing_state(world.ada.scope, QUARTER)


def test_own_result_before_there_is_one(app: Flask, world: World) -> None:
    client = browser(app, world.alice)
    assert "还没有报送" in client.get(OWN).text
    send(world, world.alice, world.bob)
    assert "正在区教育工委审核" in client.get(OWN).text


def test_own_result_as_soon_as_it_is_scored(app: Flask, world: World) -> None:
    scored(world, accepted(world, world.alice, world.bob, **LESS))
    page = browser(app, world.bob).get(OWN).text
    assert "已经计分，还没有进入申诉期" in page
    assert "1 项失分" in page
    assert "还差" in page
    assert "名，共" not in page


@pytest.mark.parametrize(("how", "told", "kept"), [
    (Disclosure.OWN, "名，共 2 所", "第一档"), (Disclosure.TIERS, "第一档", "名，共 2 所"), (Disclosure.FULL, "名，共 2 所", "第一档"),
])  # fmt: skip
def test_own_result_tells_the_place_as_the_district_discloses(
    app: Flask, world: World, how: Disclosure, told: str, kept: str
) -> None:
    disclose(world, how)
    first_district(world)
    page = browser(app, world.alice).get(OWN).text
    assert told in page
    assert kept not in page
    assert SECOND_CANARY not in page


@pytest.mark.parametrize("name", ["ada", "rita", "vera", "city_viewer", "oscar"])
def test_own_results_are_for_schools(app: Flask, world: World, name: str) -> None:
    assert browser(app, getattr(world, name)).get(OWN).status_code == 403


@pytest.mark.parametrize("name", ["carol", "dave", "zoe", "yan", "vera", "city_viewer"])
def test_an_unpublished_score_is_not_there_for_others(app: Flask, world: World, name: str) -> None:
    scored(world, accepted(world, world.alice, world.bob))
    client = browser(app, getattr(world, name))
    assert client.get(score(world)).status_code == 404


@pytest.mark.parametrize(("name", "status"), [
    ("alice", 200), ("bob", 200), ("ada", 200), ("rita", 200), ("vera", 200), ("city_viewer", 200),
    ("carol", 404), ("dave", 404), ("zoe", 404), ("yan", 404), ("oscar", 403),
])  # fmt: skip
def test_who_opens_a_published_score(app: Flask, world: World, name: str, status: int) -> None:
    disclose(world, Disclosure.FULL)
    first_district(world)
    answer = browser(app, getattr(world, name)).get(score(world))
    assert answer.status_code == status
    assert ("第一小学" in answer.text) == (status == 200)


def test_strangers_are_asked_to_sign_in(app: Flask, world: World) -> None:
    client = app.test_client()
    for address in (OWN, score(world), PUBLISHING):
        assert client.get(address).status_code == 302


def test_a_foreign_score_is_answered_as_one_that_is_not_there(app: Flask, world: World) -> None:
    first_district(world)
    client = browser(app, world.yan)
    nowhere = f"/{QUARTER.slug}/schools/00000000-0000-7000-8000-000000000000/score"
    first, second = client.get(score(world)).text, client.get(nowhere).text
    assert first.replace(score(world), "") == second.replace(nowhere, "")


def test_explanation_names_values_rules_people_and_papers(app: Flask, world: World) -> None:
    first_district(world)
    page = browser(app, world.alice).get(score(world)).text
    for part in (
        'id="i-party_meeting_count"',
        "填报：艾丽思",
        "认可：安管理",
        "书记审核：鲍书记",
        "工委通过：安管理",
        "依据",
        "SHA-256",
    ):
        assert part in page, part
    assert "style=" not in page


def test_the_sum_adds_up_on_the_page(app: Flask, world: World) -> None:
    first_district(world)
    page = browser(app, world.alice).get(score(world)).text
    lines = re.search(r'<ul class="sum">(.*?)</ul>', page, re.S)
    assert lines
    numbers = [Decimal(text) for text in re.findall(r"<span>([+-]?\d+\.\d\d)</span></li>", lines[1])]
    assert sum(numbers[:-1]) == numbers[-1]


@pytest.mark.parametrize("late", [False, True])
def test_the_sum_adds_up_for_late_and_missing_reports(app: Flask, world: World, late: bool) -> None:
    """A school that never reports gets points off besides, and its total stays at zero or more."""
    school_id = new_school(world, "1234567803", "第三小学", Stage.PRIMARY) if late else None
    school_id = school_id or accepted(world, world.alice, world.bob, **NONE)
    scored(world, school_id, now=locks())
    with transaction(world.ada.scope):
        found = queries.school_explanation(world.ada.scope, school_id, QUARTER)
        scheme = scheme_of(world.ada.scope, found.run.scheme_version_id)
    lines = arithmetic(found, scheme)
    assert sum(line.points for line in lines[:-1]) == lines[-1].points == found.run.total
    assert lines[-1].end


def test_publishing_is_for_administrators(app: Flask, world: World) -> None:
    for name in ("alice", "bob", "rita", "vera", "city_viewer", "oscar"):
        client = browser(app, getattr(world, name))
        assert client.get(PUBLISHING).status_code == 403
        assert client.post(PUBLISHING, data={"step": "appeal", "confirm": "1"}).status_code == 403


def test_the_way_to_publication(app: Flask, world: World) -> None:
    scored(world, accepted(world, world.alice, world.bob))
    scored(world, accepted(world, world.carol, world.dave, **LESS))
    client = browser(app, world.ada)
    page = client.get(PUBLISHING).text
    assert "已计分 2 所，共 2 所" in page
    assert "让 2 所学校进入申诉期" in page
    refused = client.post(PUBLISHING, data={"step": "appeal"})
    assert (refused.status_code, "请先勾选" in refused.text) == (422, True)
    assert client.post(PUBLISHING, data={"step": "appeal", "confirm": "1"}).status_code == 303
    assert state_of(world).counts[State.APPEAL] == 2
    assert "现在是申诉期" in browser(app, world.alice).get(OWN).text
    assert "公布 2 所学校的结果" in client.get(PUBLISHING).text
    assert client.post(PUBLISHING, data={"step": "publish"}).status_code == 422
    assert client.post(PUBLISHING, data={"step": "publish", "confirm": "1"}).status_code == 303
    page = client.get(PUBLISHING).text
    assert "第 1 版" in page and "安管理" in page
    assert client.post(PUBLISHING, data={"step": "publish", "confirm": "1"}).status_code == 409


def test_some_schools_first_must_be_said(app: Flask, world: World) -> None:
    scored(world, accepted(world, world.alice, world.bob))
    client = browser(app, world.ada)
    page = client.get(PUBLISHING).text
    assert "1 所学校还没有成绩" in page
    assert "第二中学" in page
    client.post(PUBLISHING, data={"step": "appeal", "confirm": "1"})
    refused = client.post(PUBLISHING, data={"step": "publish", "confirm": "1"})
    assert (refused.status_code, "还有 1 所学校没有计分" in refused.text) == (409, True)
    assert client.post(PUBLISHING, data={"step": "publish", "confirm": "1", "partial": "1"}).status_code == 303


def test_one_school_is_scored_again(app: Flask, world: World) -> None:
    scored(world, accepted(world, world.alice, world.bob))
    client = browser(app, world.ada)
    answer = client.post(PUBLISHING, data={"step": "compute", "school": str(world.school)}, follow_redirects=True)
    assert "与原来一致" in answer.text
    assert client.post(PUBLISHING, data={"step": "compute", "school": "x"}).status_code == 422
    assert client.post(PUBLISHING, data={"step": "compute", "school": str(world.other_school)}).status_code == 404


@pytest.mark.parametrize("form", [{}, {"step": "x", "confirm": "1"}, {"step": "publish", "school_id": "1"}])
def test_forged_steps(app: Flask, world: World, form: dict[str, str]) -> None:
    assert browser(app, world.ada).post(PUBLISHING, data=form).status_code == 400


def test_recomputed_after_publication_is_said(app: Flask, world: World) -> None:
    first_district(world)
    scored(world, world.school, force=True)
    assert "公布以后又重新计过分" in browser(app, world.alice).get(OWN).text
    assert "已公布" in browser(app, world.vera).get(score(world)).text


def test_nothing_to_preview(app: Flask, world: World) -> None:
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school)
    assert "还没有学校计分" in browser(app, world.ada).get(PUBLISHING).text
    assert browser(app, world.ada).get("/2050q1/publishing").status_code == 404
