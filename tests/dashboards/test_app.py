"""Dash stands behind the gate, forgets who came first, and runs nothing that is not its own."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

import web
from dashboards import app as dash_app
from dashboards.guard import CALLBACK_LIMIT
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
)
from tests.world import QUARTER, World
from web.views import DASH_ENDPOINTS

ADDRESSES = (
    "/dash/", RANKING, GAPS, f"{RANKING}.xlsx", f"{GAPS}.csv", "/dash/_dash-layout", "/dash/_dash-dependencies",
    "/dash/_reload-hash", "/dash/_favicon.ico",
    "/dash/_dash-component-suites/dash/dcc/async-graph.js", "/dash/assets/missing.js", "/dash/nowhere",
)  # fmt: skip


def test_every_endpoint_of_dash_is_declared(app: Flask) -> None:
    found = {rule.endpoint for rule in app.url_map.iter_rules() if rule.rule.startswith("/dash/")}
    assert found == set(DASH_ENDPOINTS)


@pytest.mark.parametrize("address", ADDRESSES)
def test_strangers_get_401_everywhere(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code == 401


def test_strangers_run_no_callback(client: FlaskClient) -> None:
    assert client.post(CALLBACK, json=Call().draw()).status_code == 401


def test_strangers_get_401_before_any_check_of_forms(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    try:
        assert client.post(CALLBACK, json=Call().draw()).status_code == 401
    finally:
        app.config["WTF_CSRF_ENABLED"] = False


@pytest.mark.parametrize("address", ADDRESSES)
def test_operators_see_no_results(app: Flask, world: World, address: str) -> None:
    assert browser(app, world.oscar).get(address).status_code == 403


def test_nothing_of_the_first_visitor_reaches_the_next(app: Flask, world: World) -> None:
    """Both districts have published; whoever asks second sees nothing of whoever asked first."""
    first_district(world)
    other_district(world)
    first, second = browser(app, world.ada), browser(app, world.zoe)
    seen = {}
    for client in (first, second, first):
        page = (
            client.get(RANKING).text
            + client.get("/dash/_dash-layout").text
            + client.get("/dash/_dash-dependencies").text
        )
        seen[client] = page + client.post(CALLBACK, json=Call().draw()).text
    assert "第一小学" in seen[first]
    assert OTHERS_CANARY not in seen[first]
    assert OTHERS_CANARY in seen[second]
    assert "第一小学" not in seen[second]
    assert SECOND_CANARY not in seen[second]


def test_layout_is_neutral(app: Flask, world: World) -> None:
    layouts = {browser(app, someone).get("/dash/_dash-layout").text for someone in (world.ada, world.yan, world.alice)}
    assert len(layouts) == 1
    assert not re.search("[\u4e00-\u9fff]", layouts.pop())


def test_policy_of_the_page(app: Flask, world: World) -> None:
    first_district(world)
    answer = browser(app, world.vera).get(RANKING)
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe-eval" not in policy
    assert "'unsafe-inline'" not in policy
    assert policy.count("sha256-") >= 3
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce and f'nonce="{nonce[1]}"' in answer.text
    assert 'lang="zh-CN"' in answer.text
    assert not re.search(r"(src|href)=\"(https?:)?//", answer.text)
    assert "style=" not in answer.text
    assert "Loading..." not in answer.text


def test_versions_of_what_runs_here_are_not_told(app: Flask, world: World) -> None:
    first_district(world)
    page = browser(app, world.vera).get(RANKING).text
    assert '"python_version":""' in page
    assert "GCC" not in page
    assert "dash.plotly.com" not in page


def test_table_stands_in_the_first_html(app: Flask, world: World) -> None:
    first_district(world)
    page = browser(app, world.vera).get(RANKING).text
    before_scripts = page[: page.index("_dash-config")]
    assert before_scripts.index("<tbody>") < before_scripts.index('id="react-entry-point"')
    assert "第一小学" in before_scripts
    assert "第二中学" in before_scripts


def test_callbacks_are_accepted_with_the_token_only(app: Flask, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first_district(world)
    client = browser(app, world.vera)
    app.config["WTF_CSRF_ENABLED"] = True
    try:
        client.get(RANKING)
        cookie = client.get_cookie("_csrf_token")
        assert cookie is not None and cookie.same_site == "Lax"
        assert client.post(CALLBACK, json=Call().draw()).status_code == 400
        assert client.post(CALLBACK, json=Call().draw(), headers={"X-CSRFToken": "x"}).status_code == 400
        assert client.post(CALLBACK, json=Call().draw(), headers={"X-CSRFToken": cookie.value}).status_code == 200
        monkeypatch.setattr(web, "generate_csrf", lambda: "another")
        client.get(GAPS)
        again = client.get_cookie("_csrf_token")
        assert again is not None and again.value == cookie.value  # else every visit would empty the browser's cache
    finally:
        app.config["WTF_CSRF_ENABLED"] = False


FOREIGN = [
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"},
]  # fmt: skip


@pytest.mark.parametrize("headers", FOREIGN)
def test_calls_from_elsewhere_are_refused(app: Flask, world: World, headers: dict[str, str]) -> None:
    assert browser(app, world.vera).post(CALLBACK, json=Call().draw(), headers=headers).status_code == 400


def test_calls_from_this_page_are_taken(app: Flask, world: World) -> None:
    first_district(world)
    here = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert browser(app, world.vera).post(CALLBACK, json=Call().draw(), headers=here).status_code == 200


def test_long_bodies_are_413(app: Flask, world: World) -> None:
    body = b'{"output":"' + b"x" * (CALLBACK_LIMIT + 1) + b'"}'
    answer = browser(app, world.vera).post(CALLBACK, data=body, content_type="application/json")
    assert answer.status_code == 413


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_other_content_types_are_400(app: Flask, world: World, kind: str) -> None:
    assert browser(app, world.vera).post(CALLBACK, data="{}", content_type=kind).status_code == 400


MALFORMED: list[bytes] = [
    b"", b"null", b"[]", b"1", b'"x"', b"{", b"{}", b"[" * 100_000, b'{"output":1}', b'{"output":null}',
    b'{"output":"charts.children"}', b'{"output":"charts.children","inputs":[]}', b"\xff\xfe", b'{"output":{"a":1}}',
    b'{"output":"..a.b...c.d.."}', b'{"output":"_pages_content.children"}', b"NaN",
]  # fmt: skip


@pytest.mark.parametrize("body", MALFORMED)
def test_malformed_bodies_are_400(app: Flask, world: World, body: bytes) -> None:
    assert browser(app, world.vera).post(CALLBACK, data=body, content_type="application/json").status_code == 400


@pytest.mark.parametrize("address", [
    "/dash/_dash-component-suites/x/y.js", "/dash/_dash-component-suites/dash/dash.py",
    "/dash/_dash-component-suites/dash/../../etc/passwd", "/dash/assets/../app.py", "/dash/assets/missing.js",
    "/dash/2026q2/secrets", "/dash/2050q1/ranking", "/dash/", "/dash/x",
])  # fmt: skip
def test_what_is_not_there_is_404(app: Flask, world: World, address: str) -> None:
    answer = browser(app, world.vera).get(address)
    assert answer.status_code == 404
    assert "registered" not in answer.text


def test_scripts_are_packed_and_kept(app: Flask, world: World) -> None:
    client = browser(app, world.vera)
    first_district(world)
    sources = re.findall(r'<script src="(/dash/[^"]+)"', client.get(RANKING).text)
    assert len(sources) >= 8
    for source in sources:
        answer = client.get(source.replace("&amp;", "&"), headers={"Accept-Encoding": "br"})
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable", source
        assert answer.headers["Content-Encoding"] == "br"


def test_a_second_visit_weighs_little(app: Flask, world: World) -> None:
    """Everything packed, plotly as Dash brings it: under 1.7 MB; what a second visit loads again: under 40 KB."""
    first_district(world)
    client, packed = browser(app, world.vera), {"Accept-Encoding": "br"}
    page = client.get(RANKING)
    lazily = [f"/dash/_dash-component-suites/dash/dcc/async-{name}.js" for name in ("graph", "plotlyjs")]
    sources = re.findall(r'src="(/dash/[^"]+)"', page.text)
    cold = sum(len(client.get(source.replace("&amp;", "&"), headers=packed).data) for source in (*sources, *lazily))
    warm = len(client.get(RANKING, headers=packed).data) + len(
        client.post(CALLBACK, json=Call().draw(), headers=packed).data
    )
    assert cold + warm < 1_700_000
    assert warm < 40_000


def test_dash_is_warm_before_the_first_request(app: Flask, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    original: Callable[..., None] = dash_app._warm_up
    monkeypatch.setattr(dash_app, "_warm_up", lambda *given: (done.append("warm"), original(*given))[1])
    from web import create_app

    made = create_app(app.config["SETTINGS"])
    assert done == ["warm"]
    assert made.view_functions["/dash/<path:path>"]


def test_quarter_that_is_not_published_says_how_far_it_is(app: Flask, world: World) -> None:
    answer = browser(app, world.vera).get(RANKING)
    assert answer.status_code == 200
    assert "公布后在这里看结果" in answer.text
    assert "_dash-config" not in answer.text
    assert f"/{QUARTER.slug}/progress" in answer.text
