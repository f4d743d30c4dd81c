"""Objections of schools to single points, before a quarter is published."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import policies as p

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

APP = "linghang_app"
KEPT = "SELECT, INSERT, UPDATE"
"""An objection is answered or withdrawn, never deleted."""


def upgrade() -> None:
    create_table()
    op.create_index(
        "uq_objection_open",
        "objection",
        ["district_id", "report_id", "code"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_objection_quarter", "objection", ["district_id", "quarter"], unique=False)
    p.protect("objection", p.in_school())
    p.grant("objection", KEPT, APP)


def create_table() -> None:
    op.create_table(
        "objection",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("school_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False, comment="the run whose points are contested"),
        sa.Column("quarter", sa.String(6), nullable=False),
        sa.Column("code", sa.Text(), nullable=False, comment="the indicator's code in the quarter's scheme"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raised_by", sa.Uuid(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(24), server_default="open", nullable=False),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state IN ('upheld', 'rejected')) = (answer <> '' AND answered_by IS NOT NULL AND answered_at IS NOT NULL)",
            name=op.f("ck_objection_answered"),
        ),
        sa.ForeignKeyConstraint(["answered_by"], ["account.id"], name=op.f("fk_objection_answered_by")),
        sa.ForeignKeyConstraint(
            ["district_id", "quarter"],
            ["reporting_quarter.district_id", "reporting_quarter.quarter"],
            name=op.f("fk_objection_district_id_quarter"),
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "school_id", "report_id"],
            ["report.district_id", "report.school_id", "report.id"],
            name=op.f("fk_objection_district_id_school_id_report_id"),
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "school_id", "run_id"],
            ["score_run.district_id", "score_run.school_id", "score_run.id"],
            name=op.f("fk_objection_district_id_school_id_run_id"),
        ),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_objection_district_id")),
        sa.ForeignKeyConstraint(["raised_by"], ["account.id"], name=op.f("fk_objection_raised_by")),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_objection")),
    )


def downgrade() -> None:
    op.drop_index("ix_objection_quarter", table_name="objection")
    op.drop_index("uq_objection_open", table_name="objection", postgresql_where=sa.text("state = 'open'"))
    op.drop_table("objection")
