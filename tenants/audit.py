"""The log of what was done, by whom and from where: append-only, one hash chain for each district.

Events are collected while a transaction works and written just before it commits, so that the chain's head is locked
for the shortest time and an action never commits without its record.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from tenants.db import Base, TenantSession, session
from tenants.scope import Scope
from tenants.scoring.canonical import canonical, digest

INSTALLATION = UUID(int=0)
"""The chain of what belongs to no district: operators, unknown sign-ins."""
GENESIS = "0" * 64


class AuditEvent(Base):
    """One thing done or refused. The app role may insert and read, never change or delete."""

    __tablename__ = "audit_event"
    __owner__ = "district"

    district_id: Mapped[UUID] = mapped_column(primary_key=True, comment="INSTALLATION (nil) outside any district")
    seq: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    school_id: Mapped[UUID | None]
    at: Mapped[datetime]
    account_id: Mapped[UUID | None]
    actor: Mapped[str]
    address: Mapped[str]
    action: Mapped[str]
    kind: Mapped[str]
    object_id: Mapped[str]
    old: Mapped[dict[str, Any] | None]
    new: Mapped[dict[str, Any] | None]
    result: Mapped[str] = mapped_column(comment="done or refused")
    previous: Mapped[str] = mapped_column(comment="hash of the event before, hex SHA-256")
    hash: Mapped[str]


class AuditHead(Base):
    """The end of a district's chain; locked while an event is added."""

    __tablename__ = "audit_head"
    __owner__ = "district"

    district_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(sa.BigInteger)
    hash: Mapped[str]


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a chain does not hold: the first event that is changed, missing or out of order."""

    district_id: UUID
    seq: int
    what: str


def record(
    scope: Scope,
    action: str,
    kind: str,
    object_id: object,
    *,
    school_id: UUID | None = None,
    old: Mapped[Any] | Mapping[str, Any] | None = None,
    new: Mapped[Any] | Mapping[str, Any] | None = None,
    result: str = "done",
    now: datetime | None = None,
) -> None:
    """Note one action for the log; it is written when the transaction commits, and not otherwise."""
    pending = session().info.setdefault("audit", [])
    pending.append(
        {
            "district_id": scope.district_id or INSTALLATION,
            "school_id": school_id,
            "at": (now or datetime.now(UTC)).astimezone(UTC),
            "account_id": scope.account_id,
            "actor": scope.actor,
            "address": scope.address,
            "action": action,
            "kind": kind,
            "object_id": str(object_id),
            "old": old,
            "new": new,
            "result": result,
        }
    )


@event.listens_for(TenantSession, "before_commit")
def _write(current: Session) -> None:
    pending: list[dict[str, Any]] = current.info.pop("audit", [])
    for district_id in sorted({entry["district_id"] for entry in pending}):
        _append(current, district_id, [entry for entry in pending if entry["district_id"] == district_id])


def _append(current: Session, district_id: UUID, entries: list[dict[str, Any]]) -> None:
    connection = current.connection()
    head = sa.table("audit_head", sa.column("district_id"), sa.column("seq"), sa.column("hash"))
    first = insert(AuditHead).values(district_id=district_id, seq=0, hash=GENESIS)
    locked = first.on_conflict_do_update(index_elements=["district_id"], set_={"seq": AuditHead.seq})
    seq, last = connection.execute(locked.returning(AuditHead.seq, AuditHead.hash)).one()
    for entry in entries:
        seq += 1
        entry.update(seq=seq, previous=last, hash=hash_of(seq, last, entry))
        last = entry["hash"]
    connection.execute(sa.insert(AuditEvent), entries)
    connection.execute(sa.update(head).where(head.c.district_id == district_id).values(seq=seq, hash=last))


_HASHED = ("district_id", "school_id", "at", "account_id", "actor", "address", "action", "kind", "object_id")


def hash_of(seq: int, previous: str, entry: Mapping[str, Any]) -> str:
    """The SHA-256 that binds an event to the one before."""
    body = {name: None if entry[name] is None else str(entry[name]) for name in _HASHED}
    rest = {"seq": seq, "previous": previous, "old": entry["old"], "new": entry["new"], "result": entry["result"]}
    return digest(canonical(body | rest))


@dataclass(frozen=True, slots=True)
class EventView:
    """One event as people read it."""

    seq: int
    at: datetime
    actor: str
    address: str
    action: str
    kind: str
    object_id: str
    school_id: UUID | None
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None
    result: str


def events(
    scope: Scope, *, actor: str = "", action: tuple[str, str] | None = None, before: int | None = None, most: int = 50
) -> tuple[EventView, ...]:
    """The newest events of the scope's chain, of one actor or one (kind, action); `before` gives the page after."""
    chain = AuditEvent.district_id == (scope.district_id or INSTALLATION)
    statement = sa.select(AuditEvent).where(chain).order_by(AuditEvent.seq.desc()).limit(most)
    if actor:
        statement = statement.where(AuditEvent.actor.contains(actor, autoescape=True))
    if action:
        statement = statement.where(AuditEvent.kind == action[0], AuditEvent.action == action[1])
    if before is not None:
        statement = statement.where(AuditEvent.seq < before)
    rows = session().scalars(statement.execution_options(scope=scope))
    return tuple(
        EventView(
            row.seq, row.at, row.actor, row.address, row.action, row.kind, row.object_id, row.school_id, row.old,
            row.new, row.result,
        )
        for row in rows
    )  # fmt: skip


def length(scope: Scope) -> int:
    """How many events the chain of the scope's district has."""
    count = sa.select(sa.func.count(AuditEvent.seq)).where(
        AuditEvent.district_id == (scope.district_id or INSTALLATION)
    )
    return session().scalar(count.execution_options(scope=scope)) or 0


def faults(scope: Scope) -> Iterator[Fault]:
    """Every place where the chain of the scope's district does not hold; none when it does."""
    district_id = scope.district_id or INSTALLATION
    current = session()
    events = current.scalars(
        sa.select(AuditEvent)
        .where(AuditEvent.district_id == district_id)
        .order_by(AuditEvent.seq)
        .execution_options(scope=scope, yield_per=1000)
    )
    seq, last = 0, GENESIS
    for found in events:
        if found.seq != seq + 1 or found.previous != last:
            yield Fault(district_id, seq + 1, "missing or out of order")
        if (
            hash_of(
                found.seq, found.previous, {name: getattr(found, name) for name in (*_HASHED, "old", "new", "result")}
            )
            != found.hash
        ):
            yield Fault(district_id, found.seq, "changed")
        seq, last = found.seq, found.hash
    head = current.scalar(
        sa.select(AuditHead).where(AuditHead.district_id == district_id).execution_options(scope=scope)
    )
    if head is not None and (head.seq, head.hash) != (seq, last):
        yield Fault(district_id, seq + 1, "the tail is cut")
