"""Tenancy below everything: the guard in the session, and PostgreSQL's row policies behind it."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, IntegrityError

from tenants.db import bind, db, new_id, session, transaction
from tenants.errors import ScopeError
from tenants.reporting.models import Report, ReportStep, ReportValue
from tenants.schemes.models import SchemeVersion
from tenants.schools.models import Account, District, Membership, School
from tenants.scope import Role, Scope
from tests.world import NOW, World, send

OWNED = {
    name
    for name, table in db.metadata.tables.items()
    if "district_id" in table.columns and name not in ("login_session", "account", "audit_head")
}


def rows(table: str) -> int:
    return session().execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()


def test_an_unmarked_statement_raises(world: World) -> None:
    bind(world.alice.scope)
    for model in (School, Report, District, Account, Membership):
        with pytest.raises(ScopeError, match="no scope marked"):
            session().execute(sa.select(model))


def test_a_statement_of_another_scope_raises(world: World) -> None:
    bind(world.alice.scope)
    with pytest.raises(ScopeError, match="not the transaction's"):
        session().execute(world.ada.scope.select(School))


def test_lazy_and_bulk_writes_are_guarded(world: World) -> None:
    bind(world.alice.scope)
    with pytest.raises(ScopeError):
        session().execute(sa.update(Report).values(version=99))
    with pytest.raises(ScopeError):
        session().execute(sa.delete(Report))


def test_a_new_row_outside_the_scope_is_refused_before_it_is_sent(world: World) -> None:
    with pytest.raises(ScopeError), transaction(world.alice.scope):
        session().add(
            ReportStep(
                district_id=world.district, school_id=world.second_school, report_id=new_id(), seq=1, action="x",
                before="filling", after="filling", actor="x", at=NOW,
            )
        )  # fmt: skip


@pytest.mark.parametrize("table", sorted(OWNED))
def test_nobody_sees_no_owned_row(world: World, table: str) -> None:
    """Even raw SQL finds nothing while no scope has been told to the database: the setting is empty, not missing."""
    send(world, world.alice, world.bob)
    bind(Scope(role=Role.VIEWER))
    assert rows(table) == 0


@pytest.mark.parametrize("table", ["school", "report", "report_value", "report_step", "membership", "standing", "mail"])
def test_raw_sql_under_a_scope_sees_that_scope_only(world: World, table: str) -> None:
    send(world, world.alice, world.bob)
    foreign = sa.text(f"SELECT count(*) FROM {table} WHERE district_id <> :district")
    for someone in (world.alice, world.ada, world.rita):
        bind(someone.scope)
        assert session().execute(foreign, {"district": world.district}).scalar_one() == 0
    bind(world.carol.scope)
    assert rows("report_value") == 0
    bind(world.ada.scope)
    assert rows("report_value") > 30


def test_the_database_refuses_to_write_into_another_school(world: World) -> None:
    bind(world.carol.scope)
    stolen = session().execute(sa.text("UPDATE report SET version = 99"))
    assert stolen.rowcount == 1  # her own
    with pytest.raises(DatabaseError, match="row-level security"):
        session().execute(sa.text("UPDATE report SET school_id = :s"), {"s": world.school})
    session().rollback()


def test_the_database_refuses_a_child_under_anothers_parent(world: World) -> None:
    bind(world.alice.scope)
    mine = session().scalar(world.alice.scope.select(Report))
    assert mine is not None
    bind(world.carol.scope)
    with pytest.raises((IntegrityError, DatabaseError)), transaction(world.carol.scope):
        session().execute(
            world.carol.scope.insert(ReportValue),
            [
                {
                    "district_id": world.district, "school_id": world.second_school, "report_id": mine.id,
                    "code": "party_meeting_count", "unit_id": world.second_school, "na_reason": "", "note": "",
                    "entered_by": world.carol.person.id, "entered_at": NOW,
                }
            ],
        )  # fmt: skip


def test_the_app_role_can_change_neither_log_nor_published_scheme(world: World) -> None:
    for table in ("audit_event", "score_run", "score_item", "publication", "standing", "report_step"):
        for verb in ("DELETE FROM {}", "UPDATE {} SET district_id = district_id", "TRUNCATE {}"):
            bind(world.ada.scope)
            with pytest.raises(DatabaseError, match="permission denied"):
                session().execute(sa.text(verb.format(table)))
            session().rollback()
    bind(world.ada.scope)
    version = session().scalar(world.ada.scope.select(SchemeVersion))
    assert version is not None
    with pytest.raises(DatabaseError, match="never changes"), transaction(world.ada.scope):
        session().execute(world.ada.scope.update(SchemeVersion).values(name="x"))


def test_accounts_of_other_districts_are_invisible(world: World) -> None:
    bind(world.ada.scope)
    names = set(session().scalars(world.ada.scope.over(sa.select(Account.name))))
    assert world.alice.name in names and world.zoe.name not in names and world.oscar.name not in names


def test_a_city_sees_no_report(world: World) -> None:
    send(world, world.alice, world.bob)
    bind(world.city_viewer.scope)
    for table in (
        "report",
        "report_value",
        "evidence_file",
        "membership",
        "school",
        "audit_event",
        "mail",
        "score_run",
    ):
        assert rows(table) == 0
    assert rows("district") == 2


def test_an_operator_sees_no_school(world: World) -> None:
    send(world, world.alice, world.bob)
    bind(world.oscar.scope)
    for table in ("report", "report_value", "school", "branch", "evidence_file", "score_run", "standing"):
        assert rows(table) == 0
