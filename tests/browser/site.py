"""A served copy of the world, and a person at Chromium who notes whatever a page should not do."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

from tenants.db import db, transaction
from tenants.reporting import actions as reporting
from tenants.reporting.queries import quarter_view
from tenants.schools import actions as schools
from tenants.schools.models import Purpose
from tenants.scope import Role, Scope
from tests.jobs.outbox import Answers, free_port, smtp_server
from tests.world import PASSWORD, QUARTER, Someone, World
from web.cli import environ_for_children
from web.config import Settings
from web.operations import tether

ROOT = Path(__file__).parents[2]
PATIENCE = 90.0
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
NOT_OF_OURS = ".modebar, .plotlyjsicon, [data-title*='Share'], [data-title*='Chart Studio'], .upload-button"
"""What Plotly would add to a chart: its logo, and buttons that send data away."""


@dataclass(frozen=True)
class Site:
    """What is served: its address, the same data by our own hands, and the mails that have arrived."""

    base: str
    app: Flask
    world: World
    post: Answers
    log: Path

    @property
    def crash(self) -> str:
        """Where the processes say that they broke last, if they did."""
        said = self.log.read_text("utf-8")
        return said[said.rindex("Traceback") :][-2000:] if "Traceback" in said else ""

    @property
    def mails(self) -> list[EmailMessage]:
        found = (message_from_bytes(raw, policy=default) for raw in list(self.post.taken))
        return [mail for mail in found if isinstance(mail, EmailMessage)]

    def invitation(self, someone: Someone) -> str:
        """A fresh one-time link with which this person sets a password."""
        with self.app.app_context():
            return f"/invite/{invited(self.world, someone)}"


def around_now(world: World, now: datetime) -> None:
    """The quarter is open today in both districts, whatever day that is."""
    for admin in (world.ada.scope, world.zoe.scope):
        with transaction(admin):
            reporting.set_dates(
                admin, QUARTER, opens_at=now - timedelta(days=20), due_at=now + timedelta(days=25),
                late_from=now + timedelta(days=28), locks_at=now + timedelta(days=35),
                scheme_version_id=quarter_view(admin, QUARTER).scheme_version_id, now=now,
            )  # fmt: skip


def invited(world: World, someone: Someone) -> str:
    admins = {admin.scope.district_id: admin.scope for admin in (world.ada, world.zoe)}
    scope = admins.get(someone.scope.district_id, Scope(role=Role.OPERATOR, actor="install"))
    with transaction(scope):
        return schools.invite(scope, someone.person.id, Purpose.INVITE, datetime.now(UTC))


def give_passwords(world: World, people: tuple[Someone, ...]) -> None:
    """Each of them uses their own invitation; the password is the world's."""
    for someone in people:
        token = invited(world, someone)
        door = Scope(role=Role.VIEWER, account_id=someone.person.id, district_id=someone.scope.district_id)
        with transaction(door):
            schools.use_link(door, token, PASSWORD, datetime.now(UTC))


@contextmanager
def serving(app: Flask, settings: Settings, world: World) -> Iterator[Site]:
    """Real processes on the data of `settings`: web, worker, and a server that collects the mails."""
    post = Answers()
    with smtp_server(post) as smtp_url:
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        told = settings.model_copy(update={"port": port, "public_base_url": base, "smtp_url": smtp_url})
        environ = environ_for_children(told)
        python = (sys.executable, "-m")
        web = (*python, "gunicorn", "--config", "web/gunicorn.conf.py", "web.wsgi:app")
        log = settings.data_dir / "processes.log"
        with process(web, environ, log), process((*python, "web.cli", "jobs", "worker"), environ, log):
            wait_until(lambda: answers(f"{base}/healthz"), f"the web server; it said:\n{log.read_text()}")
            yield Site(base, app, world, post, log)


@contextmanager
def process(argv: tuple[str, ...], environ: dict[str, str], log: Path) -> Iterator[None]:
    """A process that ends with this block, or with us."""
    with log.open("ab") as said, subprocess.Popen(
        [*tether.prefix(signal.SIGTERM), *argv], env=environ, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=said, stderr=said
    ) as running:  # fmt: skip
        try:
            yield
        finally:
            running.terminate()
            try:
                running.wait(30)
            except subprocess.TimeoutExpired:
                running.kill()


def answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def wait_until(true: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Ask until `true()`; the test fails with `what` when our patience ends."""
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, f"waited {patience:.0f} s for {what}"
        time.sleep(0.2)


def release(app: Flask) -> None:
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@dataclass
class Watch:
    """Every request and every word on the console, of all pages of a test."""

    base: str
    faults: list[str] = field(default_factory=list)
    refusals: set[int] = field(default_factory=set)
    """Answers that the test provokes: Chromium writes a refused page on the console as if it were an error."""

    def follow(self, context: BrowserContext) -> None:
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"script: {error.error}"))
        context.on("response", self._response)

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.base}/", "data:", "blob:")):
            self.faults.append(f"request to another host: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.refusals:
            self.faults.append(f"{response.status} {response.request.method} {response.url}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not self._provoked(message.text):
            self.faults.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _provoked(self, text: str) -> bool:
        return text.startswith("Failed to load resource") and any(
            f"status of {code} " in text for code in self.refusals
        )


class Visitor:
    """One person at one window."""

    def __init__(self, site: Site, page: Page, watch: Watch) -> None:
        self.site, self.page, self.watch = site, page, watch

    def open(self, path: str) -> str:
        """Go to a page; its HTML as the server sent it."""
        answer = self.page.goto(self.site.base + path)
        assert answer is not None
        return answer.text()

    def sign_in(self, someone: Someone | str, path: str = "/") -> "Visitor":
        """By the form, on the way to `path`; whom the world does not know comes by sign-in name."""
        self.open(path)
        self.page.fill("#account", someone if isinstance(someone, str) else someone.person.login)
        self.page.fill("#password", PASSWORD)
        self.page.click("main form button")
        self.page.locator(".me summary").wait_for()
        return self

    def speak(self, locale: str) -> None:
        """Choose the language, if it is not the page's already."""
        if not str(self.page.locator("html").get_attribute("lang")).startswith(locale):
            if self.page.locator(".me").count():
                self.page.locator(".me summary").click()
            self.page.locator(f"button[name=locale][value={locale}]").click()
            self.page.locator(f"html[lang^={locale}]").wait_for()

    def menu(self, name: str) -> None:
        self.page.locator("nav.menu").get_by_role("link", name=name, exact=True).click()
        self.page.locator("nav.menu a[aria-current]", has_text=name).wait_for()

    def press(self, name: str) -> None:
        """The button of that name in the page's own part."""
        self.page.locator("main").get_by_role("button", name=name, exact=True).click()

    def said(self) -> str:
        """What the page answers to the last act."""
        return self.page.locator("main > .note[role=status]").first.inner_text()

    @property
    def heading(self) -> str:
        return self.page.locator("main h1:visible").inner_text()

    @property
    def text(self) -> str:
        return self.page.locator("main").inner_text()

    def drawn(self) -> None:
        """Wait for the chart; nothing of Plotly's own is in it."""
        self.page.locator(".js-plotly-plot .plot-container").first.wait_for()
        assert self.page.locator(NOT_OF_OURS).count() == 0

    def scrolls_sideways(self) -> int:
        """By how many pixels the page is wider than the window."""
        wide: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return wide


@dataclass
class Window:
    """Opens windows, each a browser of its own with its own cookies, all of them watched."""

    chromium: Browser
    site: Site
    watch: Watch
    contexts: list[BrowserContext] = field(default_factory=list)

    def __call__(self, width: int = 1440, height: int = 900, **options: Any) -> Visitor:
        context = self.chromium.new_context(
            viewport={"width": width, "height": height}, locale="zh-CN", timezone_id="Asia/Shanghai", **options
        )
        context.set_default_timeout(PATIENCE * 1000)
        self.contexts.append(context)
        self.watch.follow(context)
        return Visitor(self.site, context.new_page(), self.watch)

    def phone(self) -> Visitor:
        return self(360, 740, is_mobile=True, has_touch=True, device_scale_factor=2)

    def close(self) -> None:
        for context in self.contexts:
            context.close()


def path_of_chromium() -> str | None:
    return shutil.which("chromium") or next((str(p) for p in (Path("/usr/bin/chromium"),) if p.exists()), None)
