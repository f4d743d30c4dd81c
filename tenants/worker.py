"""Rows of the worker: who may tick, and what each job did last. Installation-wide; they hold nothing of any tenant."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from tenants.db import Base, session

LEASE = timedelta(seconds=10)
TICKING = "worker"
"""The name of the lease that decides which worker process ticks."""


class WorkerLease(Base):
    """The one row that says who ticks; `epoch` grows with every change of holder and fences the old one off."""

    __tablename__ = "worker_lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    epoch: Mapped[int] = mapped_column(sa.BigInteger)
    until: Mapped[datetime]


class JobState(Base):
    """What a job did last and does next; shown to the operator."""

    __tablename__ = "job_state"

    name: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    done: Mapped[int] = mapped_column(server_default="0", comment="rows handled by the last run")
    total_done: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    failures: Mapped[int] = mapped_column(server_default="0", comment="tenants that failed in the last run")
    last_error: Mapped[str] = mapped_column(server_default="")
    error_at: Mapped[datetime | None]
    next_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Lease:
    holder: str
    epoch: int


def take_lease(name: str, holder: str, now: datetime) -> Lease | None:
    """Take or renew the lease `name`; None while another holds it. The caller commits."""
    table = WorkerLease
    fresh = insert(table).values(name=name, holder=holder, epoch=1, until=now + LEASE)
    taken = fresh.on_conflict_do_update(
        index_elements=[table.name],
        set_={
            "holder": holder,
            "until": now + LEASE,
            "epoch": table.epoch + sa.case((table.holder == holder, 0), else_=1),
        },
        where=(table.holder == holder) | (table.until < now),
    ).returning(table.epoch)
    epoch = session().scalar(taken)
    return None if epoch is None else Lease(holder, epoch)


def still_held(name: str, lease: Lease) -> bool:
    """Whether `lease` is still the newest: asked inside a job's transaction, so that a paused holder cannot commit."""
    row = (
        session()
        .execute(
            sa.select(WorkerLease.holder, WorkerLease.epoch).where(WorkerLease.name == name).with_for_update(read=True)
        )
        .one_or_none()
    )
    return row is not None and (row.holder, row.epoch) == (lease.holder, lease.epoch)


def release_lease(name: str, lease: Lease, now: datetime) -> None:
    """Let the next one take the lease at once; nothing happens when it is no longer ours. The caller commits."""
    ours = (WorkerLease.name == name, WorkerLease.holder == lease.holder, WorkerLease.epoch == lease.epoch)
    session().execute(sa.update(WorkerLease).where(*ours).values(until=now))


def heartbeat(now: datetime) -> timedelta | None:
    """How long ago a worker last gave a sign of life; None when there never was one."""
    until = session().scalar(sa.select(WorkerLease.until).where(WorkerLease.name == TICKING))
    return None if until is None else max(now - (until - LEASE), timedelta(0))


@dataclass(frozen=True, slots=True)
class JobView:
    """What a job did last; `running` while it is at work, with `done` and `failures` so far."""

    name: str
    started_at: datetime | None
    finished_at: datetime | None
    done: int
    total_done: int
    failures: int
    last_error: str
    error_at: datetime | None
    next_at: datetime | None

    @property
    def running(self) -> bool:
        return self.started_at is not None and (self.finished_at is None or self.finished_at < self.started_at)


def job_views() -> dict[str, JobView]:
    """The state of every job that has ever run, by name."""
    return {
        row.name: JobView(
            row.name, row.started_at, row.finished_at, row.done, row.total_done, row.failures, row.last_error,
            row.error_at, row.next_at,
        )
        for row in session().scalars(sa.select(JobState).order_by(JobState.name))
    }  # fmt: skip


def note_start(name: str, now: datetime, next_at: datetime) -> None:
    """A job begins its run. The caller commits."""
    values = {"started_at": now, "finished_at": None, "done": 0, "failures": 0, "next_at": next_at}
    fresh = insert(JobState).values(name=name, **values)
    session().execute(fresh.on_conflict_do_update(index_elements=[JobState.name], set_=values))


def note_progress(name: str, *, done: int, failures: int, error: str, now: datetime) -> None:
    """What the run has done so far; an `error` is kept until the next one. The caller commits."""
    values: dict[str, object] = {"done": done, "failures": failures}
    if error:
        values |= {"last_error": error[:500], "error_at": now}
    session().execute(sa.update(JobState).where(JobState.name == name).values(values))


def note_end(name: str, now: datetime) -> None:
    """The run has ended, in whatever way. The caller commits."""
    values = {"finished_at": now, "total_done": JobState.total_done + JobState.done}
    session().execute(sa.update(JobState).where(JobState.name == name).values(values))
