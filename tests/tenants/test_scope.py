"""The capability: rights, what it covers, what it tells the database; alone covers tenants/scope.py to the last branch."""

from uuid import UUID

import pytest
import sqlalchemy as sa

from tenants.errors import Forbidden, ScopeError
from tenants.reporting.models import Report
from tenants.schools.models import Account, City, School
from tenants.scope import RIGHTS, Right, Role, Scope
from tenants.words import N_

A, B, C = (UUID(int=n) for n in (1, 2, 3))
DISTRICT = UUID(int=9)


def school_scope(*schools: UUID, **more: object) -> Scope:
    given: dict[str, object] = {"role": Role.REPORTER, "district_id": DISTRICT, "schools": frozenset(schools)} | more
    return Scope(**given)  # type: ignore[arg-type]


def where(statement: sa.Select[tuple[object]]) -> str:
    return str(statement.compile(compile_kwargs={"literal_binds": True}))


def test_every_role_has_its_rights_and_only_jobs_have_all() -> None:
    assert set(RIGHTS) == set(Role)
    assert [role for role, rights in RIGHTS.items() if rights == frozenset(Right)] == [Role.JOB]
    assert Right.OPERATE not in RIGHTS[Role.ADMIN]
    assert RIGHTS[Role.OPERATOR] == {Right.OPERATE}


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.JOB])
@pytest.mark.parametrize("right", list(Right))
def test_require_refuses_in_words_that_name_who_may(role: Role, right: Right) -> None:
    scope = Scope(role=role)
    if right in RIGHTS[role]:
        scope.require(right)
        assert scope.can(right)
    else:
        with pytest.raises(Forbidden, match="办理"):
            scope.require(right)


def test_a_scope_without_a_district_has_no_business_with_owned_rows() -> None:
    with pytest.raises(ScopeError):
        _ = Scope(role=Role.OPERATOR).district
    assert school_scope(A).district == DISTRICT


@pytest.mark.parametrize("scope", [school_scope(A, B), school_scope(), school_scope(A, whole_district=True)])
def test_only_one_schools_scope_names_a_school(scope: Scope) -> None:
    with pytest.raises(ScopeError):
        _ = scope.school
    assert school_scope(A).school == A


def test_covers() -> None:
    assert school_scope(A).covers(A)
    assert not school_scope(A).covers(B)
    assert school_scope(whole_district=True).covers(B)


def test_narrowed_sees_one_school_of_the_same_district() -> None:
    narrow = school_scope(whole_district=True, actor="安").narrowed(C)
    assert (narrow.schools, narrow.whole_district, narrow.district_id, narrow.actor) == ({C}, False, DISTRICT, "安")


def test_select_filters_school_rows_by_school() -> None:
    text = where(school_scope(A).select(Report))
    assert f"'{A.hex}'" in text.replace("-", "") and "school_id IN" in text
    assert "school.id IN" in where(school_scope(A).select(School))


def test_a_whole_district_is_filtered_by_district_alone() -> None:
    text = where(school_scope(whole_district=True).select(Report))
    assert "district_id IN" in text and "report.school_id IN" not in text


def test_a_city_reads_its_districts_and_marks_no_school() -> None:
    text = where(Scope(role=Role.CITY_VIEWER, published_in=frozenset({A, B})).select(Report))
    assert A.hex in text.replace("-", "") and B.hex in text.replace("-", "")
    assert "report.school_id IN" not in text


def test_accounts_are_filtered_by_their_district() -> None:
    statement = school_scope(A).over(sa.select(Account.id), Account)
    assert statement.get_execution_options()["scope"] == school_scope(A)


def test_tables_of_the_installation_are_marked_only() -> None:
    statement = school_scope(A).over(sa.select(City.id), City)
    assert statement.get_execution_options()["scope"] == school_scope(A)
    assert "WHERE" not in str(statement)


def test_writes_are_marked_and_filtered_too() -> None:
    scope = school_scope(A)
    for statement in (scope.update(Report), scope.delete(Report)):
        assert statement.get_execution_options()["scope"] is scope
        assert "school_id IN" in str(statement)
    assert scope.insert(Report).get_execution_options()["scope"] is scope


def test_settings_name_everything_each_time() -> None:
    names = set(Scope(role=Role.VIEWER).settings())
    full = school_scope(A, B, role=Role.JOB, whole_district=True, account_id=C, published_in=frozenset({A}))
    assert set(full.settings()) == names
    assert full.settings()["app.schools"] == f"{{{A},{B}}}"
    assert full.settings()["app.job"] == "on" and full.settings()["app.operator"] == ""
    assert Scope(role=Role.OPERATOR).settings()["app.operator"] == "on"
    assert all(value in ("", "{}") for value in Scope(role=Role.VIEWER).settings().values())
    assert N_("x") == "x"
