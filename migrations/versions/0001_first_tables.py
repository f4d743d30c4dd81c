"""The first tables, and the row policies under which the app role sees them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import policies as p

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

APP = "linghang_app"
CHANGEABLE = "SELECT, INSERT, UPDATE, DELETE"
ADDED_ONLY = "SELECT, INSERT"
INSTALLATION_TABLES = ("attempt", "credential_link", "job_state", "login_session", "worker_lease")
DISTRICT_TABLES = ("scheme_version", "reporting_quarter", "publication")
SCHOOL_TABLES = (
    "branch",
    "report",
    "report_value",
    "item_review",
    "report_step",
    "evidence_file",
    "score_run",
    "score_item",
)
APPEND_ONLY = ("report_step", "score_run", "score_item", "publication", "standing", "audit_event")


def published(table: str, run: str) -> str:
    """A city reads a run only when it stands in a publication."""
    return (
        f"district_id = ANY ({p.PUBLISHED_IN}) AND EXISTS (SELECT 1 FROM standing s "
        f"WHERE s.district_id = {table}.district_id AND s.run_id = {table}.{run})"
    )


CITY_READS = {"score_run": published("score_run", "id"), "score_item": published("score_item", "run_id")}


def upgrade() -> None:
    create_tables()
    create_functions()
    protect_tables()
    grant_rights()


def create_functions() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION refuse_published_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.published_at IS NOT NULL THEN
                RAISE EXCEPTION 'a published scheme never changes' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN COALESCE(NEW, OLD);
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER scheme_version_frozen BEFORE UPDATE OR DELETE ON scheme_version "
        "FOR EACH ROW EXECUTE FUNCTION refuse_published_change()"
    )
    for table in APPEND_ONLY:
        p.append_only(table)


def protect_tables() -> None:
    p.protect(
        "district",
        f"id = {p.DISTRICT} OR {p.OPERATOR} OR {p.JOB}",
        read=f"id = ANY ({p.PUBLISHED_IN}) OR city_id = (SELECT a.city_id FROM account a WHERE a.id = {p.ACCOUNT})",
    )
    p.protect("city", p.OPERATOR, read="true")
    p.protect(
        "account",
        f"login = {p.SIGNING_IN_AS} OR id = {p.ACCOUNT} OR {p.OPERATOR} OR {p.JOB} OR district_id = {p.DISTRICT}",
    )
    p.protect("school", p.in_school("id"))
    p.protect(
        "membership",
        f"district_id = {p.DISTRICT} AND ({p.WHOLE} OR school_id IS NULL OR school_id = ANY ({p.SCHOOLS}))",
        read=f"account_id = {p.ACCOUNT}",
    )
    for table in DISTRICT_TABLES:
        p.protect(
            table, p.in_district(), f"{p.in_district()} AND {p.WHOLE}", read=f"district_id = ANY ({p.PUBLISHED_IN})"
        )
    for table in SCHOOL_TABLES:
        p.protect(table, p.in_school(), read=CITY_READS.get(table))
    p.protect(
        "standing",
        p.in_school(),
        f"{p.in_district()} AND {p.WHOLE}",
        read=f"(district_id = {p.DISTRICT} AND disclosed) OR district_id = ANY ({p.PUBLISHED_IN})",
    )
    p.protect(
        "mail",
        f"district_id = {p.DISTRICT} AND ({p.WHOLE} OR school_id = ANY ({p.SCHOOLS})) OR {p.JOB}",
        read=p.OPERATOR,
    )
    p.protect(
        "audit_event",
        f"district_id = {p.DISTRICT} AND ({p.WHOLE} OR school_id = ANY ({p.SCHOOLS})) OR {installation_chain()}",
        f"district_id = {p.DISTRICT} OR {nil_district()}",
    )
    p.protect("audit_head", f"district_id = {p.DISTRICT} OR {nil_district()}")


def nil_district() -> str:
    return "district_id = '00000000-0000-0000-0000-000000000000'"


def installation_chain() -> str:
    return f"({nil_district()} AND {p.OPERATOR})"


def grant_rights() -> None:
    p.grant("SCHEMA public", "USAGE", APP)
    for table in (
        *INSTALLATION_TABLES,
        *DISTRICT_TABLES,
        *SCHOOL_TABLES,
        "district",
        "city",
        "account",
        "school",
        "membership",
        "standing",
        "mail",
        "audit_head",
        "audit_event",
    ):
        p.grant(table, ADDED_ONLY if table in APPEND_ONLY else CHANGEABLE, APP)
    p.grant("alembic_version", "SELECT", APP)  # for /readyz


def create_tables() -> None:
    op.create_table(
        "attempt",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("window", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "window", name=op.f("pk_attempt")),
    )
    op.create_table(
        "audit_event",
        sa.Column("district_id", sa.Uuid(), nullable=False, comment="INSTALLATION (nil) outside any district"),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("school_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("old", postgresql.JSONB(), nullable=True),
        sa.Column("new", postgresql.JSONB(), nullable=True),
        sa.Column("result", sa.Text(), nullable=False, comment="done or refused"),
        sa.Column("previous", sa.Text(), nullable=False, comment="hash of the event before, hex SHA-256"),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "seq", name=op.f("pk_audit_event")),
    )
    op.create_table(
        "audit_head",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("district_id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "city",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_city")),
        sa.UniqueConstraint("name", name=op.f("uq_city_name")),
    )
    op.create_table(
        "job_state",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False, comment="rows handled by the last run"),
        sa.Column("total_done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "failures", sa.Integer(), server_default="0", nullable=False, comment="tenants that failed in the last run"
        ),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("error_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_job_state")),
    )
    op.create_table(
        "worker_lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker_lease")),
    )
    op.create_table(
        "district",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("city_id", sa.Uuid(), nullable=True),
        sa.Column(
            "code", sa.Text(), nullable=False, comment="lower-case letters and digits; begins every sign-in name"
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("office", sa.Text(), nullable=False, comment="who signs mails: 中共某某区委教育工委"),
        sa.Column("zone", sa.Text(), server_default="Asia/Shanghai", nullable=False),
        sa.Column("disclosure", sa.String(24), server_default="own", nullable=False),
        sa.Column("contact_name", sa.Text(), server_default="", nullable=False),
        sa.Column("contact_phone", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name=op.f("fk_district_city_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_district")),
        sa.UniqueConstraint("code", name=op.f("uq_district_code")),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("district_id", sa.Uuid(), nullable=True),
        sa.Column("login", sa.Text(), nullable=False, comment="lower case; begins with the district's code"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "password_hash",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="Argon2id; empty until the invitation is used",
        ),
        sa.Column("password_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("locale", sa.Text(), server_default="zh", nullable=False),
        sa.Column("operator", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("city_id", sa.Uuid(), nullable=True, comment="set for a city's viewer"),
        sa.Column(
            "demo",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="production refuses to start while one lives",
        ),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name=op.f("fk_account_city_id")),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_account_district_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("login", name=op.f("uq_account_login")),
    )
    op.create_table(
        "scheme_version",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False, comment="of the canonical content, hex"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_scheme_version_district_id")),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_scheme_version")),
        sa.UniqueConstraint("district_id", "code", "version", name=op.f("uq_scheme_version_district_id_code_version")),
    )
    op.create_table(
        "school",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False, comment="学校标识码, ten digits as text"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("short_name", sa.Text(), server_default="", nullable=False),
        sa.Column("stage", sa.String(24), nullable=False),
        sa.Column("org_kind", sa.String(24), nullable=False),
        sa.Column("group_name", sa.Text(), server_default="", nullable=False, comment="片区"),
        sa.Column(
            "one_leader", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment="书记校长一人担任"
        ),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False, comment="the district's own order"),
        sa.Column(
            "pinyin", sa.Text(), server_default="", nullable=False, comment="every reading and its initials, for search"
        ),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_school_district_id")),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_school")),
        sa.UniqueConstraint("district_id", "code", name=op.f("uq_school_district_id_code")),
    )
    op.create_table(
        "branch",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("school_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "has_committee", sa.Boolean(), server_default=sa.text("true"), nullable=False, comment="支部设委员会"
        ),
        sa.Column("has_groups", sa.Boolean(), server_default=sa.text("true"), nullable=False, comment="支部划分党小组"),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "school_id"],
            ["school.district_id", "school.id"],
            name=op.f("fk_branch_district_id_school_id"),
        ),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_branch_district_id")),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_branch")),
    )
    op.create_table(
        "credential_link",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("purpose", sa.String(24), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_credential_link_account_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_credential_link")),
    )
    op.create_index(op.f("ix_credential_link_account_id"), "credential_link", ["account_id"], unique=False)
    op.create_table(
        "login_session",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("district_id", sa.Uuid(), nullable=True, comment="of the post in use"),
        sa.Column("membership_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_login_session_account_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_login_session")),
    )
    op.create_index(op.f("ix_login_session_account_id"), "login_session", ["account_id"], unique=False)
    op.create_table(
        "mail",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("school_id", sa.Uuid(), nullable=True),
        sa.Column("rule", sa.String(24), nullable=False),
        sa.Column("quarter", sa.String(6), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column(
            "cause",
            sa.Text(),
            nullable=False,
            comment="which state change: T-3, the round of a return, a publication's version",
        ),
        sa.Column("address", sa.Text(), nullable=False, comment="the recipient's address when it was written"),
        sa.Column(
            "facts",
            postgresql.JSONB(),
            nullable=False,
            comment="what the mail tells; of the recipient's own school only",
        ),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("state", sa.String(24), server_default="waiting", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "subject", sa.Text(), server_default="", nullable=False, comment="as first rendered; a retry sends the same"
        ),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("html", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_mail_account_id")),
        sa.ForeignKeyConstraint(
            ["district_id", "school_id"],
            ["school.district_id", "school.id"],
            name=op.f("fk_mail_district_id_school_id"),
        ),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_mail_district_id")),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_mail")),
        sa.UniqueConstraint(
            "district_id",
            "rule",
            "school_id",
            "quarter",
            "account_id",
            "cause",
            name=op.f("uq_mail_district_id_rule_school_id_quarter_account_id_cause"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        "ix_mail_next_try_at", "mail", ["next_try_at"], unique=False, postgresql_where=sa.text("state = 'waiting'")
    )
    op.create_table(
        "membership",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(24), nullable=False),
        sa.Column("school_id", sa.Uuid(), nullable=True),
        sa.Column(
            "own_school_id", sa.Uuid(), nullable=True, comment="a reviewer's own school, which they never review"
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_membership_account_id")),
        sa.ForeignKeyConstraint(
            ["district_id", "own_school_id"],
            ["school.district_id", "school.id"],
            name=op.f("fk_membership_district_id_own_school_id"),
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "school_id"],
            ["school.district_id", "school.id"],
            name=op.f("fk_membership_district_id_school_id"),
        ),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_membership_district_id")),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_membership")),
    )
    op.create_index("ix_membership_account_id", "membership", ["account_id"], unique=False)
    op.create_table(
        "reporting_quarter",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("quarter", sa.String(6), nullable=False),
        sa.Column("scheme_version_id", sa.Uuid(), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("late_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locks_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "opened_at", sa.DateTime(timezone=True), nullable=True, comment="when the reports of all schools were made"
        ),
        sa.Column("appeal_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("quarter ~ '^20[0-9]{2}Q[1-4]$'", name=op.f("ck_reporting_quarter_quarter")),
        sa.CheckConstraint(
            "opens_at < due_at AND due_at <= late_from AND late_from <= locks_at",
            name=op.f("ck_reporting_quarter_dates"),
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "scheme_version_id"],
            ["scheme_version.district_id", "scheme_version.id"],
            name=op.f("fk_reporting_quarter_district_id_scheme_version_id"),
        ),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_reporting_quarter_district_id")),
        sa.PrimaryKeyConstraint("district_id", "quarter", name=op.f("pk_reporting_quarter")),
    )
    op.create_table(
        "publication",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("quarter", sa.String(6), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.Column("disclosure", sa.String(24), nullable=False),
        sa.Column("schools", sa.Integer(), nullable=False, comment="how many are ranked"),
        sa.Column("tiers", postgresql.JSONB(), nullable=True, comment="under disclosure `tiers`: [[tier, [names]]]"),
        sa.ForeignKeyConstraint(
            ["district_id", "quarter"],
            ["reporting_quarter.district_id", "reporting_quarter.quarter"],
            name=op.f("fk_publication_district_id_quarter"),
        ),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_publication_district_id")),
        sa.ForeignKeyConstraint(["published_by"], ["account.id"], name=op.f("fk_publication_published_by")),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_publication")),
        sa.UniqueConstraint(
            "district_id", "quarter", "version", name=op.f("uq_publication_district_id_quarter_version")
        ),
    )
    op.create_table(
        "report",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("school_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("quarter", sa.String(6), nullable=False),
        sa.Column("state", sa.String(24), server_default="not_started", nullable=False),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True, comment="last handed to the secretary"),
        sa.Column(
            "first_sent_at", sa.DateTime(timezone=True), nullable=True, comment="first sent to the district: timeliness"
        ),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by", sa.Uuid(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "returned_count", sa.Integer(), server_default="0", nullable=False, comment="times returned by the district"
        ),
        sa.Column(
            "open_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="after a return or reopening: later than locks_at",
        ),
        sa.Column(
            "score_due_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="set when a score is owed; the queue of compute_scores",
        ),
        sa.Column(
            "claimed_until", sa.DateTime(timezone=True), nullable=True, comment="a worker is scoring it until then"
        ),
        sa.Column("score_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("score_error", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["accepted_by"], ["account.id"], name=op.f("fk_report_accepted_by")),
        sa.ForeignKeyConstraint(["approved_by"], ["account.id"], name=op.f("fk_report_approved_by")),
        sa.ForeignKeyConstraint(
            ["district_id", "quarter"],
            ["reporting_quarter.district_id", "reporting_quarter.quarter"],
            name=op.f("fk_report_district_id_quarter"),
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "school_id"],
            ["school.district_id", "school.id"],
            name=op.f("fk_report_district_id_school_id"),
        ),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_report_district_id")),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_report")),
        sa.UniqueConstraint("district_id", "school_id", "id", name=op.f("uq_report_district_id_school_id_id")),
        sa.UniqueConstraint(
            "district_id", "school_id", "quarter", name=op.f("uq_report_district_id_school_id_quarter")
        ),
    )
    op.create_index(
        "ix_report_score_due_at",
        "report",
        ["score_due_at"],
        unique=False,
        postgresql_where=sa.text("score_due_at IS NOT NULL"),
    )
    op.create_table(
        "evidence_file",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("school_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False, comment="as the person named it; never used as a path"),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="bytes"),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("uploaded_by", sa.Uuid(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "school_id", "report_id"],
            ["report.district_id", "report.school_id", "report.id"],
            name=op.f("fk_evidence_file_district_id_school_id_report_id"),
        ),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_evidence_file_district_id")),
        sa.ForeignKeyConstraint(["uploaded_by"], ["account.id"], name=op.f("fk_evidence_file_uploaded_by")),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_evidence_file")),
    )
    op.create_table(
        "item_review",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("school_id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("verdict", sa.String(24), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("reviewer_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "school_id", "report_id"],
            ["report.district_id", "report.school_id", "report.id"],
            name=op.f("fk_item_review_district_id_school_id_report_id"),
        ),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_item_review_district_id")),
        sa.ForeignKeyConstraint(["reviewer_id"], ["account.id"], name=op.f("fk_item_review_reviewer_id")),
        sa.PrimaryKeyConstraint("district_id", "report_id", "code", name=op.f("pk_item_review")),
    )
    op.create_table(
        "report_step",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("school_id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("before", sa.String(24), nullable=False),
        sa.Column("after", sa.String(24), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "school_id", "report_id"],
            ["report.district_id", "report.school_id", "report.id"],
            name=op.f("fk_report_step_district_id_school_id_report_id"),
        ),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_report_step_district_id")),
        sa.PrimaryKeyConstraint("district_id", "report_id", "seq", name=op.f("pk_report_step")),
    )
    op.create_table(
        "report_value",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("school_id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False, comment="the indicator's code in the quarter's scheme"),
        sa.Column("unit_id", sa.Uuid(), nullable=False, comment="the school's id, or a branch's"),
        sa.Column("number", sa.Numeric(precision=18, scale=4), nullable=True, comment="counts, hours, months"),
        sa.Column("numerator", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("denominator", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("flag", sa.Boolean(), nullable=True),
        sa.Column("ticked", postgresql.JSONB(), nullable=True, comment="checklist items that are met"),
        sa.Column(
            "na_reason", sa.Text(), server_default="", nullable=False, comment="not empty: reported as not applicable"
        ),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("entered_by", sa.Uuid(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "school_id", "report_id"],
            ["report.district_id", "report.school_id", "report.id"],
            name=op.f("fk_report_value_district_id_school_id_report_id"),
        ),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_report_value_district_id")),
        sa.ForeignKeyConstraint(["entered_by"], ["account.id"], name=op.f("fk_report_value_entered_by")),
        sa.PrimaryKeyConstraint("district_id", "report_id", "code", "unit_id", name=op.f("pk_report_value")),
    )
    op.create_table(
        "score_run",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("school_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="1 for the first run of the report, 2 for the next…"),
        sa.Column("quarter", sa.String(6), nullable=False),
        sa.Column("scheme_version_id", sa.Uuid(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False, comment="accepted, deadline, manual or reopened"),
        sa.Column("sealed", sa.Text(), nullable=False, comment="canonical JSON of scheme digest, inputs and result"),
        sa.Column("sha256", sa.Text(), nullable=False, comment="of `sealed`, hex"),
        sa.Column("base", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("bonus", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("penalty", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("veto", sa.Text(), nullable=True),
        sa.Column("total", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False, comment="the band's Chinese name"),
        sa.Column("green", sa.Integer(), nullable=False),
        sa.Column("yellow", sa.Integer(), nullable=False),
        sa.Column("red", sa.Integer(), nullable=False),
        sa.Column("missing", sa.Integer(), nullable=False),
        sa.Column("not_applicable", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "scheme_version_id"],
            ["scheme_version.district_id", "scheme_version.id"],
            name=op.f("fk_score_run_district_id_scheme_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "school_id", "report_id"],
            ["report.district_id", "report.school_id", "report.id"],
            name=op.f("fk_score_run_district_id_school_id_report_id"),
        ),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_score_run_district_id")),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_score_run")),
        sa.UniqueConstraint(
            "district_id", "report_id", "number", name=op.f("uq_score_run_district_id_report_id_number")
        ),
        sa.UniqueConstraint("district_id", "school_id", "id", name=op.f("uq_score_run_district_id_school_id_id")),
    )
    op.create_table(
        "score_item",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("school_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("group_code", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="scoring.values.ItemState"),
        sa.Column("light", sa.Text(), nullable=True, comment="scoring.values.Light"),
        sa.Column("weight", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("earned", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("lost", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("values", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column(
            "shortfall",
            sa.Numeric(precision=18, scale=4),
            nullable=True,
            comment="absolute number short, in the indicator's unit",
        ),
        sa.Column("why", postgresql.JSONB(), nullable=False, comment="words: {text, params}"),
        sa.Column("short", postgresql.JSONB(), nullable=True, comment="shortfall in words: {text, params}"),
        sa.ForeignKeyConstraint(
            ["district_id", "school_id", "run_id"],
            ["score_run.district_id", "score_run.school_id", "score_run.id"],
            name=op.f("fk_score_item_district_id_school_id_run_id"),
        ),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_score_item_district_id")),
        sa.PrimaryKeyConstraint("district_id", "run_id", "code", name=op.f("pk_score_item")),
    )
    op.create_table(
        "standing",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("publication_id", sa.Uuid(), nullable=False),
        sa.Column("school_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("stage", sa.String(24), nullable=False),
        sa.Column("org_kind", sa.String(24), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("total", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("green", sa.Integer(), nullable=False),
        sa.Column("yellow", sa.Integer(), nullable=False),
        sa.Column("red", sa.Integer(), nullable=False),
        sa.Column(
            "ranks",
            postgresql.JSONB(),
            nullable=False,
            comment='{"district": [5, 60], "stage": [2, 20], "kind": [1, 9]}',
        ),
        sa.Column("disclosed", sa.Boolean(), nullable=False, comment="other schools of the district may see this row"),
        sa.ForeignKeyConstraint(
            ["district_id", "publication_id"],
            ["publication.district_id", "publication.id"],
            name=op.f("fk_standing_district_id_publication_id"),
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "school_id", "run_id"],
            ["score_run.district_id", "score_run.school_id", "score_run.id"],
            name=op.f("fk_standing_district_id_school_id_run_id"),
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "school_id"],
            ["school.district_id", "school.id"],
            name=op.f("fk_standing_district_id_school_id"),
        ),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_standing_district_id")),
        sa.PrimaryKeyConstraint("district_id", "publication_id", "school_id", name=op.f("pk_standing")),
    )
    op.create_index("ix_standing_run_id", "standing", ["district_id", "run_id"], unique=False)


def downgrade() -> None:
    for table in ("district", *CITY_READS):
        op.execute(f"DROP POLICY {table}_read ON {table}")
    op.drop_index("ix_standing_run_id", table_name="standing")
    op.drop_table("standing")
    op.drop_table("score_item")
    op.drop_table("score_run")
    op.drop_table("report_value")
    op.drop_table("report_step")
    op.drop_table("item_review")
    op.drop_table("evidence_file")
    op.drop_index("ix_report_score_due_at", table_name="report", postgresql_where=sa.text("score_due_at IS NOT NULL"))
    op.drop_table("report")
    op.drop_table("publication")
    op.drop_table("reporting_quarter")
    op.drop_index("ix_membership_account_id", table_name="membership")
    op.drop_table("membership")
    op.drop_index("ix_mail_next_try_at", table_name="mail", postgresql_where=sa.text("state = 'waiting'"))
    op.drop_table("mail")
    op.drop_index(op.f("ix_login_session_account_id"), table_name="login_session")
    op.drop_table("login_session")
    op.drop_index(op.f("ix_credential_link_account_id"), table_name="credential_link")
    op.drop_table("credential_link")
    op.drop_table("branch")
    op.drop_table("school")
    op.drop_table("scheme_version")
    op.drop_table("account")
    op.drop_table("district")
    op.drop_table("worker_lease")
    op.drop_table("job_state")
    op.drop_table("city")
    op.drop_table("audit_head")
    op.drop_table("audit_event")
    op.drop_table("attempt")
    op.execute("DROP FUNCTION refuse_change()")
    op.execute("DROP FUNCTION refuse_published_change()")
