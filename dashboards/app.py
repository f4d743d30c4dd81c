"""The Dash application: mounted beside the pages, under the same shell, and fed only what is checked."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import brotli  # type: ignore[import-untyped]
import dash
from dash import Input, Output, State
from dash.exceptions import DependencyException, InvalidResourceError, PreventUpdate
from flask import Flask, Response, after_this_request, g, request

from dashboards import components, guard, shell
from dashboards.downloads import CSV, XLSX, as_csv, as_xlsx
from dashboards.pages import gaps, ranking
from dashboards.shell import BadAddress, BadInput, Place, View
from tenants.errors import NotFound
from tenants.quarter import Quarter
from tenants.scope import Scope
from tenants.words import Words

CSRF_COOKIE, CSRF_HEADER = "_csrf_token", "X-CSRFToken"
FOR_EVER = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"
BROTLI = 9  # a tenth of a second for the largest file, once in a process
STYLES = (
    "'unsafe-hashes' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' "  # empty
    "'sha256-wkY2X5hecQzbhnFCqvTpwrUJ1f4X8LH5WFjYUzv1wmU='"  # of plotly
)


@dataclass(frozen=True, slots=True)
class Host:
    """What the application around Dash hands in: who asks, the shell, words, headers, the clock."""

    current_scope: Callable[[], Scope]
    page: Callable[..., str]
    speak: Callable[[Words | str], str]
    now: Callable[[], datetime]
    policy: Callable[[str, str], str]
    csrf_token: Callable[[], str]
    secure: bool


class Dashboards(dash.Dash):
    """Dash whose index is our page of the view asked for, made for this request and this person."""

    host: Host

    def index(self, *args: Any, **values: Any) -> str:
        """The view asked for; without Dash where there is nothing to draw yet."""
        place = shell.place(request.path.removeprefix(self.config.url_base_pathname), request.query_string.decode())
        g.quarter, g.view = place.quarter, _values(self.host, place)
        g.template = TEMPLATES[place.view]
        after_this_request(self._dress)
        if not g.view["view"].published:
            return self.host.page(g.template, dash=None, **g.view)
        return str(super().index(*args, **values))  # type: ignore[no-untyped-call]

    def interpolate_index(self, *_args: Any, **parts: Any) -> str:
        return self.host.page(g.template, dash=parts, **g.view)

    def _dress(self, response: Response) -> Response:
        """The policy that lets this page's own scripts run, and the token that its callbacks must send back."""
        response.headers["Content-Security-Policy"] = self.host.policy(" ".join(self.csp_hashes()), STYLES)
        response.set_cookie(CSRF_COOKIE, self.host.csrf_token(), samesite="Lax", secure=self.host.secure, path="/")
        return response

    def _config(self) -> dict[str, Any]:
        """Dash's settings for the browser, without the versions of what runs here."""
        hidden = {"python_version": "", "dash_version_url": ""}
        return {**super()._config(), **hidden}  # type: ignore[no-untyped-call]


TEMPLATES = {View.RANKING: ranking.TEMPLATE, View.GAPS: gaps.TEMPLATE}


def _values(host: Host, place: Place) -> dict[str, Any]:
    scope = host.current_scope()
    if place.view is View.RANKING:
        return ranking.values(scope, ranking.load(scope, place))
    return gaps.values(scope, gaps.load(scope, place))


def render(scope: Scope, place: Place, speak: Callable[[Words | str], str]) -> list[Any]:
    """The charts of a place, as `scope` may see it."""
    return {View.RANKING: ranking.chart, View.GAPS: gaps.chart}[place.view](scope, place, speak)


OPTIONS: dict[str, Any] = {
    "suppress_callback_exceptions": True,  # else the first visitor's layout would be checked, and kept
    "use_pages": False,
    "pages_folder": "",
    "enable_mcp": False,
    "serve_locally": True,
    "include_assets_files": False,
    "compress": False,
    "add_log_handler": False,
    "update_title": None,
    "title": "",
    "csrf_token_name": CSRF_COOKIE,
    "csrf_header_name": CSRF_HEADER,
}


def mount(server: Flask, prefix: str, host: Host) -> None:
    """Put the dashboards under `prefix` of `server`; everything of the outside comes in `host`."""
    app = Dashboards(__name__, **OPTIONS | {"server": server}, url_base_pathname=prefix)
    app.host = host
    app.layout = components.containers
    _register(app, host, prefix)
    _download(server, prefix, host)
    _protect(server, app, prefix)
    _warm_up(server, app)


def _register(app: Dashboards, host: Host, prefix: str) -> None:
    @app.callback(Output("charts", "children"), Input("place", "pathname"), Input("place", "search"))
    def draw(pathname: object, search: object) -> list[Any]:
        return render(host.current_scope(), _place(prefix, pathname, search), host.speak)

    @app.callback(
        Output("go", "href"),
        Input(components.BARS, "clickData"), State("place", "pathname"), State("place", "search"),
        prevent_initial_call=True,
    )  # fmt: skip
    def follow(clicked: object, pathname: object, search: object) -> str:
        if clicked is None:
            raise PreventUpdate
        return target(host.current_scope(), _place(prefix, pathname, search), shell.clicked_key(clicked))


def _place(prefix: str, pathname: object, search: object) -> Place:
    """The place that the browser's address says; PreventUpdate where there is no view of ours."""
    if not isinstance(pathname, str):
        raise BadInput
    try:
        return shell.place(pathname.removeprefix(prefix), search)
    except BadAddress as error:
        raise BadInput from error
    except NotFound as error:
        raise PreventUpdate from error


def target(scope: Scope, place: Place, key: str) -> str:
    """Where a click on a bar leads; NoSuchBar for what is not in the caller's chart."""
    return {View.RANKING: ranking.target, View.GAPS: gaps.target}[place.view](scope, place, key)


def _download(server: Flask, prefix: str, host: Host) -> None:
    """The tables as files, filtered as the page is."""

    def download(quarter: Quarter, view: str, kind: str) -> Response:
        place = shell.place(f"{quarter.slug}/{view}", request.query_string.decode())
        table = {View.RANKING: ranking.download, View.GAPS: gaps.download}[place.view](
            host.current_scope(), place, host.speak
        )
        body = as_csv(table) if kind == "csv" else as_xlsx(table, host.now())
        response = Response(body, mimetype=CSV if kind == "csv" else XLSX)
        response.headers["Content-Disposition"] = f'attachment; filename="{view}-{quarter.slug}.{kind}"'
        return response

    rule = f"{prefix}<quarter:quarter>/<any(ranking, gaps):view>.<any(xlsx, csv):kind>"
    server.add_url_rule(rule, f"{prefix}download", download)


def _protect(server: Flask, app: Dashboards, prefix: str) -> None:
    """What is malformed is refused before Dash reads it, and nothing that Dash says of itself reaches a browser."""
    endpoint = f"{prefix}_dash-update-component"

    def check() -> None:
        if request.endpoint == endpoint:
            guard.check_origin(request)
            guard.check_body(request, app.callback_map)

    def keep(response: Response) -> Response:
        return _stored(response, prefix) if request.path.startswith(prefix) else response

    server.before_request(check)
    server.after_request(keep)
    server.register_error_handler(guard.BadBody, lambda _error: ("", 400))
    server.register_error_handler(shell.BadInput, lambda error: ("", error.status))
    for kind in (DependencyException, InvalidResourceError):
        server.register_error_handler(kind, lambda _error: ("", 404))


def _stored(response: Response, prefix: str) -> Response:
    """Dash's scripts: kept by the browser, for ever where the address changes with the content; packed once."""
    if response.status_code not in (200, 304) or not request.path.startswith(
        (f"{prefix}_dash-component-suites/", f"{prefix}assets/")
    ):
        return response
    stamped = "m" in request.args or ".v4_" in request.path or ".v" in request.path.rsplit("/", 1)[-1]
    response.headers["Cache-Control"] = FOR_EVER if stamped else ASK_AGAIN
    if request.accept_encodings["br"] and response.status_code == 200:
        response.direct_passthrough = False
        source = response.response
        response.set_data(_packed(request.full_path, response.get_data()))
        getattr(source, "close", bool)()  # of a file
        response.headers["Content-Encoding"] = "br"
    return response


_PACKED: dict[str, tuple[int, bytes]] = {}
"""Brotli of Dash's scripts by address, with the length they had: a handful of files, half a megabyte."""


def _packed(address: str, data: bytes) -> bytes:
    known = _PACKED.get(address)
    if known is None or known[0] != len(data):
        known = (len(data), brotli.compress(data, quality=BROTLI))
        _PACKED[address] = known
    return known[1]


def _warm_up(server: Flask, app: Dashboards) -> None:
    """Do what Dash leaves to the first request, so that parallel first requests find it done."""
    with server.test_request_context():
        app._setup_server()  # type: ignore[no-untyped-call]
        app._generate_scripts_html()
        app._generate_css_dist_html()  # type: ignore[no-untyped-call]
