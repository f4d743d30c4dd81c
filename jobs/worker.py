"""The process `linghang jobs worker`: a heartbeat, and one tick per job. Several may run; the holder of the lease works."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import FrameType, TracebackType

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler
from flask import Flask

from jobs import lease as leases
from jobs.deliver_mail import desk_of
from jobs.runner import INSTALLATION, Outcome, fault_of, run_job
from jobs.schedule import JOBS, Job
from tenants.db import db, new_id
from tenants.worker import Lease

log = logging.getLogger(__name__)
HEART = "heart"
"""The heartbeat's own thread: no job, however slow, holds it up."""


@dataclass(slots=True)
class Worker:
    """One process: who it is, and the lease it holds at the moment."""

    app: Flask
    holder: str
    lease: Lease | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    on_taken: Callable[[], None] = lambda: None

    def beat(self) -> None:
        """Take or renew the lease, and say when that changes."""
        before = self.lease
        with self.app.app_context():
            self.lease = leases.beat(INSTALLATION, self.holder, utc_now())
        if self.lease == before:
            return
        log.info("lease %s", f"taken, epoch {self.lease.epoch}" if self.lease else "lost to another worker")
        if self.lease is not None:
            self.on_taken()

    def tick(self, job: Job) -> None:
        """Run `job` if this worker holds the lease; a standby does nothing."""
        lease = self.lease
        if lease is None or self.stopping.is_set():
            return
        outcome = run_job(self.app, job, utc_now(), lease)
        if outcome.done or outcome.failures or outcome.stopped:
            log.info("job %s: %s", job.name, _said(outcome))

    def let_go(self) -> None:
        if self.lease is not None:
            with self.app.app_context():
                leases.let_go(INSTALLATION, self.lease, utc_now())


def _said(outcome: Outcome) -> str:
    text = f"{outcome.done} done, {outcome.failures} failed"
    return f"{text}, stopped: another worker has taken over" if outcome.stopped else text


def utc_now() -> datetime:
    return datetime.now(UTC)


def name_of_this_process() -> str:
    """Unlike any other worker's, also after a restart under the same process id."""
    return f"{socket.gethostname()}/{os.getpid()}/{new_id().hex[-8:]}"


def scheduler_for(worker: Worker, now: datetime) -> BlockingScheduler:
    """Every job at once when the lease is taken, then at its interval; late or missed ticks are made up for by one."""
    scheduler = BlockingScheduler(
        timezone="UTC",
        executors={"default": ThreadPoolExecutor(len(JOBS)), HEART: ThreadPoolExecutor(1)},
        job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
    )
    beats = leases.BEAT.total_seconds()
    scheduler.add_job(worker.beat, "interval", seconds=beats, id=HEART, executor=HEART, next_run_time=now)
    for job in JOBS:
        scheduler.add_job(worker.tick, "interval", [job], seconds=job.every.total_seconds(), id=job.name)

    def tick_all() -> None:
        for job in JOBS:
            scheduler.modify_job(job.name, next_run_time=utc_now())

    worker.on_taken = tick_all
    return scheduler


def work(app: Flask) -> None:
    """Tick until SIGTERM or SIGINT; what is running comes to its end first, then the lease is given back."""
    log_to_stderr()
    worker = Worker(app, name_of_this_process())
    desk_of(app).stopping = worker.stopping.is_set
    scheduler = scheduler_for(worker, utc_now())
    _end_on_signal(worker, scheduler)
    log.info("worker %s started", worker.holder)
    scheduler.start()
    worker.let_go()
    with app.app_context():
        db.engine.dispose()
    log.info("worker %s ended", worker.holder)


def _end_on_signal(worker: Worker, scheduler: BlockingScheduler) -> None:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        if not worker.stopping.is_set():
            worker.stopping.set()
            threading.Thread(target=scheduler.shutdown).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


class OneLine(logging.Formatter):
    """One event, one line: a failure is its kind and its place."""

    def formatException(
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        return fault_of(ei[1]) if ei[1] is not None else ""

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None
        return " | ".join(super().format(record).splitlines())


def log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
