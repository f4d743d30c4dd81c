"""Rows of what follows a score."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from tenants.db import Base, EnumType, SchoolOwned, id_column
from tenants.quarter import Quarter
from tenants.reporting.models import of_report
from tenants.words import N_


class ObjectionState(StrEnum):
    OPEN = "open"
    UPHELD = "upheld"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


OBJECTION_STATE_NAMES: dict[ObjectionState, str] = {
    ObjectionState.OPEN: N_("待答复"),
    ObjectionState.UPHELD: N_("已采纳"),
    ObjectionState.REJECTED: N_("未采纳"),
    ObjectionState.WITHDRAWN: N_("已撤回"),
}
ANSWERED = (ObjectionState.UPHELD, ObjectionState.REJECTED)


class Objection(Base, SchoolOwned):
    """申诉: a school contests the points that one indicator lost in one sealed run; one open at a time."""

    __tablename__ = "objection"
    __table_args__ = of_report(
        sa.ForeignKeyConstraint(
            ["district_id", "school_id", "run_id"],
            ["score_run.district_id", "score_run.school_id", "score_run.id"],
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "quarter"], ["reporting_quarter.district_id", "reporting_quarter.quarter"]
        ),
        sa.CheckConstraint(
            "(state IN ('upheld', 'rejected')) = (answer <> '' AND answered_by IS NOT NULL AND answered_at IS NOT NULL)",
            name="answered",
        ),
        sa.Index(
            "uq_objection_open", "district_id", "report_id", "code", unique=True,
            postgresql_where=sa.column("state") == sa.literal_column("'open'"),
        ),
        sa.Index("ix_objection_quarter", "district_id", "quarter"),
    )  # fmt: skip

    id: Mapped[UUID] = id_column()
    report_id: Mapped[UUID]
    run_id: Mapped[UUID] = mapped_column(comment="the run whose points are contested")
    quarter: Mapped[Quarter]
    code: Mapped[str] = mapped_column(comment="the indicator's code in the quarter's scheme")
    reason: Mapped[str]
    raised_by: Mapped[UUID] = mapped_column(sa.ForeignKey("account.id"))
    raised_at: Mapped[datetime]
    state: Mapped[ObjectionState] = mapped_column(EnumType(ObjectionState), server_default=ObjectionState.OPEN.value)
    answer: Mapped[str] = mapped_column(server_default="")
    answered_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("account.id"))
    answered_at: Mapped[datetime | None]
