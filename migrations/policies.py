"""Row-level security as migrations write it: one function for each kind of table.

A setting that was never made, or is empty, gives no rows: `nullif(…, '')` turns both into NULL.
"""

from alembic import op

DISTRICT = "nullif(current_setting('app.district', true), '')::uuid"
SCHOOLS = "coalesce(nullif(current_setting('app.schools', true), ''), '{}')::uuid[]"
PUBLISHED_IN = "coalesce(nullif(current_setting('app.published_in', true), ''), '{}')::uuid[]"
WHOLE = "coalesce(current_setting('app.whole_district', true), '') = 'on'"
OPERATOR = "coalesce(current_setting('app.operator', true), '') = 'on'"
JOB = "coalesce(current_setting('app.job', true), '') = 'on'"
ACCOUNT = "nullif(current_setting('app.account', true), '')::uuid"
SIGNING_IN_AS = "nullif(current_setting('app.signing_in_as', true), '')"


def in_school(column: str = "school_id") -> str:
    return f"district_id = {DISTRICT} AND ({WHOLE} OR {column} = ANY ({SCHOOLS}))"


def in_district() -> str:
    return f"district_id = {DISTRICT}"


def protect(table: str, using: str, check: str | None = None, *, read: str | None = None) -> None:
    """Force row security on `table`: rows for which `using` holds; `read` opens more rows for reading only."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY {table}_owned ON {table} USING ({using}) WITH CHECK ({check or using})")
    if read:
        op.execute(f"CREATE POLICY {table}_read ON {table} FOR SELECT USING ({read})")


def grant(table: str, rights: str, role: str) -> None:
    op.execute(f"GRANT {rights} ON {table} TO {role}")


def append_only(table: str) -> None:
    """Refuse every change and deletion, whoever asks."""
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
