"""Rows of the worker: who may tick, and what each job did last. Installation-wide; they hold nothing of any tenant."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from tenants.db import Base, session

LEASE = timedelta(seconds=10)


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


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as the operator sees it."""

    name: str
    started_at: datetime | None
    finished_at: datetime | None
    done: int
    total_done: int
    failures: int
    last_error: str
    error_at: datetime | None
    next_at: datetime | None

    def lateness(self, now: datetime) -> timedelta:
        """How long a run has been due; zero when none is."""
        return max(now - self.next_at, timedelta()) if self.next_at else timedelta()


def job_views() -> tuple[JobView, ...]:
    """What each job did last and does next, by name."""
    rows = session().scalars(sa.select(JobState).order_by(JobState.name))
    return tuple(
        JobView(
            row.name, row.started_at, row.finished_at, row.done, row.total_done, row.failures, row.last_error,
            row.error_at, row.next_at,
        )
        for row in rows
    )  # fmt: skip


def last_beat() -> datetime | None:
    """When a worker last renewed its lease; None when none ever ran."""
    until = session().scalar(sa.select(sa.func.max(WorkerLease.until)))
    return until - LEASE if until else None
