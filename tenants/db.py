"""Base types of every table, the session, and the two walls around it: the guard here, the row policies in PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, cast
from uuid import UUID

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, ORMExecuteState, Session, mapped_column
from uuid_utils.compat import uuid7

from tenants.errors import ScopeError
from tenants.quarter import Quarter
from tenants.scope import Role, Scope

new_id = uuid7
"""A fresh UUIDv7: sortable by time, unique without asking the database."""


class QuarterType(sa.types.TypeDecorator[Quarter]):
    """A `Quarter` stored as `2026Q3`, which sorts as time does."""

    impl = sa.String(6)
    cache_ok = True

    def process_bind_param(self, value: Quarter | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Quarter | None:
        return None if value is None else Quarter.parse(value)


class EnumType(sa.types.TypeDecorator[StrEnum]):
    """A StrEnum stored as its value, so that a migration can rename one without touching a database type."""

    impl = sa.String(24)
    cache_ok = True

    def __init__(self, enum: type[StrEnum]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: StrEnum | str | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else self.enum(value).value

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> StrEnum | None:
        return None if value is None else self.enum(value)


class Base(DeclarativeBase):
    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: sa.DateTime(timezone=True),
        Decimal: sa.Numeric(18, 4),
        Quarter: QuarterType(),
        dict[str, Any]: JSONB,
        list[str]: JSONB,
        str: sa.Text(),
    }


class DistrictOwned:
    """A row of one district; its key begins with `district_id`."""

    __owner__: ClassVar[str] = "district"

    district_id: Mapped[UUID] = mapped_column(sa.ForeignKey("district.id"), primary_key=True, sort_order=-2)


class SchoolOwned(DistrictOwned):
    """A row of one school; the composite key to `school` keeps it under its own district."""

    __owner__: ClassVar[str] = "school"
    __school_column__: ClassVar[str] = "school_id"

    school_id: Mapped[UUID] = mapped_column(sort_order=-1)


def of_school(*more: sa.schema.SchemaItem) -> tuple[sa.schema.SchemaItem, ...]:
    """Table arguments of a `SchoolOwned` model: its composite key to `school`, and `more`."""
    return (sa.ForeignKeyConstraint(["district_id", "school_id"], ["school.district_id", "school.id"]), *more)


def id_column() -> Mapped[UUID]:
    return mapped_column(primary_key=True, insert_default=new_id)


class TenantSession(FlaskSession):
    """The session whose transactions carry a scope; `info["scope"]` is what the database was told."""


db = SQLAlchemy(
    metadata=Base.metadata,
    session_options={"class_": TenantSession, "expire_on_commit": False},
)


def session() -> Session:
    """The session of the current application context."""
    return cast(Session, db.session())


def bind(scope: Scope) -> None:
    """Let the coming transaction of this context run under `scope`; what another scope had loaded is forgotten."""
    current = session()
    if current.info.get("scope") != scope:
        current.close()
        current.info.pop("audit", None)
        current.info["scope"] = scope


def break_off() -> None:
    """Give up what this context's transaction has begun; a failed one would refuse every further statement."""
    session().rollback()
    session().info.pop("audit", None)


@contextmanager
def transaction(scope: Scope) -> Iterator[Session]:
    """One unit of work under `scope`: committed as a whole at the end, or not at all."""
    bind(scope)
    current = session()
    try:
        yield current
        current.commit()
    except BaseException:
        current.rollback()
        current.info.pop("audit", None)
        raise


@event.listens_for(TenantSession, "after_begin")
def _tell_database(session: Session, _transaction: Any, connection: sa.Connection) -> None:
    """Every transaction says whose it is; one without a scope is nobody's, and sees no owned row."""
    scope: Scope = session.info.get("scope") or NOBODY
    connection.execute(_TELL, {name.removeprefix("app."): value for name, value in scope.settings().items()})


NOBODY = Scope(role=Role.VIEWER)
_TELL = sa.text(
    "SELECT " + ", ".join(f"set_config('{name}', :{name.removeprefix('app.')}, true)" for name in NOBODY.settings())
)


@event.listens_for(TenantSession, "do_orm_execute")
def _refuse_unmarked(state: ORMExecuteState) -> None:
    """Raise for a statement over an owned model that the session's own scope has not marked."""
    if state.is_column_load or all(_owner(mapper.class_) == "installation" for mapper in state.all_mappers):
        return
    scope = state.execution_options.get("scope")
    if scope is None:
        raise ScopeError(f"no scope marked this statement: {state.statement}")
    if scope != state.session.info.get("scope"):
        raise ScopeError("the statement's scope is not the transaction's")


def _owner(model: type[Any]) -> str:
    """Who owns a model's rows: school, district, or the installation when it says nothing."""
    return cast(str, getattr(model, "__owner__", "installation"))


@event.listens_for(TenantSession, "before_flush")
def _refuse_foreign_rows(session: Session, _context: Any, _instances: Any) -> None:
    """Raise before a new row of another tenant is even sent; the policies would refuse it too."""
    scope: Scope | None = session.info.get("scope")
    for row in session.new:
        if _owner(type(row)) == "school" and (scope is None or not _holds(scope, row)):
            raise ScopeError(f"a new {type(row).__name__} lies outside the scope")


def _holds(scope: Scope, row: Any) -> bool:
    return scope.district_id == row.district_id and scope.covers(getattr(row, row.__school_column__))
