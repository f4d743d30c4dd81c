"""A person at a browser: signs in at a moment, opens pages, fills forms as they stand in the page, and sends them."""

from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

from flask import Flask, g
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tenants.db import transaction
from tenants.schools import sessions
from tests.world import NOW, Someone


@dataclass
class Form:
    """One form of a page: where it goes, and its fields as a browser would send them."""

    action: str = ""
    method: str = "get"
    fields: dict[str, list[str]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.inside: Form | None = None
        self.area: str | None = None
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.links.append(given.get("href", ""))
        self.headings += tag == "h1"
        if tag == "form":
            self.inside = Form(given.get("action", ""), given.get("method", "get"))
            self.forms.append(self.inside)
        elif self.inside is not None:
            self._field(tag, given)

    def _field(self, tag: str, given: dict[str, str]) -> None:
        assert self.inside is not None
        name, kind = given.get("name", ""), given.get("type", "text")
        if tag == "button" and name:
            self.inside.buttons.append((name, given.get("value", "")))
        elif tag == "textarea" and name:
            self.area = name
            self.inside.fields[name] = [""]
        elif tag == "input" and kind == "file":
            self.inside.files.append(name)
        elif tag == "input" and name and (kind not in ("checkbox", "radio") or "checked" in given):
            self.inside.fields.setdefault(name, []).append(given.get("value", "on"))

    def handle_data(self, data: str) -> None:
        if self.area and self.inside:
            self.inside.fields[self.area][0] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = None
        elif tag == "textarea":
            self.area = None


def read(answer: TestResponse) -> _Reader:
    reader = _Reader()
    reader.feed(answer.text)
    return reader


def form_in(answer: TestResponse, action: str) -> Form:
    """The form of a page whose action contains `action`."""
    return next(form for form in read(answer).forms if action in form.action and form.method == "post")


@dataclass
class Browser:
    """One person's browser; the application's clock follows `at`."""

    app: Flask
    someone: Someone
    at: datetime = NOW
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()
        self.sign_in()

    def sign_in(self) -> None:
        with transaction(self.someone.scope):
            token = sessions.open_session(self.someone.person, self.someone.post, "127.0.0.1", self.at)
        with self.client.session_transaction() as cookie:
            cookie.clear()
            cookie["_user_id"] = token
            cookie["_fresh"] = True

    def later(self, at: datetime) -> "Browser":
        return Browser(self.app, self.someone, at)

    def _ask(self, method: str, path: str, **more: Any) -> TestResponse:
        for name in list(g):  # the test's application context outlives a request; a server's does not
            g.pop(name)
        self.app.config["CLOCK"] = lambda: self.at
        try:
            answer = self.client.open(path, method=method, buffered=True, **more)
            answer.request.environ["wsgi.input"].close()  # a large upload lies in a file
            return answer
        finally:
            self.app.config["CLOCK"] = lambda: NOW

    def get(self, path: str) -> TestResponse:
        return self._ask("GET", path)

    def post(self, path: str, data: dict[str, Any] | None = None, **more: Any) -> TestResponse:
        return self._ask("POST", path, data=data or {}, **more)

    def send(self, page: TestResponse, action: str, **changes: Any) -> TestResponse:
        """Send the form of `page` as it stands, with changes; a value of None leaves the field out."""
        form = form_in(page, action)
        fields: dict[str, Any] = {**form.fields, **changes}
        return self.post(form.action, {name: value for name, value in fields.items() if value is not None})
