"""Rows of sealed score runs and published standings; none is ever updated."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from tenants.db import Base, DistrictOwned, EnumType, SchoolOwned, id_column, of_school
from tenants.quarter import Quarter
from tenants.reporting.models import of_report
from tenants.schools.models import Disclosure, OrgKind, Stage

POINTS = sa.Numeric(7, 2)


class ScoreRun(Base, SchoolOwned):
    """One computation of one school's quarter, sealed: a later run stands beside it, none replaces it."""

    __tablename__ = "score_run"
    __table_args__ = of_report(
        sa.UniqueConstraint("district_id", "school_id", "id"),
        sa.UniqueConstraint("district_id", "report_id", "number"),
        sa.ForeignKeyConstraint(
            ["district_id", "scheme_version_id"], ["scheme_version.district_id", "scheme_version.id"]
        ),
    )

    id: Mapped[UUID] = id_column()
    report_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(comment="1 for the first run of the report, 2 for the next…")
    quarter: Mapped[Quarter]
    scheme_version_id: Mapped[UUID]
    computed_at: Mapped[datetime]
    cause: Mapped[str] = mapped_column(comment="accepted, deadline, manual or reopened")
    sealed: Mapped[str] = mapped_column(comment="canonical JSON of scheme digest, inputs and result")
    sha256: Mapped[str] = mapped_column(comment="of `sealed`, hex")
    base: Mapped[Decimal] = mapped_column(POINTS)
    bonus: Mapped[Decimal] = mapped_column(POINTS)
    penalty: Mapped[Decimal] = mapped_column(POINTS)
    veto: Mapped[str | None]
    total: Mapped[Decimal] = mapped_column(POINTS)
    grade: Mapped[str] = mapped_column(comment="the band's Chinese name")
    green: Mapped[int]
    yellow: Mapped[int]
    red: Mapped[int]
    missing: Mapped[int]
    not_applicable: Mapped[int]


class ScoreItem(Base, SchoolOwned):
    """One indicator of a run: value, target, earned, lost, and why."""

    __tablename__ = "score_item"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["district_id", "school_id", "run_id"],
            ["score_run.district_id", "score_run.school_id", "score_run.id"],
        ),
    )

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    group_code: Mapped[str]
    state: Mapped[str] = mapped_column(comment="scoring.values.ItemState")
    light: Mapped[str | None] = mapped_column(comment="scoring.values.Light")
    weight: Mapped[Decimal] = mapped_column(POINTS)
    earned: Mapped[Decimal] = mapped_column(POINTS)
    lost: Mapped[Decimal] = mapped_column(POINTS)
    values: Mapped[list[Any]] = mapped_column(sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), "postgresql"))
    target: Mapped[str | None]
    shortfall: Mapped[Decimal | None] = mapped_column(comment="absolute number short, in the indicator's unit")
    why: Mapped[dict[str, Any]] = mapped_column(comment="words: {text, params}")
    short: Mapped[dict[str, Any] | None] = mapped_column(comment="shortfall in words: {text, params}")


class Publication(Base, DistrictOwned):
    """The published result of a quarter; a correction is a new version beside the old."""

    __tablename__ = "publication"
    __table_args__ = (
        sa.UniqueConstraint("district_id", "quarter", "version"),
        sa.ForeignKeyConstraint(
            ["district_id", "quarter"], ["reporting_quarter.district_id", "reporting_quarter.quarter"]
        ),
    )

    id: Mapped[UUID] = id_column()
    quarter: Mapped[Quarter]
    version: Mapped[int]
    published_at: Mapped[datetime]
    published_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("account.id"))
    disclosure: Mapped[Disclosure] = mapped_column(EnumType(Disclosure))
    schools: Mapped[int] = mapped_column(comment="how many are ranked")
    tiers: Mapped[list[Any] | None] = mapped_column(
        sa.dialects.postgresql.JSONB, comment="under disclosure `tiers`: [[tier, [names]]]"
    )


class Standing(Base, SchoolOwned):
    """One school in a publication, with the facts it was ranked by frozen beside it."""

    __tablename__ = "standing"
    __table_args__ = of_school(
        sa.ForeignKeyConstraint(["district_id", "publication_id"], ["publication.district_id", "publication.id"]),
        sa.ForeignKeyConstraint(
            ["district_id", "school_id", "run_id"],
            ["score_run.district_id", "score_run.school_id", "score_run.id"],
        ),
        sa.Index("ix_standing_run_id", "district_id", "run_id"),
    )

    publication_id: Mapped[UUID] = mapped_column(primary_key=True)
    school_id: Mapped[UUID] = mapped_column(primary_key=True)
    run_id: Mapped[UUID]
    name: Mapped[str]
    stage: Mapped[Stage] = mapped_column(EnumType(Stage))
    org_kind: Mapped[OrgKind] = mapped_column(EnumType(OrgKind))
    group_name: Mapped[str]
    position: Mapped[int]
    total: Mapped[Decimal] = mapped_column(POINTS)
    grade: Mapped[str]
    green: Mapped[int]
    yellow: Mapped[int]
    red: Mapped[int]
    ranks: Mapped[dict[str, Any]] = mapped_column(comment='{"district": [5, 60], "stage": [2, 20], "kind": [1, 9]}')
    disclosed: Mapped[bool] = mapped_column(comment="other schools of the district may see this row")
