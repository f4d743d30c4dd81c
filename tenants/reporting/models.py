"""Rows of a quarter's dates, reports, values, verdicts, steps and evidence."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tenants.db import Base, DistrictOwned, EnumType, SchoolOwned, id_column, of_school
from tenants.quarter import Quarter
from tenants.reporting.workflow import State


def of_report(*more: sa.schema.SchemaItem) -> tuple[sa.schema.SchemaItem, ...]:
    """Table arguments of a child of `report`: the three-part key keeps it under its own school's report."""
    return (
        sa.ForeignKeyConstraint(
            ["district_id", "school_id", "report_id"], ["report.district_id", "report.school_id", "report.id"]
        ),
        *more,
    )


class ReportingQuarter(Base, DistrictOwned):
    """A quarter in a district: its four dates, and the scheme version it is bound to."""

    __tablename__ = "reporting_quarter"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["district_id", "scheme_version_id"], ["scheme_version.district_id", "scheme_version.id"]
        ),
        sa.CheckConstraint("opens_at < due_at AND due_at <= late_from AND late_from <= locks_at", name="dates"),
        sa.CheckConstraint("quarter ~ '^20[0-9]{2}Q[1-4]$'", name="quarter"),
    )

    quarter: Mapped[Quarter] = mapped_column(primary_key=True)
    scheme_version_id: Mapped[UUID]
    opens_at: Mapped[datetime]
    due_at: Mapped[datetime]
    late_from: Mapped[datetime]
    locks_at: Mapped[datetime]
    opened_at: Mapped[datetime | None] = mapped_column(comment="when the reports of all schools were made")
    appeal_until: Mapped[datetime | None]


class Report(Base, SchoolOwned):
    """What one school reports for one quarter. `version` grows with every change of content or state."""

    __tablename__ = "report"
    __table_args__ = of_school(
        sa.UniqueConstraint("district_id", "school_id", "quarter"),
        sa.UniqueConstraint("district_id", "school_id", "id"),
        sa.ForeignKeyConstraint(
            ["district_id", "quarter"], ["reporting_quarter.district_id", "reporting_quarter.quarter"]
        ),
        sa.Index("ix_report_score_due_at", "score_due_at", postgresql_where=sa.text("score_due_at IS NOT NULL")),
    )

    id: Mapped[UUID] = id_column()
    quarter: Mapped[Quarter]
    state: Mapped[State] = mapped_column(EnumType(State), server_default=State.NOT_STARTED.value)
    version: Mapped[int] = mapped_column(server_default="0")
    submitted_at: Mapped[datetime | None] = mapped_column(comment="last handed to the secretary")
    first_sent_at: Mapped[datetime | None] = mapped_column(comment="first sent to the district: timeliness")
    approved_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("account.id"))
    approved_at: Mapped[datetime | None]
    accepted_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("account.id"))
    accepted_at: Mapped[datetime | None]
    returned_count: Mapped[int] = mapped_column(server_default="0", comment="times returned by the district")
    open_until: Mapped[datetime | None] = mapped_column(comment="after a return or reopening: later than locks_at")
    score_due_at: Mapped[datetime | None] = mapped_column(
        comment="set when a score is owed; the queue of compute_scores"
    )
    claimed_until: Mapped[datetime | None] = mapped_column(comment="a worker is scoring it until then")
    score_attempts: Mapped[int] = mapped_column(server_default="0")
    score_error: Mapped[str] = mapped_column(server_default="")


class ReportValue(Base, SchoolOwned):
    """One number of a report: of the school, or of one of its branches."""

    __tablename__ = "report_value"
    __table_args__ = of_report()

    report_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True, comment="the indicator's code in the quarter's scheme")
    unit_id: Mapped[UUID] = mapped_column(primary_key=True, comment="the school's id, or a branch's")
    number: Mapped[Decimal | None] = mapped_column(comment="counts, hours, months")
    numerator: Mapped[Decimal | None]
    denominator: Mapped[Decimal | None]
    flag: Mapped[bool | None]
    ticked: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True), comment="checklist items that are met")
    na_reason: Mapped[str] = mapped_column(server_default="", comment="not empty: reported as not applicable")
    note: Mapped[str] = mapped_column(server_default="")
    entered_by: Mapped[UUID] = mapped_column(sa.ForeignKey("account.id"))
    entered_at: Mapped[datetime]


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    RETURNED = "returned"


class ItemReview(Base, SchoolOwned):
    """The district's latest word on one indicator of a report."""

    __tablename__ = "item_review"
    __table_args__ = of_report()

    report_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    verdict: Mapped[Verdict] = mapped_column(EnumType(Verdict))
    reason: Mapped[str] = mapped_column(server_default="")
    reviewer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("account.id"))
    at: Mapped[datetime]


class ReportStep(Base, SchoolOwned):
    """One step of a report through its states; only ever added."""

    __tablename__ = "report_step"
    __table_args__ = of_report()

    report_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    action: Mapped[str]
    before: Mapped[State] = mapped_column(EnumType(State))
    after: Mapped[State] = mapped_column(EnumType(State))
    account_id: Mapped[UUID | None]
    actor: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default="")
    at: Mapped[datetime]


class EvidenceFile(Base, SchoolOwned):
    """A file that shows an indicator's number; its bytes lie in the store under their SHA-256."""

    __tablename__ = "evidence_file"
    __table_args__ = of_report()

    id: Mapped[UUID] = id_column()
    report_id: Mapped[UUID]
    code: Mapped[str]
    filename: Mapped[str] = mapped_column(comment="as the person named it; never used as a path")
    media_type: Mapped[str]
    size: Mapped[int] = mapped_column(sa.BigInteger, comment="bytes")
    sha256: Mapped[str]
    uploaded_by: Mapped[UUID] = mapped_column(sa.ForeignKey("account.id"))
    uploaded_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
