"""Following and judging: who may look, who may act, what the lists show, what an export holds, what a verdict leaves."""

import csv
from datetime import timedelta
from decimal import Decimal
from io import BytesIO, StringIO
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest
import sqlalchemy as sa
from flask import Flask

from dashboards.downloads import harmless
from tenants.audit import AuditEvent
from tenants.db import session, transaction
from tenants.notices.models import Mail, Rule
from tenants.reporting import actions, queries
from tenants.reporting.queries import Sheet
from tenants.reporting.validation import Entry
from tenants.reporting.workflow import State
from tenants.schools import actions as schools
from tenants.schools.models import Account, OrgKind, School, Stage
from tests.web.browser import Browser, form_in, read
from tests.world import NOW, QUARTER, Someone, World, dates, fill, send

PROGRESS, QUEUE = "/2026q2/progress", "/2026q2/review"
LATE = dates(QUARTER)["late_from"]


def item(school_id: object) -> str:
    return f"{QUEUE}/{school_id}"


def sheet_of(world: World, school_id: object | None = None) -> Sheet:
    with transaction(world.ada.scope):
        return queries.sheet(world.ada.scope, school_id or world.school, QUARTER)  # type: ignore[arg-type]


def more_schools(world: World, *names: str) -> None:
    with transaction(world.ada.scope):
        for place, name in enumerate(names):
            schools.create_school(
                world.ada.scope, code=f"55555555{place:02d}", name=name, stage=Stage.PRIMARY, org_kind=OrgKind.COMMITTEE,
                group_name="城郊片", position=50 + place,
            )  # fmt: skip
        actions.open_quarter(world.ada.scope, QUARTER, NOW)


# ---- who comes in --------------------------------------------------------------------------------------------------

LOOK, JUDGE, MANAGE = {"rita", "ada", "vera", "zoe"}, {"rita", "ada", "zoe"}, {"ada", "zoe"}


@pytest.mark.parametrize(
    ("method", "path", "admitted"),
    [
        ("GET", PROGRESS, LOOK),
        ("GET", f"{PROGRESS}.csv", LOOK),
        ("GET", f"{PROGRESS}.xlsx", LOOK),
        ("POST", f"{PROGRESS}/remind", JUDGE),
        ("GET", QUEUE, LOOK),
        ("GET", "{item}", LOOK),
        ("POST", "{item}", JUDGE),
        ("POST", "{item}/reopen", MANAGE),
    ],
)
def test_each_role_and_every_outsider(app: Flask, world: World, method: str, path: str, admitted: set[str]) -> None:
    about_school = "{item}" in path
    path = path.format(item=item(world.school))
    for who in world.people:
        login = who.person.login.split(".")[-1]
        answer = Browser(app, who)._ask(method, path)
        if login == "zoe" and about_school:
            assert answer.status_code == 404, "a stranger finds nothing"
        else:
            assert (answer.status_code != 403) is (login in admitted), login
        assert answer.status_code < 500
    assert app.test_client().open(path, method=method).status_code == 302
    assert sheet_of(world).report.version == 0


def test_a_foreign_school_is_answered_like_none(app: Flask, world: World) -> None:
    zoe = Browser(app, world.zoe)
    foreign, nowhere = zoe.get(item(world.school)), zoe.get(item(world.district))
    assert foreign.status_code == nowhere.status_code == 404
    assert foreign.text.replace(str(world.school), "") == nowhere.text.replace(str(world.district), "")


def test_districts_lists_hold_their_own_schools_only(app: Flask, world: World) -> None:
    send(world, world.alice, world.bob)
    for path in (PROGRESS, f"{PROGRESS}.csv", QUEUE):
        assert "第一小学" in Browser(app, world.ada).get(path).text
        assert "第一小学" not in Browser(app, world.zoe).get(path).text


# ---- progress ------------------------------------------------------------------------------------------------------


def test_progress_groups_by_state_and_marks_the_late(app: Flask, world: World) -> None:
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school)
    page = Browser(app, world.ada, LATE).get(PROGRESS)
    assert "填报中 · 1 所" in page.text and "未开始 · 1 所" in page.text
    assert page.text.count("! 逾期") == 2 and "36/36" in page.text and "0/36" in page.text
    assert read(page).headings == 1 and " style=" not in page.text


FILTERS = [
    ("", {"第一小学", "第二中学", "曾子学校", "单县路小学"}),
    ("?state=filling", {"第一小学"}),
    ("?state=not_started", {"第二中学", "曾子学校", "单县路小学"}),
    ("?state=sent", set()),
    ("?state=unsent&stage=junior", {"第二中学"}),
    ("?kind=committee", {"曾子学校", "单县路小学"}),
    ("?group=城郊片", {"曾子学校", "单县路小学"}),
    ("?q=第二", {"第二中学"}),
    ("?q=zengzi", {"曾子学校"}),
    ("?q=ZZXX", {"曾子学校"}),
    ("?q=shanxian", {"单县路小学"}),
    ("?q=sxlxx", {"单县路小学"}),
    ("?q=1234567802", {"第二中学"}),
    ("?q=%25", set()),
    ("?q=%00", {"第一小学", "第二中学", "曾子学校", "单县路小学"}),
    ("?state=nonsense&stage=nonsense&kind=nonsense", {"第一小学", "第二中学", "曾子学校", "单县路小学"}),
    ("?group=nonsense", set()),
]


@pytest.mark.parametrize(("query", "names"), FILTERS)
def test_filters_stand_in_the_address_and_the_export_holds_the_same(
    app: Flask, world: World, query: str, names: set[str]
) -> None:
    more_schools(world, "曾子学校", "单县路小学")
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school)
    ada = Browser(app, world.ada)
    page, file = ada.get(PROGRESS + query), ada.get(f"{PROGRESS}.csv{query}")
    everyone = {"第一小学", "第二中学", "曾子学校", "单县路小学"}
    assert {name for name in everyone if f">{name}</a>" in page.text} == names
    rows = list(csv.DictReader(StringIO(file.data.decode("utf-8-sig"))))
    assert {row["学校"] for row in rows} == names
    if not names:
        assert "清除筛选" in page.text


def test_phones_are_whole_to_callers_masked_to_lookers_and_seeing_is_noted(app: Flask, world: World) -> None:
    with transaction(world.ada.scope):
        change = sa.update(Account).where(Account.id == world.alice.person.id).values(phone="13812345678")
        session().execute(change.execution_options(scope=world.ada.scope))
    for who, whole in ((world.ada, True), (world.rita, True), (world.vera, False)):
        for path in (PROGRESS, f"{PROGRESS}.csv"):
            text = Browser(app, who).get(path).text
            assert ("13812345678" in text) is whole and ("138****5678" in text) is not whole
    with transaction(world.ada.scope):
        seen = sa.select(AuditEvent.account_id).where(AuditEvent.action == "see")
        noted = set(session().scalars(world.ada.scope.over(seen, AuditEvent)))
    assert noted == {world.ada.person.id, world.rita.person.id}


def test_exports_neutralise_formulas_and_keep_numbers(app: Flask, world: World) -> None:
    names = ("=1+1", "+甲", "-乙", "@丙", "＝丁", "＋戊", "－己", "＠庚")
    more_schools(world, *(f"校{place}" for place in range(len(names))))
    with transaction(world.ada.scope):
        for place, name in enumerate(names):
            change = sa.update(School).where(School.code == f"55555555{place:02d}").values(name=name)
            session().execute(change.execution_options(scope=world.ada.scope))
    ada = Browser(app, world.ada)
    text = ada.get(f"{PROGRESS}.csv")
    assert text.data.startswith(b"\xef\xbb\xbf")
    assert "filename*=UTF-8''2026" in text.headers["Content-Disposition"]
    rows = list(csv.reader(StringIO(text.data.decode("utf-8-sig"))))
    assert {f"'{name}" for name in names} <= {row[1] for row in rows}
    with ZipFile(BytesIO(ada.get(f"{PROGRESS}.xlsx").data)) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
        strings = book.read("xl/sharedStrings.xml").decode()
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    assert not list(sheet.iter(f"{space}f"))
    assert all(f"'{name}" in strings for name in names)
    counts = [cell for cell in sheet.iter(f"{space}c") if cell.get("r", "").startswith("I") and cell.get("r") != "I3"]
    assert counts and all(cell.get("t") != "s" for cell in counts)


@pytest.mark.parametrize("cell", [3, -3, 0, None, "甲", "", "3", "a=b"])
def test_harmless_leaves_these_alone(cell: str | int | None) -> None:
    assert harmless(cell) == cell


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", " =1", "　＝1", "\t=1", "\r=1", "\n=1"])
def test_harmless_disarms_these(cell: str) -> None:
    assert str(harmless(cell)).startswith("'")


def mails(world: World) -> list[tuple[str, object, str]]:
    with transaction(world.ada.scope):
        owed = world.ada.scope.select(Mail).where(Mail.rule == Rule.REMINDER)
        return [(mail.address, mail.facts["school"], mail.cause) for mail in session().scalars(owed)]


def test_reminding_owes_each_person_one_mail_a_day(app: Flask, world: World) -> None:
    send(world, world.carol, world.dave)
    rita = Browser(app, world.rita)
    chosen = {"school": [str(world.school), str(world.second_school)]}
    assert rita.post(f"{PROGRESS}/remind", chosen).status_code == 302
    assert sorted(mails(world)) == [
        ("alice@xq.example", "第一小学", "manual-2026-07-05"),
        ("bob@xq.example", "第一小学", "manual-2026-07-05"),
    ]
    assert "今天已催过" in rita.get(rita.post(f"{PROGRESS}/remind?state=late", chosen).location).text
    assert len(mails(world)) == 2
    rita.later(NOW + timedelta(days=1)).post(f"{PROGRESS}/remind", chosen)
    assert len(mails(world)) == 4


def test_reminding_a_foreign_school_or_nobody_owes_nothing(app: Flask, world: World) -> None:
    rita = Browser(app, world.rita)
    both = {"school": [str(world.school), str(world.other_school)]}
    assert rita.post(f"{PROGRESS}/remind", both).status_code == 404
    assert rita.post(f"{PROGRESS}/remind", {"school": "x"}).status_code == 404
    assert rita.post(f"{PROGRESS}/remind").status_code == 302
    assert mails(world) == []


# ---- the queue -----------------------------------------------------------------------------------------------------


def test_queue_has_the_longest_waiting_first_and_closes_ones_own_school(app: Flask, world: World) -> None:
    assert "没有等待审核的报表" in Browser(app, world.rita).get(QUEUE).text
    send(world, world.carol, world.dave, NOW)
    send(world, world.alice, world.bob, NOW + timedelta(days=1))
    rita = Browser(app, world.rita, NOW + timedelta(days=3))
    page = rita.get(QUEUE)
    assert page.text.index("第二中学") < page.text.index("第一小学")
    assert "最早的已等 3 天" in page.text and "本人所在学校" in page.text
    assert item(world.school) in read(page).links and item(world.second_school) not in read(page).links
    assert item(world.second_school) in read(Browser(app, world.ada, rita.at).get(QUEUE)).links


# ---- judging -------------------------------------------------------------------------------------------------------


def test_item_shows_what_a_reviewer_needs(app: Flask, world: World) -> None:
    send(world, world.alice, world.bob, party_meeting_count=Entry(na_reason="暑期停课"))
    page = Browser(app, world.rita).get(item(world.school))
    for said in ("不适用：暑期停课", "艾丽思", "待书记审核 → 待工委审核", "鲍书记", "通过", "退回勾选的项"):
        assert said in page.text, said
    assert read(page).headings == 1 and " style=" not in page.text
    assert len(read(page).ids) == len(set(read(page).ids))


@pytest.mark.parametrize("who", ["vera", "rita"])
def test_lookers_and_people_of_the_school_only_look(app: Flask, world: World, who: str) -> None:
    send(world, world.carol, world.dave)
    someone: Someone = getattr(world, who)
    page = Browser(app, someone).get(item(world.second_school))
    assert page.status_code == 200 and "查看" in page.text
    assert not [form for form in read(page).forms if "/review/" in form.action]
    if who == "rita":
        assert "回避" in page.text
        answer = Browser(app, someone).post(item(world.second_school), {"verdict": "accept", "version": "3"})
        assert answer.status_code == 409 and "回避" in answer.text
    assert sheet_of(world, world.second_school).report.state is State.AWAITING_REVIEW


TICKED = [
    ({"verdict": "return", "return": "party_meeting_count"}, 422, "请写明退回原因"),
    (
        {"verdict": "return", "return": "party_meeting_count", "reason.party_meeting_count": "长" * 2000},
        422,
        "500 字以内",
    ),
    ({"verdict": "return", "return": "party_meeting_count", "reason.party_meeting_count": "a\0b"}, 422, "控制字符"),
    ({"verdict": "return"}, 409, "至少勾选一项"),
    ({"verdict": "return", "reason.party_meeting_count": "缺纪要"}, 422, "没有勾选"),
    ({"verdict": "accept", "reason.party_meeting_count": "缺纪要"}, 422, "没有勾选"),
    ({"verdict": "accept", "return": "party_meeting_count", "reason.party_meeting_count": "缺"}, 409, "不能整份通过"),
    ({"verdict": "return", "return": "no_such", "reason.no_such": "缺"}, 404, ""),
    ({"verdict": "accept", "reason.no_such": "缺"}, 404, ""),
    ({"verdict": "nonsense"}, 400, ""),
    ({"verdict": "accept", "version": "x"}, 400, ""),
    ({"verdict": "accept", "version": "1"}, 409, "刚刚被他人改动"),
]


@pytest.mark.parametrize(("fields", "status", "said"), TICKED)
def test_verdicts_that_cannot_stand_keep_everything_typed(
    app: Flask, world: World, fields: dict[str, str], status: int, said: str
) -> None:
    send(world, world.alice, world.bob)
    before, rita, here = sheet_of(world), Browser(app, world.rita), item(world.school)
    answer = rita.send(rita.get(here), here, **fields)
    assert answer.status_code == status and said in answer.text
    assert sheet_of(world) == before
    if status in (409, 422):
        kept = form_in(answer, here).fields
        for name, text in fields.items():
            if name.startswith("reason.") and "\0" not in text:
                assert kept[name] == [text]
        if "return" in fields:
            assert kept["return"] == [fields["return"]]


def test_returning_accepts_the_rest_and_tells_the_school(app: Flask, world: World) -> None:
    send(world, world.alice, world.bob)
    rita, here = Browser(app, world.rita), item(world.school)
    marks = {"return": ["party_meeting_count", "admin_meeting_count"], "reason.party_meeting_count": "缺纪要"}
    answer = rita.send(rita.get(here), here, verdict="return", **marks, **{"reason.admin_meeting_count": "次数不符"})
    assert answer.status_code == 302
    found = sheet_of(world)
    assert {code: review.reason for code, review in found.returned.items()} == {
        "party_meeting_count": "缺纪要",
        "admin_meeting_count": "次数不符",
    }
    page = rita.get(here)
    assert "缺纪要" in page.text and "李审核已认可" in page.text
    with transaction(world.ada.scope):
        owed = world.ada.scope.select(Mail).where(Mail.rule == Rule.RETURNED)
        assert {mail.address for mail in session().scalars(owed)} == {"alice@xq.example", "bob@xq.example"}


def test_what_was_mended_is_marked_and_stale_pages_accept_nothing(app: Flask, world: World) -> None:
    send(world, world.alice, world.bob)
    rita, here = Browser(app, world.rita), item(world.school)
    stale = rita.get(here)
    with transaction(world.ada.scope):
        actions.return_items(world.ada.scope, world.school, QUARTER, {"party_meeting_count": "缺纪要"}, NOW)
    later = NOW + timedelta(hours=1)
    send(
        world,
        world.alice,
        world.bob,
        later,
        party_meeting_count=Entry(Decimal(2)),
        admin_meeting_count=Entry(Decimal(1)),
    )
    rita = rita.later(later)
    answer = rita.send(stale, here, verdict="accept")
    assert answer.status_code == 409 and sheet_of(world).report.state is State.AWAITING_REVIEW
    assert answer.text.count("✎ 已修改") == 2
    assert rita.send(answer, here, verdict="accept").status_code == 302
    found = sheet_of(world)
    assert (found.report.state, found.report.accepted_by) == (State.ACCEPTED, world.rita.person.id)


def test_reopening_needs_an_admin_and_a_reason(app: Flask, world: World) -> None:
    send(world, world.alice, world.bob)
    with transaction(world.rita.scope):
        actions.accept(world.rita.scope, world.school, QUARTER, NOW)
    here, ada = item(world.school), Browser(app, world.ada)
    assert "重新打开" not in Browser(app, world.rita).get(here).text
    for reason in ("", " ", "长" * 2000, "a\0b"):
        assert ada.send(ada.get(here), "reopen", reason=reason).status_code == 422
        assert sheet_of(world).report.state is State.ACCEPTED
    assert ada.send(ada.get(here), "reopen", reason="学校申请更正").status_code == 302
    assert sheet_of(world).report.state is State.RETURNED
    assert "学校申请更正" in Browser(app, world.alice).get("/2026q2/report").text
    assert ada.post(f"{here}/reopen", {"reason": "再来"}).status_code == 422


def test_pages_are_light(app: Flask, world: World) -> None:
    send(world, world.alice, world.bob)
    for path in (PROGRESS, QUEUE, item(world.school)):
        answer = Browser(app, world.ada).client.get(path, headers={"Accept-Encoding": "gzip"})
        assert len(answer.data) < 40_000, path
