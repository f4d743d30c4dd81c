"""The gaps: what they say, draw and hand out is the same; a school sees its own."""

import csv
import io
from decimal import Decimal

import pytest
from flask import Flask

from dashboards.figures import bars
from dashboards.pages import gaps
from dashboards.shell import Place, View
from tenants.db import transaction
from tenants.schools.models import Disclosure
from tests.dashboards.published import (
    CALLBACK,
    GAPS,
    OTHERS_CANARY,
    SECOND_CANARY,
    Call,
    browser,
    first_district,
    other_district,
)
from tests.tenants.results.loop import disclose
from tests.world import QUARTER, Someone, World

HERE = Place(QUARTER, View.GAPS)
CHOSEN = Place(QUARTER, View.GAPS, indicator="party_meeting_count")


def view(someone: Someone, place: Place = HERE) -> gaps.GapsView:
    with transaction(someone.scope):
        return gaps.load(someone.scope, place)


def test_numbers_are_the_same_in_chart_table_title_and_file(app: Flask, world: World) -> None:
    first_district(world)
    seen, client = view(world.vera), browser(app, world.vera)
    (gap,) = seen.indicators
    assert str(gaps.finding(seen)) == f"失分集中在《{gap.name}》：2 所学校共失 {gap.lost:.2f} 分"
    assert [Decimal(str(x)) for x in bars(gaps.figure_rows(seen, str), "分").data[0].x] == [gap.lost]
    page = client.get(GAPS).text
    assert f"{gap.lost:.2f}" in page
    rows = list(csv.DictReader(io.StringIO(client.get(f"{GAPS}.csv").data.decode("utf-8-sig"))))
    assert [Decimal(row["失分"]) for row in rows] == [row.lost for row in seen.rows]
    assert [row["还差"] for row in rows] == [str(row.short) for row in seen.rows]
    assert all(row["还差"] in page and row["还差"].startswith("还差") for row in rows)
    assert sum(Decimal(row["失分"]) for row in rows) == gap.lost


def test_a_chosen_indicator_shows_its_schools(app: Flask, world: World) -> None:
    first_district(world)
    seen = view(world.vera, CHOSEN)
    assert [bar.name for bar in gaps.figure_rows(seen, str)] == ["第二中学", "第一小学"]
    assert gaps.figure_rows(seen, str)[0].note == str(seen.rows[0].short)
    assert str(gaps.sentence(seen)).startswith("失分最多的是第二中学")
    nothing = browser(app, world.vera).get(f"{GAPS}?indicator=unknown_code")
    assert nothing.status_code == 200
    assert "没有失分" in nothing.text


@pytest.mark.parametrize("how", list(Disclosure))
def test_a_school_sees_its_own_whatever_is_disclosed(app: Flask, world: World, how: Disclosure) -> None:
    disclose(world, how)
    first_district(world)
    client = browser(app, world.alice)
    seen = client.get(GAPS).text + client.get(f"{GAPS}.csv").text
    seen += str(client.post(CALLBACK, json=Call(GAPS).draw()).get_json())
    assert "本校 1 项失分" in seen
    assert SECOND_CANARY not in seen


@pytest.mark.parametrize("name", ["ada", "vera", "rita"])
def test_the_other_district_is_never_there(app: Flask, world: World, name: str) -> None:
    first_district(world)
    other_district(world)
    client = browser(app, getattr(world, name))
    for address in (GAPS, f"{GAPS}?district={world.other_district}", f"{GAPS}.csv"):
        assert OTHERS_CANARY not in client.get(address).text


def test_rows_lead_to_the_indicator_in_the_score(app: Flask, world: World) -> None:
    first_district(world)
    client = browser(app, world.vera)
    there = f"/{QUARTER.slug}/schools/{world.school}/score#i-party_meeting_count"
    assert there in client.get(GAPS).text
    key = f"{world.school} party_meeting_count"
    answer = client.post(CALLBACK, json=Call(GAPS, "?indicator=party_meeting_count").follow(key))
    assert answer.get_json()["response"]["go"]["href"] == there
    chosen = client.post(CALLBACK, json=Call(GAPS).follow("party_meeting_count")).get_json()
    assert chosen["response"]["go"]["href"] == "?indicator=party_meeting_count"


def test_pages_of_many_rows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first_district(world)
    monkeypatch.setattr(gaps, "PAGE", 1)
    seen = view(world.vera, Place(QUARTER, View.GAPS, page=2))
    assert (seen.pages, seen.page, len(seen.shown), len(seen.rows)) == (2, 2, 1, 2)
    assert view(world.vera, Place(QUARTER, View.GAPS, page=99)).page == 2
    assert len(gaps.table(seen, str).rows) == 2
