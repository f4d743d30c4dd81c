"""The pages of objections: what each role sees and may send, what an outsider gets, that typed text stays."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tenants.db import transaction
from tenants.follow_up import queries
from tenants.follow_up.models import ObjectionState
from tenants.reporting import queries as reports
from tenants.reporting.workflow import State
from tests.tenants.follow_up.loop import CODE, OTHER_CODE, REASON, answered, in_appeal, raised, reopened
from tests.world import NOW, QUARTER, Someone, World

PAGE = "/2026q2/objections"
ANSWER = "经核对，会议记录真实，同意更正。"


def show(client: FlaskClient, someone: Someone) -> str:
    answer = someone.sign_in(client).get(PAGE)
    assert answer.status_code == 200
    return answer.text


def send(client: FlaskClient, someone: Someone, path: str = "", **form: str) -> tuple[int, str]:
    answer = someone.sign_in(client).post(PAGE + path, data=form)
    return answer.status_code, answer.headers.get("Location") or answer.text


def state(world: World) -> ObjectionState:
    with transaction(world.ada.scope):
        return queries.objections(world.ada.scope, QUARTER)[0].state


def count(world: World) -> int:
    with transaction(world.ada.scope):
        return len(queries.objections(world.ada.scope, QUARTER))


# ---- a school ------------------------------------------------------------------------------------------------------


def test_secretary_objects_and_reads_the_answer(world: World, client: FlaskClient) -> None:
    in_appeal(world)
    before = show(client, world.bob)
    assert before.count("提交申诉") >= 2
    assert "申诉期截至 2026-07-08 23:59" in before
    assert send(client, world.bob, code=CODE, reason=REASON) == (303, PAGE)
    after = show(client, world.bob)
    assert REASON in after
    assert "待答复" in after
    assert after.count("提交申诉") == before.count("提交申诉") - 1
    with transaction(world.ada.scope):
        objection_id = queries.objections(world.ada.scope, QUARTER)[0].id
    answered(world.rita, objection_id, upheld=False)
    told = show(client, world.bob)
    assert "未采纳" in told
    assert "经核对会议记录" in told
    assert "李审核" in told


def test_reporter_sees_but_does_not_object(world: World, client: FlaskClient) -> None:
    in_appeal(world)
    raised(world.bob)
    found = show(client, world.alice)
    assert REASON in found
    assert "申诉由书记提出" in found
    assert "提交申诉" not in found
    assert send(client, world.alice, code=OTHER_CODE, reason=REASON)[0] == 403


@pytest.mark.parametrize(("days", "said"), [(None, "申诉期还没有开始"), (10, "申诉期已于 2026-07-08 23:59 结束")])
def test_outside_the_window_the_page_says_why_not(
    app: Flask, world: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, days: int | None, said: str
) -> None:
    if days is not None:
        in_appeal(world)
        monkeypatch.setitem(app.config, "CLOCK", lambda: NOW + timedelta(days=days, hours=-1))
        monkeypatch.setattr("tests.world.NOW", NOW + timedelta(days=days, hours=-1))
    found = show(client, world.bob)
    assert said in found
    assert "提交申诉" not in found
    status, page = send(client, world.bob, code=CODE, reason=REASON)
    assert status == 409
    assert said in page
    assert REASON in page  # what was typed is not lost


@pytest.mark.parametrize("reason", ["", "太短", "字" * 501])
def test_refused_reason_stays_at_its_item(world: World, client: FlaskClient, reason: str) -> None:
    in_appeal(world)
    status, page = send(client, world.bob, code=CODE, reason=reason)
    assert status == 422
    assert f'id="reason-{CODE}-fault"' in page
    assert f'href="#reason-{CODE}"' in page
    assert page.count('aria-invalid="true"') == 1
    assert f">{reason}</textarea>" in page
    assert '<details class="more" open>' in page
    assert count(world) == 0


def test_second_objection_to_one_item_is_refused_in_words(world: World, client: FlaskClient) -> None:
    in_appeal(world)
    raised(world.bob)
    status, page = send(client, world.bob, code=CODE, reason="另外写的一段理由，也很长。")
    assert status == 409
    assert "在等答复" in page
    assert "另外写的一段理由，也很长。" in page


def test_secretary_withdraws(world: World, client: FlaskClient) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    assert "撤回" in show(client, world.bob)
    assert send(client, world.bob, f"/{objection_id}/withdraw") == (303, PAGE)
    assert state(world) is ObjectionState.WITHDRAWN
    status, page = send(client, world.bob, f"/{objection_id}/withdraw")
    assert status == 409
    assert "不能再办理" in page


def test_typed_text_is_escaped(world: World, client: FlaskClient) -> None:
    in_appeal(world)
    send(client, world.bob, code=CODE, reason="<script>alert(1)</script>这是理由")
    for someone in (world.bob, world.ada):
        assert "<script>alert(1)" not in show(client, someone)
    assert "&lt;script&gt;" in show(client, world.ada)


def test_school_hears_until_when_to_mend(world: World, client: FlaskClient) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    answered(world.rita, objection_id, upheld=True)
    assert "有申诉已采纳" in show(client, world.bob)
    reopened(world, objection_id)
    assert "请在 2026-07-20 00:00 前修改并重新报送" in show(client, world.bob)


# ---- the district --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("verdict", "after"), [("uphold", ObjectionState.UPHELD), ("reject", ObjectionState.REJECTED)])
def test_reviewer_answers(world: World, client: FlaskClient, verdict: str, after: ObjectionState) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    found = show(client, world.rita)
    assert "第一小学" in found
    assert REASON in found
    assert f'id="answer-{objection_id}"' in found
    assert send(client, world.rita, f"/{objection_id}/answer", verdict=verdict, answer=ANSWER) == (303, PAGE)
    assert state(world) is after
    assert ANSWER in show(client, world.rita)


@pytest.mark.parametrize("text", ["", "  ", "字" * 501])
def test_answer_without_text_is_refused_at_its_field(world: World, client: FlaskClient, text: str) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    raised(world.bob, OTHER_CODE)
    status, page = send(client, world.ada, f"/{objection_id}/answer", verdict="reject", answer=text)
    assert status == 422
    assert f'id="answer-{objection_id}-fault"' in page
    assert page.count('aria-invalid="true"') == 1
    if text.strip():
        assert f">{text}</textarea>" in page
    assert state(world) is ObjectionState.OPEN


@pytest.mark.parametrize("form", [{}, {"verdict": "perhaps"}, {"verdict": "uphold", "school": "x"}])
def test_malformed_answer_is_a_bad_request(world: World, client: FlaskClient, form: dict[str, str]) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    assert send(client, world.ada, f"/{objection_id}/answer", answer=ANSWER, **form)[0] == 400


def test_answered_twice_is_refused_and_the_text_kept(world: World, client: FlaskClient) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    answered(world.ada, objection_id, upheld=False)
    status, page = send(client, world.rita, f"/{objection_id}/answer", verdict="uphold", answer=ANSWER)
    assert status == 409
    assert ANSWER in page
    assert state(world) is ObjectionState.REJECTED


def test_own_school_shows_why_it_cannot_be_answered(world: World, client: FlaskClient) -> None:
    in_appeal(world)
    objection_id = raised(world.dave)
    found = show(client, world.rita)
    assert "第二中学" in found
    assert "回避" in found
    assert f'id="answer-{objection_id}"' not in found
    status, page = send(client, world.rita, f"/{objection_id}/answer", verdict="uphold", answer=ANSWER)
    assert status == 403
    assert "回避" in page
    assert f'id="answer-{objection_id}"' in show(client, world.ada)


def test_administrator_opens_what_was_upheld(world: World, client: FlaskClient) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    answered(world.rita, objection_id, upheld=True)
    assert "打开报表由工委管理员办理" in show(client, world.rita)
    assert f"/{objection_id}/reopen" not in show(client, world.rita)
    assert f"/{objection_id}/reopen" in show(client, world.ada)
    assert send(client, world.rita, f"/{objection_id}/reopen")[0] == 403
    assert send(client, world.ada, f"/{objection_id}/reopen") == (303, PAGE)
    with transaction(world.ada.scope):
        assert reports.report(world.ada.scope, world.school, QUARTER).state is State.RETURNED
    assert f"/{objection_id}/reopen" not in show(client, world.ada)
    status, page = send(client, world.ada, f"/{objection_id}/reopen")
    assert status == 409
    assert "已经打开过" in page


@pytest.mark.parametrize("name", ["bob", "ada"])
def test_empty_page_says_why(world: World, client: FlaskClient, name: str) -> None:
    found = show(client, getattr(world, name))
    assert 'class="card empty"' in found


# ---- outsiders -----------------------------------------------------------------------------------------------------

STEPS = ["withdraw", "answer", "reopen"]


@pytest.mark.parametrize("name", ["carol", "dave", "zoe", "yan"])
def test_other_schools_and_districts_see_nothing(world: World, client: FlaskClient, name: str) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    assert REASON not in show(client, getattr(world, name))
    for step in STEPS:
        status, _ = send(client, getattr(world, name), f"/{objection_id}/{step}", verdict="uphold", answer=ANSWER)
        assert status in (403, 404), step
    assert state(world) is ObjectionState.OPEN


def test_stranger_with_the_right_gets_404(world: World, client: FlaskClient) -> None:
    """Not 403: that would tell that there is such an objection."""
    in_appeal(world)
    objection_id = raised(world.bob)
    assert send(client, world.dave, f"/{objection_id}/withdraw")[0] == 404
    for step in ("answer", "reopen"):
        real = send(client, world.zoe, f"/{objection_id}/{step}", verdict="uphold", answer=ANSWER)[0]
        assert real == send(client, world.zoe, f"/{uuid4()}/{step}", verdict="uphold", answer=ANSWER)[0] == 404


@pytest.mark.parametrize("name", ["vera", "city_viewer", "oscar"])
def test_those_who_only_look_are_refused(world: World, client: FlaskClient, name: str) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    someone: Someone = getattr(world, name)
    assert someone.sign_in(client).get(PAGE).status_code == 403
    assert send(client, someone, code=CODE, reason=REASON)[0] == 403
    for step in STEPS:
        assert send(client, someone, f"/{objection_id}/{step}", verdict="uphold", answer=ANSWER)[0] == 403


def test_anonymous_is_asked_to_sign_in(world: World, client: FlaskClient) -> None:
    assert client.get(PAGE).headers["Location"].startswith("/login")
    assert client.post(PAGE, data={"code": CODE, "reason": REASON}).headers["Location"].startswith("/login")
    assert count(world) == 0


def test_objection_is_found_in_its_own_quarter_only(world: World, client: FlaskClient) -> None:
    in_appeal(world)
    objection_id = raised(world.bob)
    elsewhere = f"/2026q1/objections/{objection_id}/withdraw"
    assert world.bob.sign_in(client).post(elsewhere).status_code == 404
    assert state(world) is ObjectionState.OPEN


@pytest.mark.parametrize("code", ["", "no_such_item"])
def test_unknown_item_is_not_found(world: World, client: FlaskClient, code: str) -> None:
    in_appeal(world)
    assert send(client, world.bob, code=code, reason=REASON)[0] == 404


def test_page_is_light_and_needs_no_script(world: World, client: FlaskClient) -> None:
    in_appeal(world)
    for _ in range(3):
        found = show(client, world.bob)
    assert len(found.encode()) < 120_000
    assert "onclick" not in found
    assert isinstance(raised(world.bob), UUID)
