"""The pages of a district's administrator."""

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tenants.db import session, transaction
from tenants.notices.models import Mail, MailState, Rule
from tenants.reporting import queries as reporting
from tenants.schools import queries
from tenants.schools.models import Disclosure
from tests.web.people import logged, sign_in, token_in, with_password
from tests.world import QUARTER, World, scheme_text
from web.views.manage.log import DEEDS

ROOT = Path(__file__).parents[2]
SCHOOL = {
    "code": "9999999999",
    "name": "曾子小学",
    "short_name": "曾小",
    "stage": "primary",
    "org_kind": "branch",
    "group_name": "城北片",
    "position": "7",
}
PERSON = {
    "name": "新人",
    "login": "new",
    "email": "new@xq.example",
    "phone": "138 1234 5678",
    "role": "reporter",
    "own_school_id": "",
}


@pytest.fixture
def ada(client: FlaskClient, world: World) -> FlaskClient:
    return world.ada.sign_in(client)


def test_overview_counts_and_names_what_is_missing(ada: FlaskClient, world: World) -> None:
    page = ada.get("/manage").text
    assert "还没有联系电话" in page and "2026 年第三季度）还没有设定填报日期" in page
    assert "/manage/quarters/2026q3" in page


@pytest.mark.parametrize("text", ["曾子", "曾小", "zengzixiaoxue", "cengzi", "zzxx", "czxx", "Zeng Zi", "9999"])
def test_school_is_found_by_every_reading(ada: FlaskClient, world: World, text: str) -> None:
    assert ada.post("/manage/schools/new", data=SCHOOL).status_code == 302
    page = ada.get("/manage/schools", query_string={"q": text}).text
    assert "曾子小学" in page and "第二中学" not in page


def test_schools_are_filtered_and_say_when_none_is_left(ada: FlaskClient, world: World) -> None:
    page = ada.get("/manage/schools?stage=junior&org_kind=branch&group=城区片").text
    assert "第二中学" in page and "第一小学" not in page
    page = ada.get("/manage/schools?q=没有这所").text
    assert "没有符合条件的学校" in page and "清除筛选" in page
    assert "没有符合条件" in ada.get("/manage/schools?q=%25").text
    assert "第一小学" in ada.get("/manage/schools?stage=nonsense&org_kind=x").text


def test_school_with_wrong_fields_keeps_what_was_typed(ada: FlaskClient, world: World) -> None:
    answer = ada.post("/manage/schools/new", data=SCHOOL | {"code": "12", "position": "-1"})
    assert answer.status_code == 422 and "错误：新增学校" in answer.text
    answer = ada.post("/manage/schools/new", data=SCHOOL | {"code": "12", "name": "长" * 61})
    for piece in ('href="#code"', 'href="#name"', 'value="12"', 'value="曾小"', 'id="code-fault"'):
        assert piece in answer.text, piece
    assert "已经存在" in ada.post("/manage/schools/new", data=SCHOOL | {"code": "1234567801"}).text
    assert ada.post("/manage/schools/new", data=SCHOOL | {"stage": "university"}).status_code == 422


def test_school_is_changed_closed_and_taken_up_again(ada: FlaskClient, world: World) -> None:
    path = f"/manage/schools/{world.school}"
    changed = SCHOOL | {"one_leader": "on", "name": "改名小学"}
    assert ada.post(path, data=changed).status_code == 302
    page = ada.get(path).text
    assert 'value="改名小学"' in page and "checked>书记、校长由一人担任" in page
    assert ada.post(path + "/close", data={"reason": " "}).status_code == 422
    assert ada.post(path + "/close", data={"reason": "并入第二小学"}).status_code == 302
    assert "改名小学" not in ada.get("/manage/schools").text.split("<table")[1]
    assert "改名小学" in ada.get("/manage/schools?state=closed").text
    assert ada.post(path + "/close", data={"reason": "再停"}).status_code == 409
    assert "并入第二小学" in ada.get("/manage/log").text
    assert ada.post(path + "/reopen").status_code == 302
    assert "改名小学" in ada.get("/manage/schools").text


def test_branches_are_added_renamed_and_ended(ada: FlaskClient, world: World) -> None:
    path = f"/manage/schools/{world.school}"
    assert ada.post(path + "/branches", data={"branch_name": "第二党支部", "has_groups": "on"}).status_code == 302
    answer = ada.post(path + "/branches", data={"branch_name": "第二党支部"})
    assert answer.status_code == 422 and "本校已有“第二党支部”" in answer.text and 'href="#branch_name"' in answer.text
    with transaction(world.ada.scope):
        branch = queries.branches(world.ada.scope, [world.school])[world.school][1]
    assert (branch.has_committee, branch.has_groups) == (False, True)
    one = f"{path}/branches/{branch.id}"
    assert ada.post(one, data={"branch_name": "教工党支部", "has_committee": "on"}).status_code == 302
    assert ada.post(one, data={"branch_name": ""}).status_code == 422
    assert "教工党支部" in ada.get(path).text
    assert ada.post(one + "/end", data={"reason": ""}).status_code == 422
    assert ada.post(one + "/end", data={"reason": "合并"}).status_code == 302
    assert "教工党支部" not in ada.get(path).text.split('id="branches"')[1]


def test_person_is_added_with_a_post_and_comes_in_by_the_link(ada: FlaskClient, world: World, app: Flask) -> None:
    answer = ada.post("/manage/people/new", data=PERSON | {"school_id": str(world.school)})
    assert answer.status_code == 200 and "xq.new" in answer.text and "同时会发邮件到 new@xq.example" in answer.text
    token = token_in(answer.text)
    newcomer = app.test_client()
    newcomer.post(f"/invite/{token}", data={"password": "a wholly new sentence", "again": "a wholly new sentence"})
    assert sign_in(newcomer, "xq.new", "a wholly new sentence").status_code == 302
    world.ada.sign_in(ada)
    assert token not in ada.get("/manage/people").text
    with transaction(world.ada.scope):
        mails = session().scalars(world.ada.scope.select(Mail).where(Mail.rule == Rule.INVITATION)).all()
        assert [mail.facts["link"].endswith(token) for mail in mails] == [True]
    assert all(token not in str(event.new) for event in logged(world.ada.scope, "invite"))


def test_person_with_wrong_fields_is_told_each(ada: FlaskClient, world: World) -> None:
    form = PERSON | {"login": "张三", "email": "a@b@c", "phone": "abc", "school_id": ""}
    answer = ada.post("/manage/people/new", data=form)
    assert answer.status_code == 422
    for field in ("login", "email", "phone"):
        assert f'href="#{field}"' in answer.text
    assert 'value="张三"' in answer.text
    answer = ada.post("/manage/people/new", data=PERSON | {"school_id": ""})
    assert answer.status_code == 422 and 'href="#school_id"' in answer.text
    assert (
        "已被使用"
        in ada.post("/manage/people/new", data=PERSON | {"login": "alice", "school_id": str(world.school)}).text
    )
    for address in ("a@b.cn\nBcc: x@y.cn", "a@b.cn,c@d.cn", "<a@b.cn>"):
        answer = ada.post("/manage/people/new", data=PERSON | {"email": address, "school_id": str(world.school)})
        assert answer.status_code in (400, 422), address


def test_people_are_filtered(ada: FlaskClient, world: World) -> None:
    with_password(world.alice)
    table = ada.get(f"/manage/people?role=reporter&school={world.school}").text.split("<table")[1]
    assert "艾丽思" in table and "鲍书记" not in table and "卡罗尔" not in table
    assert "艾丽思" not in ada.get("/manage/people?waiting=on").text
    assert "没有符合条件的人员" in ada.get("/manage/people?q=没有").text
    assert "艾丽思" in ada.get("/manage/people?q=XQ.ALI").text


def test_ending_a_post_signs_out_and_needs_a_reason(ada: FlaskClient, world: World, app: Flask) -> None:
    alice = world.alice.sign_in(app.test_client())
    assert alice.get("/account/password").status_code == 200
    path = f"/manage/people/{world.alice.person.id}/posts/{world.alice.post.membership_id}/end"
    refused = ada.post(path, data={"reason": ""})
    assert refused.status_code == 422 and 'href="#reason"' in refused.text
    assert ada.post(path, data={"reason": "调离"}).status_code == 302
    assert alice.get("/account/password").status_code == 302
    assert ada.post(path, data={"reason": "调离"}).status_code == 404


def test_nobody_ends_their_own_post(ada: FlaskClient, world: World) -> None:
    path = f"/manage/people/{world.ada.person.id}/posts/{world.ada.post.membership_id}/end"
    assert ada.post(path, data={"reason": "误点"}).status_code == 409
    assert "结束岗位</summary>" not in ada.get(f"/manage/people/{world.ada.person.id}").text


def test_sheet_of_invitations_is_for_those_without_password(ada: FlaskClient, world: World) -> None:
    with_password(world.bob)
    chosen = [str(person.person.id) for person in (world.alice, world.bob, world.carol)]
    page = ada.post("/manage/people/invitations", data={"account": chosen}).text
    assert page.count("/invite/") == 2 and "xq.alice" in page and "xq.bob" not in page
    assert ada.post("/manage/people/invitations", data={"account": [str(world.yan.person.id)]}).status_code == 422
    assert ada.post("/manage/people/invitations").status_code == 422


def test_dates_of_a_quarter_are_typed_in_local_time(ada: FlaskClient, world: World) -> None:
    page = ada.get("/manage/quarters/2026q3").text
    assert 'value="2026-09-21T00:00"' in page and 'value="2026-10-10T23:59"' in page
    version = page.split('<option value="')[-1].split('"')[0]
    dates = {
        "opens_at": "2026-09-20T08:00",
        "due_at": "2026-10-10T18:00",
        "late_from": "2026-10-12T00:00",
        "locks_at": "2026-10-20T18:00",
        "scheme": version,
    }
    wrong = ada.post("/manage/quarters/2026q3", data=dates | {"due_at": "2026-13-01T00:00", "locks_at": ""})
    assert wrong.status_code == 422 and 'href="#due_at"' in wrong.text and 'href="#locks_at"' in wrong.text
    assert 'value="2026-09-20T08:00"' in wrong.text
    for nonsense in ("0001-01-01T00:00", "2026-10-10T18:00+05:00", "NaN"):
        assert ada.post("/manage/quarters/2026q3", data=dates | {"due_at": nonsense}).status_code == 422
    assert ada.post("/manage/quarters/2026q3", data=dates | {"due_at": "2026-09-01T00:00"}).status_code == 422
    assert ada.post("/manage/quarters/2026q3", data=dates | {"scheme": str(world.school)}).status_code == 422
    assert ada.post("/manage/quarters/2026q3", data=dates).status_code == 302
    with transaction(world.ada.scope):
        view = reporting.quarter_view(world.ada.scope, QUARTER.next)
    assert view.due_at == datetime(2026, 10, 10, 10, 0, tzinfo=UTC)
    assert "2026-10-10 18:00" in ada.get("/manage/quarters").text


def test_open_quarter_keeps_its_scheme(ada: FlaskClient, world: World) -> None:
    newer = scheme_text().replace("version: 0.1.0", "version: 0.2.0")
    assert ada.post("/manage/scheme", data={"file": (_file(newer), "s.yaml")}).status_code == 302
    page = ada.get("/manage/quarters/2026q2").text
    assert "不能再换" in page and '<select id="scheme"' not in page


def _post_large(client: FlaskClient, path: str) -> str:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="s.yaml"\r\n\r\n'
    body = head + b"x" * 1_100_000 + b"\r\n--b--\r\n"
    return client.post(path, data=body, content_type="multipart/form-data; boundary=b").text


def _file(text: str | bytes):  # type: ignore[no-untyped-def]
    from io import BytesIO

    return BytesIO(text.encode() if isinstance(text, str) else text)


def test_scheme_file_is_published_or_each_fault_named(ada: FlaskClient, world: World) -> None:
    broken = scheme_text().replace("    weight: 4\n", "    weight: 5\n", 1).replace("kind: boolean", "kind: maybe", 1)
    answer = ada.post("/manage/scheme", data={"file": (_file(broken), "s.yaml")})
    assert answer.status_code == 422 and "第 " in answer.text and "maybe" in answer.text
    for content in (b"", b"\xff\xfe\x00", b"a: ["):
        assert ada.post("/manage/scheme", data={"file": (_file(content), "s.yaml")}).status_code == 422
    assert ada.post("/manage/scheme").status_code == 422
    assert "超过 1024 KB" in _post_large(ada, "/manage/scheme")
    other = scheme_text().replace("name_zh: 书记校长配备合规", "name_zh: 改了内容没改版本")
    answer = ada.post("/manage/scheme", data={"file": (_file(other), "s.yaml")})
    assert answer.status_code == 422 and "version" in answer.text
    new = scheme_text().replace("version: 0.1.0", "version: '2026.2'")
    answer = ada.post("/manage/scheme", data={"file": (_file(new), "s.yaml")}, follow_redirects=True)
    assert answer.status_code == 200 and "版本 2026.2" in answer.text and "书记校长配备合规" in answer.text
    assert ada.get("/manage/scheme/default.yaml").headers["Content-Disposition"].startswith("attachment")


def test_district_says_who_it_is_and_what_it_publishes(ada: FlaskClient, world: World) -> None:
    form = {
        "office": "中共西区委教育工委办公室",
        "contact_name": "安老师",
        "contact_phone": "021-1234 5678",
        "disclosure": "tiers",
    }
    assert ada.post("/manage/district", data=form).status_code == 302
    page = ada.get("/manage/district").text
    assert "安老师 021-1234 5678" in page
    with transaction(world.ada.scope):
        assert queries.district(world.ada.scope).disclosure is Disclosure.TIERS
    wrong = ada.post("/manage/district", data=form | {"office": "", "contact_phone": "打给我", "disclosure": "all"})
    assert wrong.status_code == 422
    wrong = ada.post("/manage/district", data=form | {"office": "", "contact_phone": "打给我"})
    assert 'href="#office"' in wrong.text and 'href="#contact_phone"' in wrong.text and "安老师" in wrong.text


def test_failed_mail_is_shown_masked_and_sent_again(ada: FlaskClient, world: World) -> None:
    ada.post("/manage/people/new", data=PERSON | {"school_id": str(world.school)})
    with transaction(world.ada.scope):
        mail = session().scalar(world.ada.scope.select(Mail))
        assert mail is not None
        mail.state, mail.last_error, mail_id = MailState.FAILED, "550 no such user", mail.id
    page = ada.get("/manage/mail?state=failed").text
    assert "550 no such user" in page and "n***@xq.example" in page and "new@xq.example" not in page
    assert ada.post(f"/manage/mail/{mail_id}/resend").status_code == 302
    assert ada.post(f"/manage/mail/{mail_id}/resend").status_code == 409
    assert "没有符合条件的邮件" in ada.get("/manage/mail?state=failed&page=99999999999").text


def test_log_is_read_in_plain_words_page_by_page(ada: FlaskClient, world: World) -> None:
    for number in range(60):
        ada.post(f"/manage/schools/{world.school}/branches", data={"branch_name": f"支部{number}"})
    newest = ada.get("/manage/log").text
    assert "支部59" in newest and "支部3<" not in newest and "新增党支部" in newest
    older = newest.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "支部3<" in ada.get(older).text
    assert "支部59" in ada.get("/manage/log?deed=branch.create&actor=安").text
    assert "没有符合条件的记录" in ada.get("/manage/log?actor=没有这个人").text
    assert ada.get("/manage/log?before=99999999999999999999999").status_code == 200
    assert ada.get("/manage/log?deed=nonsense").status_code == 200


def test_every_deed_that_is_recorded_has_plain_words() -> None:
    recorded = set()
    for path in [*(ROOT / "tenants").rglob("*.py"), *(ROOT / "web").rglob("*.py"), *(ROOT / "jobs").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.record" and len(node.args) > 2:
                action, kind = node.args[1:3]
                if isinstance(action, ast.Constant) and isinstance(kind, ast.Constant):
                    recorded.add((kind.value, action.value))
    assert recorded - set(DEEDS) == set()
    assert len(recorded) > 15


def test_refused_visits_stand_in_the_log(client: FlaskClient, world: World) -> None:
    assert world.alice.sign_in(client).get("/manage/people").status_code == 403
    page = world.ada.sign_in(client).get("/manage/log").text
    assert "越权访问被拒绝" in page and "/manage/people</code>" in page


def test_names_cannot_carry_markup(ada: FlaskClient, world: World) -> None:
    name = '<script>alert("x")</script>'
    ada.post("/manage/schools/new", data=SCHOOL | {"name": name})
    for path in ("/manage/schools", "/manage/log", "/manage/people/new"):
        assert name not in ada.get(path).text
