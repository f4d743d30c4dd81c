"""The front page: what is next for a school, the quarter in numbers for a district, who has published for a city."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask

from tenants.db import transaction
from tenants.reporting import actions, queries
from tenants.reporting.actions import Given
from tenants.reporting.validation import Entry
from tests.web.browser import Browser, read
from tests.world import NOW, QUARTER, World, dates, fill, send

HOME = "/2026q2/"
DATES = dates(QUARTER)


def test_front_page_leads_each_person_to_the_newest_quarter(app: Flask, world: World) -> None:
    for who in world.people:
        answer = Browser(app, who).get("/")
        assert answer.status_code == 302
        assert answer.location.endswith("/ops/status" if who is world.oscar else HOME)


def test_operator_never_gets_a_quarters_front_page(app: Flask, world: World) -> None:
    assert Browser(app, world.oscar).get(HOME).location.endswith("/ops/status")


def test_every_front_page_has_one_heading_and_says_something(app: Flask, world: World) -> None:
    for who in world.people:
        if who is not world.oscar:
            for path in (HOME, "/2026q1/", "/2099q4/"):
                answer = Browser(app, who).get(path)
                assert answer.status_code == 200 and read(answer).headings == 1, (who.name, path)
                assert " style=" not in answer.text


def test_reporter_reads_what_lacks_and_until_when(app: Flask, world: World) -> None:
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school)
        blank = {("party_meeting_count", world.school): Given(Entry())}
        actions.save(world.alice.scope, world.school, QUARTER, blank, now=NOW)
    page = Browser(app, world.alice).get(HOME)
    assert "2026 年第二季度：还差 1 项，距截止 5 天" in page.text
    assert "继续填报" in page.text
    assert f"/2026q2/report#party_meeting_count.{world.school}.value" in read(page).links


COUNTDOWNS: list[tuple[datetime, str]] = [
    (DATES["due_at"] - timedelta(hours=25), "距截止 1 天"),
    (DATES["due_at"] - timedelta(seconds=1), "今天截止"),
    (DATES["due_at"], "已过截止 1 天"),
    (DATES["due_at"] + timedelta(days=3), "已过截止 4 天"),
]


@pytest.mark.parametrize(("at", "said"), COUNTDOWNS)
def test_days_are_counted_in_the_districts_zone(app: Flask, world: World, at: datetime, said: str) -> None:
    assert said in Browser(app, world.alice, at).get(HOME).text


def test_four_dates_stand_on_it(app: Flask, world: World) -> None:
    page = Browser(app, world.alice).get(HOME).text
    for said in ("6 月 21 日", "7 月 10 日（周五） 24:00", "7 月 13 日", "7 月 19 日"):
        assert said in page or said.replace("） ", "）") in page, said


def test_returned_items_come_first_with_their_reasons(app: Flask, world: World) -> None:
    send(world, world.alice, world.bob)
    with transaction(world.rita.scope):
        actions.return_items(world.rita.scope, world.school, QUARTER, {"party_meeting_count": "缺 6 月纪要"}, NOW)
    page = Browser(app, world.alice).get(HOME)
    assert page.text.index("缺 6 月纪要") < page.text.index("本季度日程")
    assert "/2026q2/report#i-party_meeting_count" in read(page).links and "去修改" in page.text


def test_each_state_offers_its_next_step(app: Flask, world: World) -> None:
    alice, bob = Browser(app, world.alice), Browser(app, world.bob)
    assert "开始填报" in alice.get(HOME).text
    assert "暂无待办" in bob.get(HOME).text
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school)
    assert "检查并提交" in alice.get(HOME).text
    with transaction(world.alice.scope):
        actions.submit(world.alice.scope, world.school, QUARTER, NOW)
    assert "等待书记审核" in alice.get(HOME).text and "撤回修改" in alice.get(HOME).text
    assert "/2026q2/approve" in read(bob.get(HOME)).links and "去审批" in bob.get(HOME).text
    with transaction(world.bob.scope):
        actions.approve(world.bob.scope, world.school, QUARTER, NOW)
    assert "等待工委审核" in alice.get(HOME).text
    assert "上次审批" in bob.get(HOME).text
    with transaction(world.rita.scope):
        actions.accept(world.rita.scope, world.school, QUARTER, NOW)
    assert "审核通过于" in alice.get(HOME).text


def test_after_the_lock_it_says_so(app: Flask, world: World) -> None:
    page = Browser(app, world.alice, DATES["locks_at"]).get(HOME).text
    assert "已锁定，还差 36 项" in page


def test_district_reads_five_numbers_each_a_way_into_its_list(app: Flask, world: World) -> None:
    send(world, world.alice, world.bob)
    for who, waiting in ((world.rita, "1"), (world.ada, "1"), (world.vera, "1")):
        page = Browser(app, who).get(HOME)
        assert "<b>1/2</b>" in page.text and "<b>100%</b>" in page.text and f"<b>{waiting}</b>" in page.text
        assert "还有 1 所学校没有报送，距截止 5 天" in page.text
        links = read(page).links
        for state in ("sent", "punctual", "late", "returned"):
            assert f"/2026q2/progress?state={state}" in links
        assert "/2026q2/review" in links
    late = Browser(app, world.ada, DATES["late_from"]).get(HOME).text
    assert "逾期 1 所" in late and "<b>50%</b>" in late


def test_the_reviewers_own_school_does_not_wait_for_them(app: Flask, world: World) -> None:
    send(world, world.carol, world.dave)
    numbers = {who.name: Browser(app, who).get(HOME).text.count("<b>1</b>") for who in (world.rita, world.ada)}
    assert numbers == {world.rita.name: 0, world.ada.name: 1}


def test_districts_know_nothing_of_each_other(app: Flask, world: World) -> None:
    send(world, world.alice, world.bob, party_meeting_count=Entry(Decimal(2)))
    page = Browser(app, world.zoe).get(HOME).text
    assert "<b>0/1</b>" in page and "第一小学" not in page


def test_city_sees_who_has_published(app: Flask, world: World) -> None:
    page = Browser(app, world.city_viewer).get(HOME)
    assert "西区" in page.text and "东区" in page.text and "2 个区县中，0 个已公布" in page.text
    assert not [link for link in read(page).links if link.endswith("/2026q2/ranking") and "看排名" in page.text]


def test_a_quarter_without_dates_says_who_sets_them(app: Flask, world: World) -> None:
    assert "还没有设定填报日期" in Browser(app, world.alice).get("/2026q1/").text
    assert "/manage" in " ".join(read(Browser(app, world.ada).get("/2026q1/")).links)


def test_before_the_opening_it_says_when(app: Flask, world: World) -> None:
    with transaction(world.ada.scope):
        version = queries.quarter_view(world.ada.scope, QUARTER).scheme_version_id
        actions.set_dates(world.ada.scope, QUARTER.next, **dates(QUARTER.next), scheme_version_id=version, now=NOW)
    for who in (world.alice, world.bob, world.ada, world.vera):
        assert "尚未到填报期，2026 年 9 月 21 日" in Browser(app, who).get("/2026q3/").text


@pytest.mark.parametrize(
    ("query", "to"),
    [
        ("?quarter=2026q1&from=/2026q2/report&query=all%3D1", "/2026q1/report?all=1"),
        ("?quarter=2026q1&from=/manage", "/2026q1/"),
        ("?quarter=2026q1&from=//evil.example/2026q2/x", "/2026q1/x"),
        ("?quarter=nonsense", "/"),
    ],
)
def test_go_keeps_the_page_and_never_leaves_the_site(app: Flask, world: World, query: str, to: str) -> None:
    location = Browser(app, world.alice).get(f"/go{query}").location
    assert location.startswith("/") and not location.startswith("//")
    assert "evil" not in location
    assert location == to
