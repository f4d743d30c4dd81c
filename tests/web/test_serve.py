"""The README's first command, and what an operator does instead: whole processes, killed and asked to end."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener, urlopen

import pytest

from tests.jobs.outbox import free_port
from tests.web.browser import form_in
from tests.web.operations.machine import ROOT, alive, eventually, open_folder
from web import create_app
from web.cli import addresses
from web.config import Settings
from web.operations.postgres import Cluster

LINGHANG = (sys.executable, "-m", "web.cli")
LOADING, STARTING = 600.0, 120.0
KEY = "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEF"
SIGN_IN = re.compile(r"^  (?P<who>\S+)\t(?P<login>\S+)\t(?P<password>\S+)$", re.MULTILINE)
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
READY = "领航已启动"


def environ(data_dir: Path, **more: str) -> dict[str, str]:
    """This process's environment without what another installation may have left in it."""
    ours = {field.upper() for field in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in ours}
    return kept | {"DATA_DIR": str(data_dir)} | more


def linghang(*arguments: str, data_dir: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    """A command to its end."""
    return subprocess.run(
        [*LINGHANG, *arguments],
        cwd=ROOT,
        env=environ(data_dir, **more),
        capture_output=True,
        text=True,
        timeout=STARTING,
    )


@dataclass
class Serving:
    """A running `linghang serve --demo`: what it says goes to a file, so that no pipe can hold it up."""

    process: "subprocess.Popen[bytes]"
    log: Path
    base: str
    jar: CookieJar = field(default_factory=CookieJar)

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8")

    def started(self, patience: float) -> "Serving":
        deadline = time.monotonic() + patience
        while not (READY in self.said and status(f"{self.base}/readyz") == 200):
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, f"not ready after {patience:.0f} s:\n{self.said}"
            time.sleep(0.2)
        return self

    def family(self) -> list[int]:
        """The process and everything that descends from it."""
        parents = {pid: parent for pid, parent in everybody()}
        found = [self.process.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid and child not in found]
        return found


def everybody() -> Iterator[tuple[int, int]]:
    """Every process with its parent."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        yield int(entry.name), int(fields[1])


def status(address: str) -> int:
    try:
        with urlopen(address, timeout=10) as answer:
            return int(answer.status)
    except URLError as error:
        return int(getattr(error, "code", 0))
    except OSError:
        return 0


@contextmanager
def serving(data_dir: Path, log: Path, port: int) -> Iterator[Serving]:
    """Start it; whatever is left of it afterwards is killed."""
    with log.open("wb") as said, subprocess.Popen(
        [*LINGHANG, "serve", "--demo"], cwd=ROOT, env=environ(data_dir, PORT=str(port)), stdin=subprocess.DEVNULL,
        stdout=said, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        running = Serving(process, log, f"http://127.0.0.1:{port}")
        try:
            yield running
        finally:
            if process.poll() is None:
                process.kill()


class Somebody:
    """A browser of the standard library: cookies, and the token of the form that it sends."""

    def __init__(self, base: str) -> None:
        self.base, self.jar = base, CookieJar()
        self.opener: OpenerDirector = build_opener(HTTPCookieProcessor(self.jar))

    def read(self, path: str, **fields: str) -> tuple[str, str]:
        """A page by GET, or by POST with fields: where it ended, and its text."""
        data = urlencode(fields).encode() if fields else None
        answer: HTTPResponse
        with self.opener.open(self.base + path, data, timeout=60) as answer:
            return answer.url.removeprefix(self.base), answer.read().decode()

    def sign_in(self, login: str, password: str) -> str:
        _, page = self.read("/login")
        found = TOKEN.search(page)
        assert found
        where, text = self.read("/login", csrf_token=found[1], account=login, password=password, next="/")
        assert where != "/login", "refused"
        return text


@dataclass(frozen=True)
class Demo:
    """What the first start left behind: the folder, what was printed, what a leader saw, and the killed family."""

    data_dir: Path
    port: int
    said: str
    health: dict[str, int]
    ranking: str
    mode: int
    kept: str
    family: list[int]

    def sign_in(self, who: str) -> tuple[str, str]:
        found = next(match for match in SIGN_IN.finditer(self.said) if who in match["who"])
        return found["login"], found["password"]


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """`linghang serve --demo` on an empty folder whose path has a space, looked at, and then killed without warning."""
    with open_folder() as folder:
        data_dir, port = folder / "my data", free_port()
        with serving(data_dir, folder / "first.log", port) as running:
            running.started(LOADING)
            signs = data_dir / "demo-sign-ins.txt"
            found = Demo(
                data_dir, port, running.said,
                {name: status(f"{running.base}/{name}") for name in ("healthz", "readyz")}, "",
                stat.S_IMODE(signs.stat().st_mode), signs.read_text("utf-8"), running.family(),
            )  # fmt: skip
            found = Demo(**{**vars(found), "ranking": ranking(running.base, *found.sign_in("区级领导"))})
            running.process.kill()
            running.process.wait()
        yield found
        home = data_dir / "elsewhere"
        if home.is_symlink():
            shutil.rmtree(home.readlink())


def ranking(base: str, login: str, password: str) -> str:
    """The main part of the newest published ranking, as a leader of a district sees it."""
    leader = Somebody(base)
    front = leader.sign_in(login, password)
    quarters = re.findall(r'<option value="(20\d\dq\d)"', front)
    for quarter in quarters:
        _, page = leader.read(f"/dash/{quarter}/ranking")
        if "<table" in page:
            return page[page.index("<table") : page.index("</table>")]
    raise AssertionError(f"no published quarter among {quarters}")


def test_first_start_prints_the_address_and_the_sign_ins_once(demo: Demo) -> None:
    assert f"{READY}：http://127.0.0.1:{demo.port}" in demo.said
    signs = [match.groups() for match in SIGN_IN.finditer(demo.said)]
    assert len(signs) >= 10 and len({password for _, _, password in signs}) == len(signs)
    assert {tuple(line.split("\t")) for line in demo.kept.splitlines()} == set(signs)
    for role in ("运维", "市级领导", "工委管理员", "工委审核员", "区级领导", "党务干事", "书记"):
        assert any(role in who for who, _, _ in signs), role


def test_the_file_of_sign_ins_is_its_owners_alone(demo: Demo) -> None:
    assert demo.mode == 0o600


def test_the_demo_is_up_and_ready(demo: Demo) -> None:
    assert demo.health == {"healthz": 200, "readyz": 200}


def test_a_printed_sign_in_leads_to_a_published_ranking(demo: Demo) -> None:
    assert demo.ranking.count("<tr") > 20


def test_kill_9_leaves_no_process_behind(demo: Demo) -> None:
    assert len(demo.family) >= 6  # itself, web and its workers, the jobs' worker, the database
    assert eventually(lambda: not any(alive(pid) for pid in demo.family))


@pytest.fixture(scope="session")
def second(demo: Demo) -> Iterator[tuple[Serving, float]]:
    """The same folder again, and how many seconds that took."""
    with serving(demo.data_dir, demo.data_dir.parent / "second.log", demo.port) as running:
        before = time.monotonic()
        yield running.started(STARTING), time.monotonic() - before


def test_a_second_start_is_quick_prints_no_password_and_shows_the_same(
    demo: Demo, second: tuple[Serving, float]
) -> None:
    running, seconds = second
    assert seconds < STARTING / 2
    assert not SIGN_IN.search(running.said) and "演示账号" not in running.said
    for match in SIGN_IN.finditer(demo.said):
        assert match["password"] not in running.said
    assert (demo.data_dir / "demo-sign-ins.txt").read_text("utf-8") == demo.kept
    assert ranking(running.base, *demo.sign_in("区级领导")) == demo.ranking


def test_sigterm_ends_everything_in_good_order(second: tuple[Serving, float]) -> None:
    running, _ = second
    family = running.family()
    assert len(family) >= 6
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(60) == 0
    assert eventually(lambda: not any(alive(pid) for pid in family))


def test_production_refuses_the_demos_database(demo: Demo, second: tuple[Serving, float]) -> None:
    running, _ = second
    if running.process.poll() is None:
        running.process.terminate()
        running.process.wait(60)
    refused = linghang(
        "serve", data_dir=demo.data_dir, LINGHANG_MODE="production", SECRET_KEY=KEY, PORT=str(free_port())
    )
    assert refused.returncode == 3
    assert "演示账号" in refused.stderr and READY not in refused.stderr


def test_demo_data_are_never_loaded_in_production(tmp_path: Path) -> None:
    refused = linghang("serve", "--demo", data_dir=tmp_path / "new", LINGHANG_MODE="production", SECRET_KEY=KEY)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "production" in refused.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("key", ["", "secret", "x" * 64])
def test_production_needs_a_secret_of_its_own(tmp_path: Path, key: str) -> None:
    refused = linghang("serve", data_dir=tmp_path / "new", LINGHANG_MODE="production", SECRET_KEY=key)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "SECRET_KEY" in refused.stderr and "Traceback" not in refused.stderr
    assert key not in refused.stderr or not key


# ---- an installation without demo ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed() -> Iterator[tuple[Path, str]]:
    """`linghang init` in an empty folder: the folder, and what it printed for programs."""
    with open_folder() as folder:
        data_dir = folder / "new data"
        done = linghang("init", data_dir=data_dir, SECRET_KEY=KEY, PUBLIC_BASE_URL="https://linghang.example")
        assert done.returncode == 0, done.stderr
        yield data_dir, done.stdout
        if (data_dir / "elsewhere").is_symlink():
            shutil.rmtree((data_dir / "elsewhere").readlink())


def test_init_needs_a_secret_and_offers_one(tmp_path: Path) -> None:
    refused = linghang("init", data_dir=tmp_path / "new")
    assert refused.returncode == 3
    offered = re.search(r"SECRET_KEY=(\S{32,})", refused.stderr)
    assert offered and not (tmp_path / "new").exists()


def test_the_one_time_address_makes_the_first_operator_and_is_gone(installed: tuple[Path, str]) -> None:
    data_dir, printed = installed
    address = printed.strip()
    assert re.fullmatch(r"https://linghang\.example/setup\?code=\S{20,}", address)
    path = address.removeprefix("https://linghang.example")
    with Cluster.start(data_dir) as cluster:
        settings = Settings(linghang_mode="test", data_dir=data_dir, secret_key=KEY, **addresses(cluster))
        app = create_app(settings)
        app.config["TESTING"] = True
        client = app.test_client()
        form = form_in(client.get(path), "setup")
        typed = {
            "account": "yunwei",
            "name": "欧运维",
            "password": "long enough a sentence",
            "again": "long enough a sentence",
        }
        made = client.post(form.action, data={**form.fields, **typed})
        assert (made.status_code, made.location) == (302, "/login")
        assert client.get(path).status_code == 404
        assert client.post(form.action, data={**form.fields, **typed, "account": "zwei"}).status_code == 404
        page = form_in(client.get("/login"), "login")
        entered = client.post(page.action, data={**page.fields, "account": "yunwei", "password": typed["password"]})
        assert (entered.status_code, entered.location) == (302, "/")
        with app.app_context():
            from tenants.db import db

            db.engine.dispose()
    again = linghang("init", data_dir=data_dir, SECRET_KEY=KEY)
    assert (again.returncode, again.stdout) == (0, "")
    assert "已有运维账号" in again.stderr


GOOD = {"SECRET_KEY": KEY, "PUBLIC_BASE_URL": "https://linghang.example", "SMTP_URL": "smtp://127.0.0.1:25"}


@pytest.mark.parametrize(
    ("changed", "code", "at_fault"),
    [
        ({}, 0, None),
        ({"PUBLIC_BASE_URL": "http://linghang.example"}, 1, "PUBLIC_BASE_URL"),
        ({"SMTP_URL": "console:"}, 1, "SMTP_URL"),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, 1, "DATABASE_URL"),
        ({"SECRET_KEY": ""}, 3, "SECRET_KEY"),
    ],
)
def test_doctor_says_what_is_wrong_by_its_exit_code(
    installed: tuple[Path, str], changed: dict[str, str], code: int, at_fault: str | None
) -> None:
    examined = linghang("doctor", "--json", data_dir=installed[0], **(GOOD | changed))
    assert examined.returncode == code, examined.stderr + examined.stdout
    if code == 3:
        assert at_fault and at_fault in examined.stderr
        return
    wrong = [finding["said"] for finding in json.loads(examined.stdout) if not finding["good"]]
    assert bool(wrong) == bool(code)
    assert at_fault is None or any(at_fault in said for said in wrong)
