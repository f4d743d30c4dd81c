"""The ranking: what it says, draws and hands out is the same, and no more than the district discloses."""

import csv
import io
import re
from decimal import Decimal

import pytest
from flask import Flask

from dashboards.figures import bars
from dashboards.pages import ranking
from dashboards.shell import Place, View
from tenants.db import transaction
from tenants.schools.models import Disclosure
from tests.dashboards.published import (
    CALLBACK,
    OTHERS_CANARY,
    RANKING,
    SECOND_CANARY,
    Call,
    browser,
    first_district,
    other_district,
)
from tests.tenants.results.loop import disclose
from tests.world import QUARTER, Someone, World

HERE = Place(QUARTER, View.RANKING)


def view(someone: Someone, place: Place = HERE) -> ranking.RankingView:
    with transaction(someone.scope):
        return ranking.load(someone.scope, place)


def test_numbers_are_the_same_in_chart_table_sentence_and_file(app: Flask, world: World) -> None:
    first_district(world)
    seen = view(world.vera)
    totals = [row.standing.total for row in seen.rows]
    figure = bars(ranking.figure_rows(seen, str), "分", ranking.cuts(seen))
    assert [Decimal(str(x)) for x in figure.data[0].x] == totals
    client = browser(app, world.vera)
    page = client.get(RANKING).text
    assert [Decimal(text) for text in re.findall(r'class="n total"[^>]*>([\d.]+)<', page)] == totals
    said = str(ranking.sentence(seen))
    assert said in page
    assert f"{totals[0]:.2f}" in said and f"{totals[-1]:.2f}" in said
    rows = list(csv.DictReader(io.StringIO(client.get(f"{RANKING}.csv").data.decode("utf-8-sig"))))
    assert [Decimal(row["总分"]) for row in rows] == totals
    assert [row["学校"] for row in rows] == ["第一小学", "第二中学"]
    drawn = client.post(CALLBACK, json=Call().draw()).text
    assert all(str(float(total)) in drawn for total in totals)


def test_title_is_the_finding(world: World) -> None:
    first_district(world)
    seen = view(world.vera)
    mean = sum(row.standing.total for row in seen.rows) / 2
    assert str(ranking.finding(seen)) == f"2 所学校平均 {mean:.2f} 分，第一小学居首"
    assert "2026 年第二季度，2 所学校" in str(ranking.subtitle(seen))
    assert str(ranking.caution(seen)) == "只有 2 所学校，名次仅供参考。"


def test_filters_narrow_table_and_chart(app: Flask, world: World) -> None:
    first_district(world)
    client = browser(app, world.vera)
    page = client.get(f"{RANKING}?stage=junior").text
    assert "只有 1 所学校：第二中学" in page
    assert "第一小学" not in page
    assert client.post(CALLBACK, json=Call(search="?stage=junior").draw()).json["response"]["charts"]["children"] == []
    none = client.get(f"{RANKING}?stage=vocational").text
    assert "没有符合条件的学校" in none
    assert client.get(f"{RANKING}?stage=x").status_code == 400


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_own_only(app: Flask, world: World, name: str) -> None:
    disclose(world, Disclosure.OWN)
    first_district(world)
    client = browser(app, getattr(world, name))
    for address in (RANKING, f"{RANKING}.csv", f"{RANKING}?stage=junior", f"{RANKING}?group=城区片"):
        assert SECOND_CANARY not in client.get(address).text
    page = client.get(RANKING).text
    assert "本校第 1 名，共 2 所" in page
    assert SECOND_CANARY not in client.post(CALLBACK, json=Call().draw()).get_json()["response"]["charts"].__str__()
    assert "名次没有公布" in client.get(f"{RANKING}?group=城区片").text


def test_tiers_only(app: Flask, world: World) -> None:
    disclose(world, Disclosure.TIERS)
    first_district(world)
    seen = view(world.dave)
    page = browser(app, world.dave).get(RANKING).text
    assert "第一档" in page and "第一小学" in page and "本校" in page
    assert seen.own is not None and seen.own.rank is None
    assert [row.standing.name for row in seen.rows] == ["第二中学"]
    others_total = view(world.vera).rows[0].standing.total
    assert f"{others_total:.2f}" not in page


def test_full_list_marks_the_own_school_and_opens_no_other(app: Flask, world: World) -> None:
    disclose(world, Disclosure.FULL)
    first_district(world)
    page = browser(app, world.carol).get(RANKING).text
    assert page.count('class="mine"') == 1
    assert f"/schools/{world.second_school}/score" in page
    assert f"/schools/{world.school}/score" not in page
    assert "第一小学" in page
    assert "<h1>本校第 2 名，共 2 所" in page


def test_city_sees_both_districts_and_may_choose_one(app: Flask, world: World) -> None:
    first_district(world)
    other_district(world)
    client = browser(app, world.city_viewer)
    page = client.get(RANKING).text
    assert all(name in page for name in ("第一小学", SECOND_CANARY, OTHERS_CANARY, "西区", "东区"))
    one = client.get(f"{RANKING}?district={world.other_district}").text
    assert OTHERS_CANARY in one and "第一小学" not in one
    assert "只有 1 所学校" in one


@pytest.mark.parametrize("name", ["ada", "rita", "vera", "alice", "carol"])
def test_the_other_district_is_never_there(app: Flask, world: World, name: str) -> None:
    first_district(world)
    other_district(world)
    client = browser(app, getattr(world, name))
    for address in (
        RANKING,
        f"{RANKING}?district={world.other_district}",
        f"{RANKING}.csv?district={world.other_district}",
    ):
        assert OTHERS_CANARY not in client.get(address).text


@pytest.mark.parametrize(("change", "said"), [
    (None, "上季度未排名"), (Decimal("0.00"), "— 持平"), (Decimal("1.80"), "↑ 提高 1.80"), (Decimal("-12.40"), "↓ 下降 12.40"),
])  # fmt: skip
def test_change_in_words(change: Decimal | None, said: str) -> None:
    assert str(ranking.change_words(change)) == said


@pytest.mark.parametrize(("moved", "said"), [(None, "—"), (0, "— 不变"), (3, "↑ 上升 3 名"), (-1, "↓ 下降 1 名")])
def test_movement_in_words(moved: int | None, said: str) -> None:
    assert str(ranking.moved_words(moved)) == said


def test_a_click_leads_to_the_score(app: Flask, world: World) -> None:
    first_district(world)
    answer = browser(app, world.vera).post(CALLBACK, json=Call().follow(str(world.second_school)))
    assert answer.get_json()["response"]["go"]["href"] == f"/{QUARTER.slug}/schools/{world.second_school}/score"
