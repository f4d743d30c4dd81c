"""`linghang jobs` and `linghang mail`, in this process and on a database of their own."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from jobs import schedule
from jobs.schedule import JOBS
from tenants.db import db
from tests.jobs.outbox import Answers, Rogue, rogue_server, smtp_server
from tests.world import World
from web.cli import Environment, cli, environ_for_children, environment
from web.cli import jobs as commands
from web.config import Settings

Run = Callable[..., Result]


@pytest.fixture
def run(own_database: tuple[Flask, World, Settings], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command in the environment of an installation."""
    for name, value in environ_for_children(own_database[2]).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(commands, "log_to_stderr", lambda: None)
    used: list[Flask] = []

    @contextmanager
    def remembering() -> Iterator[Environment]:
        with environment() as env:
            used.append(env.app)
            yield env

    monkeypatch.setattr(commands, "environment", remembering)
    for command in commands.COMMANDS:
        cli.add_command(command)
    yield lambda *words: CliRunner().invoke(cli, words)
    for app in used:
        with app.app_context():
            db.engine.dispose()


def test_list_before_and_after_a_run(run: Run) -> None:
    assert "还没有运行过" in run("jobs", "list").stdout
    assert run("jobs", "run", "open_quarters").exit_code == 0
    listed = json.loads(run("jobs", "list", "--json").stdout)
    assert [row["name"] for row in listed] == [job.name for job in JOBS]
    first = listed[0]
    assert first["finished_at"]
    assert (first["failures"], first["running"], first["every_seconds"]) == (0, False, 60)
    assert listed[1]["started_at"] is None
    assert "上次" in run("jobs", "list").stdout


def test_run_says_what_was_done(run: Run) -> None:
    found = json.loads(run("jobs", "run", "prune", "--json").stdout)
    assert found == {"job": "prune", "done": 0, "failures": 0, "error": ""}


def test_run_fails_when_a_district_failed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(scope: object, now: object) -> int:
        raise RuntimeError

    job = schedule.Job("broken", "坏了", broken, JOBS[0].every)
    monkeypatch.setattr(commands, "job_named", lambda name: job)
    result = run("jobs", "run", "prune", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["failures"] == 2
    assert "RuntimeError" in result.stderr
    assert "2 个区失败" in run("jobs", "run", "prune").stdout


def test_run_of_an_unknown_job_names_the_known(run: Run) -> None:
    result = run("jobs", "run", "nothing")
    assert result.exit_code == 2
    assert "open_quarters" in result.stderr


def test_test_mail_arrives(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = Answers()
    with smtp_server(handler) as url:
        monkeypatch.setenv("SMTP_URL", url)
        result = run("mail", "test", "me@example.cn")
    assert result.exit_code == 0
    assert "me@example.cn" in result.stderr
    assert len(handler.taken) == 1


@pytest.mark.parametrize(
    ("address", "said"), [("me@example.cn", "550 no such user"), ("nobody", "不是邮箱地址"), ("", "不是邮箱地址")]
)
def test_test_mail_that_fails_says_why(run: Run, monkeypatch: pytest.MonkeyPatch, address: str, said: str) -> None:
    with rogue_server(Rogue({3: "550 no such user"})) as url:
        monkeypatch.setenv("SMTP_URL", url)
        result = run("mail", "test", address)
    assert result.exit_code == 1
    assert said in result.stderr
