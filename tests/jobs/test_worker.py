"""The worker as a process: one of two works, a standby takes over from the killed and from the frozen, SIGTERM is clean."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask

from jobs.runner import INSTALLATION
from jobs.schedule import JOBS
from tenants import worker
from tenants.db import session, transaction
from tenants.notices.models import MailState
from tenants.worker import JobView, WorkerLease
from tests.jobs.outbox import Answers, owe, rows, smtp_server
from tests.world import World
from web.cli import environ_for_children
from web.config import Settings

ROOT = Path(__file__).parents[2]
PROGRAM = "from web.cli import cli\nfrom web.cli.jobs import jobs\ncli.add_command(jobs)\ncli()"
OwnDatabase = tuple[Flask, World, Settings]


class Process:
    """One `linghang jobs worker`, writing its log to a file."""

    def __init__(self, settings: Settings, log: Path, **more: str) -> None:
        self.log = log
        with log.open("wb") as stderr:
            self.popen = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, "jobs", "worker"],
                env={**environ_for_children(settings), **more}, cwd=ROOT, stderr=stderr, stdout=subprocess.DEVNULL,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def said(self, text: str) -> bool:
        return text in self.log.read_text("utf-8")

    def end(self, number: int = signal.SIGTERM) -> int:
        self.popen.send_signal(number)
        return self.popen.wait(15)


@contextmanager
def workers(settings: Settings, folder: Path, count: int, **more: str) -> Iterator[list[Process]]:
    """Start so many workers together; none is left behind."""
    started = [Process(settings, folder / f"worker-{number}.log", **more) for number in range(count)]
    try:
        await_(lambda: all(process.said("started") for process in started))
        yield started
    finally:
        for process in started:
            process.popen.kill()
            process.popen.wait()


def await_(true: Callable[[], object], within: float = 30) -> None:
    """Wait until `true`, at most so many seconds."""
    ends = time.monotonic() + within
    while not true():
        assert time.monotonic() < ends, "waited too long"
        time.sleep(0.05)


def holder(app: Flask) -> tuple[int, int] | None:
    """(process id, epoch) of the lease's holder, while the lease lives."""
    with app.app_context(), transaction(INSTALLATION):
        row = session().get(WorkerLease, worker.TICKING)
        if row is None or row.until < datetime.now(UTC):
            return None
        return int(row.holder.split("/")[1]), row.epoch


def views(app: Flask) -> dict[str, JobView]:
    with app.app_context(), transaction(INSTALLATION):
        return worker.job_views()


def test_one_of_two_works_and_the_other_takes_over(own_database: OwnDatabase, tmp_path: Path) -> None:
    """From the frozen, which stands by when it wakes; then from the killed; then the last one ends cleanly."""
    app, world, settings = own_database
    handler = Answers()
    with app.app_context():
        owe(world)
    with smtp_server(handler) as url, workers(settings, tmp_path, 2, SMTP_URL=url) as both:
        await_(lambda: len([view for view in views(app).values() if view.finished_at]) == len(JOBS))
        await_(lambda: handler.taken)
        held = holder(app)
        assert held is not None
        first, second = sorted(both, key=lambda process: process.popen.pid != held[0])
        assert not second.said("lease taken")
        assert_beating(app)

        os.kill(first.popen.pid, signal.SIGSTOP)
        await_(lambda: holder(app) == (second.popen.pid, held[1] + 1), within=15)
        os.kill(first.popen.pid, signal.SIGCONT)
        await_(lambda: first.said("lease lost to another worker"))
        assert holder(app) == (second.popen.pid, held[1] + 1)

        second.end(signal.SIGKILL)
        await_(lambda: holder(app) == (first.popen.pid, held[1] + 2), within=15)
        assert_beating(app)
        assert first.end() == 0
    assert holder(app) is None, "the lease is given back"
    assert {view.failures for view in views(app).values()} == {0}
    with app.app_context():
        assert [row.state for row in rows(world.job)] == [MailState.SENT]
    assert len(handler.taken) == 1
    assert_one_line_for_each_event(first)
    assert first.log.read_text("utf-8").splitlines()[-1].endswith("ended")


def assert_beating(app: Flask) -> None:
    with app.app_context(), transaction(INSTALLATION):
        age = worker.heartbeat(datetime.now(UTC))
    assert age is not None
    assert age < timedelta(seconds=9)


def assert_one_line_for_each_event(process: Process) -> None:
    assert all(line[:4].isdigit() for line in process.log.read_text("utf-8").splitlines())


def test_worker_without_a_database_says_so_and_goes_on_trying(own_database: OwnDatabase, tmp_path: Path) -> None:
    _, _, settings = own_database
    lost = settings.model_copy(
        update={"app_database_url": settings.app_database_url.replace("linghang_app", "nobody_of_that_name")}
    )
    with workers(lost, tmp_path, 1) as (process,):
        await_(lambda: process.said("OperationalError"))
        assert process.popen.poll() is None
        assert process.end() == 0
    assert_one_line_for_each_event(process)
