"""Coming in: the throttle, no probing of names, sessions that end, links that work once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tenants.db import session, transaction
from tenants.schools import actions, queries, sessions
from tenants.schools.models import Account, LoginSession, Purpose
from tenants.scope import Role, Scope
from tests.web.people import WRONG, logged, plain, sign_in, token_in, with_password
from tests.world import NOW, PASSWORD, World
from web.config import Settings

INSTALLATION = Scope(role=Role.OPERATOR)
NEW = "a wholly new sentence"


def at(app: Flask, moment: datetime) -> None:
    app.config["CLOCK"] = lambda: moment


@pytest.fixture(autouse=True)
def clock(template: tuple[Flask, World]) -> Iterator[None]:
    """The clock stands at `NOW` again after each test."""
    yield
    at(template[0], NOW)


def is_in(client: FlaskClient) -> bool:
    return client.get("/account/password").status_code == 200


def test_right_password_lets_in_and_is_logged(client: FlaskClient, world: World) -> None:
    with_password(world.vera)
    answer = sign_in(client, " XQ.Vera ", next="/account/password")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account/password")
    assert is_in(client)
    event = logged(world.ada.scope, "sign_in")[-1]
    assert (event.account_id, event.result) == (world.vera.person.id, "done")


def test_full_width_name_is_the_same_name(client: FlaskClient, world: World) -> None:
    with_password(world.vera)
    assert sign_in(client, "ｘｑ．ｖｅｒａ").status_code == 302


def test_known_and_unknown_names_are_answered_alike(client: FlaskClient, world: World) -> None:
    with_password(world.vera)
    answers = [sign_in(client, login, WRONG) for login in ("xq.vera", "xq.nobd", "xq.alic")]
    assert {answer.status_code for answer in answers} == {422}
    bodies = {
        plain(answer.text).replace(name, "?")
        for answer, name in zip(answers, ("xq.vera", "xq.nobd", "xq.alic"), strict=True)
    }
    assert len(bodies) == 1
    assert "错误：登录" in answers[0].text


def test_failures_are_logged_without_what_was_typed(client: FlaskClient, world: World) -> None:
    with_password(world.vera)
    sign_in(client, "xq.vera", WRONG)
    sign_in(client, "typed-my-password-here", WRONG)
    known = logged(world.ada.scope, "sign_in")[-1]
    assert (known.account_id, known.result) == (world.vera.person.id, "refused")
    stranger = logged(INSTALLATION, "sign_in")[-1]
    assert (stranger.account_id, stranger.result) == (None, "refused")
    for event in (known, stranger):
        told = f"{event.object_id}{event.actor}{event.old}{event.new}"
        assert WRONG not in told and "typed-my-password-here" not in told


def test_five_wrong_guesses_close_the_account_for_fifteen_minutes(
    app: Flask, client: FlaskClient, world: World
) -> None:
    with_password(world.vera)
    assert [sign_in(client, "xq.vera", WRONG).status_code for _ in range(6)] == [422] * 5 + [429]
    answer = sign_in(client, "xq.vera")
    assert answer.status_code == 429
    assert "2026-07-05 10:15" in answer.text
    at(app, NOW + timedelta(minutes=14, seconds=59))
    assert sign_in(client, "xq.vera").status_code == 429
    at(app, NOW + timedelta(minutes=15))
    assert sign_in(client, "xq.vera").status_code == 302


def test_throttle_holds_over_any_span(app: Flask, client: FlaskClient, world: World) -> None:
    """Ten guesses around the turn of a quarter of an hour are not two windows of five."""
    for minute in (0, 13, 14, 14, 14):
        at(app, NOW + timedelta(minutes=minute))
        assert sign_in(client, "xq.vera", WRONG).status_code == 422
    at(app, NOW + timedelta(minutes=15, seconds=1))
    assert [sign_in(client, "xq.vera", WRONG).status_code for _ in range(3)] == [422, 429, 429]


def test_success_forgets_the_counter(client: FlaskClient, world: World) -> None:
    with_password(world.vera)
    for _ in range(3):
        assert [sign_in(client, "xq.vera", WRONG).status_code for _ in range(4)] == [422] * 4
        assert sign_in(client, "xq.vera").status_code == 302


def test_unknown_names_are_throttled_as_known_ones(client: FlaskClient, world: World) -> None:
    assert [sign_in(client, "xq.nobody", WRONG).status_code for _ in range(6)] == [422] * 5 + [429]


def test_one_address_may_be_two_hundred_colleagues_but_not_a_thousand_guesses(
    client: FlaskClient, world: World
) -> None:
    moment = NOW
    with transaction(Scope(role=Role.VIEWER)):
        admitted = [sessions.count_attempt("address x", 300, moment) is None for _ in range(301)]
    assert admitted == [True] * 300 + [False]


def test_of_two_hundred_parallel_guesses_five_are_evaluated(
    own_database: tuple[Flask, World, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _world, _settings = own_database
    evaluated = []
    monkeypatch.setattr(sessions, "matches", lambda _hash, password: bool(evaluated.append(password)))

    def guess(number: int) -> int:
        return int(sign_in(app.test_client(), "xq.vera", f"guess {number}").status_code)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(guess, range(200)))
    assert len(evaluated) == 5
    assert sorted(answers) == [422] * 5 + [429] * 195


def test_copied_cookie_is_dead_after_sign_out(app: Flask, client: FlaskClient, world: World) -> None:
    with_password(world.vera)
    sign_in(client, "xq.vera")
    thief = app.test_client()
    thief.set_cookie("linghang", client.get_cookie("linghang").value)  # type: ignore[union-attr]
    assert is_in(thief)
    assert client.post("/logout").headers["Location"] == "/login"
    assert not is_in(client) and not is_in(thief)
    assert logged(world.ada.scope, "sign_out")


def test_session_idles_out_and_runs_out(app: Flask, client: FlaskClient, world: World) -> None:
    with_password(world.vera)
    sign_in(client, "xq.vera")
    at(app, NOW + sessions.IDLE)
    assert not is_in(client)
    at(app, NOW)
    sign_in(client, "xq.vera")
    moment = NOW
    while moment < NOW + sessions.ABSOLUTE - timedelta(minutes=20):
        moment += timedelta(minutes=20)
        at(app, moment)
        assert is_in(client), moment
    at(app, NOW + sessions.ABSOLUTE)
    assert not is_in(client)


def test_polling_does_not_prolong_a_session(app: Flask, client: FlaskClient, world: World) -> None:
    world.oscar.sign_in(client)
    for minutes in (10, 20, 29):
        at(app, NOW + timedelta(minutes=minutes))
        assert client.get("/ops/progress").status_code == 200
    at(app, NOW + timedelta(minutes=31))
    assert client.get("/ops/progress").status_code == 302


def test_session_id_changes_at_sign_in_and_at_change_of_post(app: Flask, client: FlaskClient, world: World) -> None:
    with_password(world.alice)
    with transaction(world.ada.scope):
        actions.add_post(world.ada.scope, world.alice.person.id, Role.SECRETARY, school_id=world.second_school)
    tokens = []
    for _ in range(2):
        sign_in(client, "xq.alice")
        tokens.append(_token(client))
    page = client.get("/account/password").text
    assert "第一小学" in page and "第二中学" in page
    assert client.post("/account/post", data={"post": "1"}).status_code == 302
    tokens.append(_token(client))
    assert len(set(tokens)) == 3
    assert "第二中学" in client.get("/account/password").text
    with transaction(world.ada.scope):
        alive = session().scalars(
            sa.select(LoginSession.token_hash).where(
                LoginSession.ended_at.is_(None), LoginSession.account_id == world.alice.person.id
            )
        )
        assert len(list(alive)) == 1
    for nonsense in ("2", "-1", "x", "", "²"):
        assert client.post("/account/post", data={"post": nonsense}).status_code == 404


def _token(client: FlaskClient) -> str:
    with client.session_transaction() as cookie:
        return str(cookie["_user_id"])


def test_planted_cookie_does_not_survive_sign_in(client: FlaskClient, world: World) -> None:
    with_password(world.vera)
    with client.session_transaction() as cookie:
        cookie["planted"] = "by somebody else"
    sign_in(client, "xq.vera")
    with client.session_transaction() as cookie:
        assert "planted" not in cookie


def test_disabled_account_is_out_at_once_and_stays_out(client: FlaskClient, world: World) -> None:
    with_password(world.city_viewer)
    sign_in(client, "chengshi")
    assert is_in(client)
    with transaction(world.oscar.scope):
        actions.disable_account(world.oscar.scope, world.city_viewer.person.id, NOW)
    assert not is_in(client)
    assert sign_in(client, "chengshi").status_code == 422


def test_account_without_post_is_told_so_after_the_right_password_only(client: FlaskClient, world: World) -> None:
    with_password(world.vera)
    with transaction(world.ada.scope):
        actions.end_post(world.ada.scope, world.vera.post.membership_id, NOW, reason="调离")  # type: ignore[arg-type]
    assert "目前没有岗位" in sign_in(client, "xq.vera").text
    assert "目前没有岗位" not in sign_in(client, "xq.vera", WRONG).text


OFF_SITE = (
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "\\evil",
    "javascript:alert(1)",
    "http:evil.example",
    "/logout",
)


@pytest.mark.parametrize("target", OFF_SITE)
def test_no_redirect_leaves_the_site(client: FlaskClient, world: World, target: str) -> None:
    with_password(world.vera)
    answer = sign_in(client, "xq.vera", next=target)
    assert answer.status_code == 400 or answer.headers["Location"] == "/"
    world.vera.sign_in(client)
    assert client.get("/login", query_string={"next": target}).headers["Location"] == "/"
    answer = client.post("/language", data={"locale": "zh", "next": target})
    assert answer.status_code == 400 or answer.headers["Location"] == "/"


def test_changing_the_password_ends_every_session(app: Flask, client: FlaskClient, world: World) -> None:
    with_password(world.vera)
    elsewhere = app.test_client()
    for each in (client, elsewhere):
        sign_in(each, "xq.vera")
    refused = client.post("/account/password", data={"old": WRONG, "password": NEW, "again": NEW})
    assert refused.status_code == 422 and "原密码不对" in refused.text
    refused = client.post("/account/password", data={"old": PASSWORD, "password": NEW, "again": NEW + "x"})
    assert refused.status_code == 422 and "不一致" in refused.text
    assert client.post("/account/password", data={"old": PASSWORD, "password": NEW, "again": NEW}).status_code == 302
    assert not is_in(client) and not is_in(elsewhere)
    assert sign_in(client, "xq.vera").status_code == 422
    assert sign_in(client, "xq.vera", NEW).status_code == 302


@pytest.mark.parametrize("weak", ["short", "1234567890", "aaaaaaaaaaaa", "xq.vera-2026", "x" * 201])
def test_weak_passwords_are_refused(client: FlaskClient, world: World, weak: str) -> None:
    with_password(world.vera)
    sign_in(client, "xq.vera")
    answer = client.post("/account/password", data={"old": PASSWORD, "password": weak, "again": weak})
    assert answer.status_code == 422
    assert 'href="#password"' in answer.text and "错误：" in answer.text


def invitation(world: World, purpose: Purpose = Purpose.INVITE) -> str:
    with transaction(world.ada.scope):
        return actions.invite(world.ada.scope, world.vera.person.id, purpose, NOW)


def test_invitation_works_once_and_looking_uses_nothing_up(client: FlaskClient, world: World) -> None:
    address = f"/invite/{invitation(world)}"
    for _ in range(3):
        assert "魏领导" in client.get(address).text
    refused = client.post(address, data={"password": NEW, "again": "another"})
    assert refused.status_code == 422 and "不一致" in refused.text
    assert client.post(address, data={"password": NEW, "again": NEW}).status_code == 302
    assert sign_in(client, "xq.vera", NEW).status_code == 302
    assert logged(world.ada.scope, "set_password")
    client.post("/logout")
    for answer in (client.get(address), client.post(address, data={"password": NEW, "again": NEW})):
        assert answer.status_code == 404 and "已经用过或已过期" in answer.text


@pytest.mark.parametrize(
    ("purpose", "life"), [(Purpose.INVITE, timedelta(days=7)), (Purpose.RESET, timedelta(minutes=30))]
)
def test_links_expire(app: Flask, client: FlaskClient, world: World, purpose: Purpose, life: timedelta) -> None:
    address = f"/invite/{invitation(world, purpose)}"
    at(app, NOW + life - timedelta(seconds=1))
    assert client.get(address).status_code == 200
    at(app, NOW + life)
    for answer in (client.get(address), client.post(address, data={"password": NEW, "again": NEW})):
        assert answer.status_code == 404 and "已过期" in answer.text


def test_newer_link_kills_the_older(client: FlaskClient, world: World) -> None:
    older, newer = invitation(world), invitation(world)
    assert client.get(f"/invite/{older}").status_code == 404
    assert client.get(f"/invite/{newer}").status_code == 200


def test_reset_lets_a_locked_out_person_in(client: FlaskClient, world: World) -> None:
    with_password(world.vera)
    for _ in range(6):
        sign_in(client, "xq.vera", WRONG)
    client.post(f"/invite/{invitation(world, Purpose.RESET)}", data={"password": NEW, "again": NEW})
    assert sign_in(client, "xq.vera", NEW).status_code == 302


def test_made_up_links_and_setup_codes_are_no_invitations(client: FlaskClient, world: World) -> None:
    with transaction(world.oscar.scope):
        code = actions.issue_link(None, Purpose.SETUP, NOW)
    pages = {plain(client.get(f"/invite/{token}").text).replace(token, "?") for token in ("nonsense", "A" * 43)}
    assert len(pages) == 1
    assert client.get(f"/invite/{code}").status_code == 404


def test_links_use_the_configured_name_never_the_host_header(client: FlaskClient, world: World) -> None:
    world.ada.sign_in(client)
    cookie = client.get_cookie("linghang")
    assert cookie
    client.set_cookie("linghang", cookie.value, domain="evil.example")
    page = client.post(f"/manage/people/{world.vera.person.id}/link", headers={"Host": "evil.example"}).text
    assert "evil.example" not in page
    assert "http://127.0.0.1:8000/invite/" in page
    assert client.get("/manage", headers={"Host": "evil.example"}).text.count("evil.example") == 0


def test_setup_is_closed_once_there_is_an_operator(client: FlaskClient, world: World) -> None:
    data = {"code": "x", "account": "root", "name": "根", "password": NEW, "again": NEW}
    assert client.get("/setup").status_code == 404
    assert client.post("/setup", data=data).status_code == 404


def test_setup_makes_the_first_operator_by_the_code_from_the_console(client: FlaskClient, world: World) -> None:
    operator = replace(world.oscar.scope)
    with transaction(operator):
        session().execute(operator.over(sa.update(Account).where(Account.operator).values(operator=False)))
        code = actions.issue_link(None, Purpose.SETUP, NOW)
    assert f'value="{code}"' in client.get(f"/setup?code={code}").text
    data = {"code": "wrong", "account": "root", "name": "根", "password": NEW, "again": NEW}
    refused = client.post("/setup", data=data)
    assert refused.status_code == 422 and 'value="root"' in refused.text and 'href="#code"' in refused.text
    refused = client.post("/setup", data=data | {"code": code, "account": "根"})
    assert refused.status_code == 422 and 'href="#account"' in refused.text
    assert client.post("/setup", data=data | {"code": code}).status_code == 302
    assert client.get("/setup").status_code == 404
    assert client.post("/setup", data=data | {"code": code, "account": "second"}).status_code == 404
    assert sign_in(client, "root", NEW).headers["Location"] == "/"
    with transaction(operator):
        assert queries.has_operator(operator)


def test_language_and_size_are_kept(client: FlaskClient, world: World) -> None:
    world.vera.sign_in(client)
    answer = client.post("/language", data={"locale": "en", "next": "/account/password?x=1"})
    assert answer.headers["Location"] == "/account/password?x=1"
    assert 'lang="en"' in client.get("/account/password").text
    client.post("/font-size", data={"size": "largest", "next": "/"})
    assert 'data-size="largest"' in client.get("/account/password").text
    client.post("/font-size", data={"size": '"><script>', "next": "/"})
    assert 'data-size="largest"' in client.get("/account/password").text


@pytest.fixture
def guarded(app: Flask) -> Iterator[FlaskClient]:
    """A browser of the application as it is in production, where every form is checked."""
    app.config["WTF_CSRF_ENABLED"] = True
    yield app.test_client()
    app.config["WTF_CSRF_ENABLED"] = False


def _csrf(page: str) -> str:
    return page.split('name="csrf_token" value="')[1].split('"')[0]


def test_forms_need_their_token(guarded: FlaskClient, world: World) -> None:
    with_password(world.ada)
    data = {"account": "xq.ada", "password": PASSWORD, "next": "/manage/district"}
    assert guarded.post("/login", data=data).status_code == 400
    before = _csrf(guarded.get("/login").text)
    assert guarded.post("/login", data=data | {"csrf_token": before}).headers["Location"] == "/manage/district"
    district = {"office": "新名称", "contact_name": "", "contact_phone": "", "disclosure": "own"}
    for wrong in ({}, {"csrf_token": before}, {"csrf_token": "x"}):
        refused = guarded.post("/manage/district", data=district | wrong)
        assert refused.status_code == 400 and "返回上一页刷新" in refused.text
    token = _csrf(guarded.get("/manage/district").text)
    assert guarded.post("/manage/district", data=district | {"csrf_token": token}).status_code == 302
    assert "新名称" in guarded.get("/manage/district").text


@pytest.mark.parametrize("data", [{"account": "a\x00b"}, {"account": "\x07"}, {"more": "x"}])
def test_unprintable_repeated_and_unknown_fields_are_refused(
    client: FlaskClient, world: World, data: dict[str, str]
) -> None:
    assert client.post("/login", data={"password": "x", "next": "", "account": "x"} | data).status_code == 400
    assert client.post("/login", data={"account": ["a", "b"], "password": "x", "next": ""}).status_code == 400
    assert client.get("/manage/schools?q=%00").status_code == 302


def test_invitation_page_shows_the_login_name_and_no_menu(client: FlaskClient, world: World) -> None:
    page = client.get(f"/invite/{invitation(world)}").text
    assert "xq.vera" in page and 'class="menu"' not in page
    assert token_in(f"/invite/{invitation(world)}")
