"""Reading districts, schools, branches and people, as frozen values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from tenants.db import session
from tenants.errors import NotFound
from tenants.schools.models import (
    Account,
    Branch,
    City,
    Disclosure,
    District,
    Membership,
    OrgKind,
    School,
    Stage,
)
from tenants.scope import Role, Scope


@dataclass(frozen=True, slots=True)
class DistrictView:
    id: UUID
    code: str
    name: str
    office: str
    zone: str
    disclosure: Disclosure
    contact_name: str
    contact_phone: str
    city_id: UUID | None


@dataclass(frozen=True, slots=True)
class SchoolView:
    id: UUID
    code: str
    name: str
    short_name: str
    stage: Stage
    org_kind: OrgKind
    group_name: str
    one_leader: bool
    position: int
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class BranchView:
    id: UUID
    school_id: UUID
    name: str
    has_committee: bool
    has_groups: bool


@dataclass(frozen=True, slots=True)
class Colleague:
    """A person in a post of the district; `active` once they have set a password."""

    membership_id: UUID
    account_id: UUID
    login: str
    name: str
    email: str
    phone: str
    role: Role
    school_id: UUID | None
    active: bool


def district(scope: Scope) -> DistrictView:
    """The district that `scope` works in."""
    row = session().scalar(scope.over(sa.select(District).where(District.id == scope.district)))
    if row is None:
        raise NotFound
    return _district(row)


def _district(row: District) -> DistrictView:
    return DistrictView(
        row.id,
        row.code,
        row.name,
        row.office,
        row.zone,
        row.disclosure,
        row.contact_name,
        row.contact_phone,
        row.city_id,
    )


def districts(scope: Scope) -> tuple[DistrictView, ...]:
    """Every district that `scope` may know of: all for operator and jobs, a city's for its viewer, one's own else."""
    rows = session().scalars(scope.over(sa.select(District).order_by(District.name)))
    return tuple(_district(row) for row in rows)


def districts_of_city(scope: Scope, city_id: UUID) -> frozenset[UUID]:
    """The districts of a city; read at sign-in by the city's viewer, whom the row policy lets know of them."""
    return frozenset(session().scalars(scope.over(sa.select(District.id).where(District.city_id == city_id))))


def tenant_of(scope: Scope) -> str:
    """The name that stands in the top bar: the school's, or the district's."""
    if scope.district_id is None:
        return ""
    if not scope.whole_district and len(scope.schools) == 1:
        return school(scope, scope.school).name
    return district(scope).office


def schools(scope: Scope, *, closed: bool = False) -> tuple[SchoolView, ...]:
    """The schools of `scope` in the district's own order."""
    statement = scope.select(School).order_by(School.position, School.code)
    if not closed:
        statement = statement.where(School.closed_at.is_(None))
    return tuple(_school(row) for row in session().scalars(statement))


def search(
    scope: Scope, text: str, *, stage: Stage | None = None, org_kind: OrgKind | None = None, group: str = "",
    closed: bool = False,
) -> tuple[SchoolView, ...]:  # fmt: skip
    """Schools whose name, short name, pinyin, initials or code holds `text`, in the district's own order."""
    statement = scope.select(School).order_by(School.position, School.code)
    statement = statement.where(School.closed_at.is_not(None) if closed else School.closed_at.is_(None))
    spelled = "".join(text.lower().split())
    if spelled:
        fields = (School.name, School.short_name, School.pinyin, School.code)
        statement = statement.where(sa.or_(*(field.contains(spelled, autoescape=True) for field in fields)))
    for column, value in ((School.stage, stage), (School.org_kind, org_kind), (School.group_name, group)):
        if value:
            statement = statement.where(column == value)
    return tuple(_school(row) for row in session().scalars(statement))


def groups(scope: Scope) -> tuple[str, ...]:
    """The 片区 in use."""
    named = sa.select(School.group_name).where(School.group_name != "").distinct().order_by(School.group_name)
    return tuple(session().scalars(scope.over(named, School)))


def school(scope: Scope, school_id: UUID) -> SchoolView:
    """One school; NotFound for a stranger."""
    row = session().scalar(scope.select(School).where(School.id == school_id))
    if row is None:
        raise NotFound
    return _school(row)


def _school(row: School) -> SchoolView:
    return SchoolView(
        row.id, row.code, row.name, row.short_name or row.name, row.stage, row.org_kind, row.group_name, row.one_leader,
        row.position, row.closed_at,
    )  # fmt: skip


def branches(scope: Scope, school_ids: Sequence[UUID]) -> dict[UUID, tuple[BranchView, ...]]:
    """The living branches of each school, in order; a school without any has an empty tuple."""
    rows = session().scalars(
        scope.select(Branch)
        .where(Branch.school_id.in_(school_ids), Branch.ended_at.is_(None))
        .order_by(Branch.position, Branch.id)
    )
    found: dict[UUID, list[BranchView]] = {school_id: [] for school_id in school_ids}
    for row in rows:
        found[row.school_id].append(BranchView(row.id, row.school_id, row.name, row.has_committee, row.has_groups))
    return {school_id: tuple(each) for school_id, each in found.items()}


def branch(scope: Scope, school_id: UUID, branch_id: UUID) -> BranchView:
    """One living branch of a school; NotFound for a stranger."""
    for found in branches(scope, [school_id])[school_id]:
        if found.id == branch_id:
            return found
    raise NotFound


def post(scope: Scope, account_id: UUID, membership_id: UUID) -> Colleague:
    """One living post of a person; NotFound for a stranger."""
    for found in colleagues(scope, account_id=account_id):
        if found.membership_id == membership_id:
            return found
    raise NotFound


def colleagues(
    scope: Scope,
    *,
    role: Role | None = None,
    school_id: UUID | None = None,
    account_id: UUID | None = None,
    waiting: bool = False,
    text: str = "",
) -> tuple[Colleague, ...]:
    """People in living posts, optionally of one role, school or person, or `waiting` to set their first password.

    `text` is looked for in names and sign-in names.

    Ordered by school and role.
    """
    statement = scope.over(
        sa.select(Membership, Account)
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.ended_at.is_(None), Account.disabled_at.is_(None))
        .order_by(Membership.school_id.nulls_first(), Membership.role, Membership.id),
        Membership,
    )
    if role is not None:
        statement = statement.where(Membership.role == role)
    if school_id is not None:
        statement = statement.where(Membership.school_id == school_id)
    if account_id is not None:
        statement = statement.where(Membership.account_id == account_id)
    if waiting:
        statement = statement.where(Account.password_hash == "")
    if text:
        fields = (Account.name, Account.login)
        statement = statement.where(sa.or_(*(field.icontains(text, autoescape=True) for field in fields)))
    return tuple(
        Colleague(
            post.id, account.id, account.login, account.name, account.email, account.phone, post.role, post.school_id,
            bool(account.password_hash),
        )
        for post, account in session().execute(statement)
    )  # fmt: skip


def names_of(scope: Scope, account_ids: set[UUID]) -> dict[UUID, str]:
    """Names of people, for showing who did what; those outside the scope are left out."""
    rows = session().execute(scope.over(sa.select(Account.id, Account.name).where(Account.id.in_(account_ids))))
    return {row.id: row.name for row in rows}


def demo_accounts(scope: Scope) -> int:
    """How many living sign-ins of a demo there are in the installation."""
    counted = sa.select(sa.func.count()).where(Account.demo, Account.disabled_at.is_(None))
    return session().scalar(scope.over(counted)) or 0


def has_operator(scope: Scope) -> bool:
    """Whether anybody operates the installation yet."""
    found = sa.select(Account.id).where(Account.operator, Account.disabled_at.is_(None)).limit(1)
    return session().scalar(scope.over(found)) is not None


def operator_by_login(scope: Scope, login: str) -> UUID | None:
    found = sa.select(Account.id).where(Account.operator, Account.login == login, Account.disabled_at.is_(None))
    return session().scalar(scope.over(found))


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as those see it who manage it; `active` once its holder has set a password."""

    id: UUID
    login: str
    name: str
    email: str
    phone: str
    active: bool
    operator: bool
    city_id: UUID | None


def account(scope: Scope, account_id: UUID) -> AccountView:
    """A living account that `scope` manages: of its district, or of the installation for an operator."""
    row = session().scalar(scope.over(sa.select(Account).where(Account.id == account_id)))
    if row is None or row.district_id != scope.district_id or row.disabled_at is not None:
        raise NotFound
    return _account(row)


def _account(row: Account) -> AccountView:
    return AccountView(
        row.id, row.login, row.name, row.email, row.phone, bool(row.password_hash), row.operator, row.city_id
    )


def installation_accounts(scope: Scope) -> tuple[AccountView, ...]:
    """The living accounts of no district, operators first; `scope` is an operator's."""
    rows = session().scalars(
        scope.over(
            sa.select(Account)
            .where(Account.district_id.is_(None), Account.disabled_at.is_(None))
            .order_by(Account.operator.desc(), Account.login)
        )
    )
    return tuple(_account(row) for row in rows)


def account_counts(scope: Scope) -> dict[UUID, int]:
    """Living accounts by district; `scope` is an operator's."""
    counted = session().execute(
        scope.over(
            sa.select(Account.district_id, sa.func.count())
            .where(Account.district_id.is_not(None), Account.disabled_at.is_(None))
            .group_by(Account.district_id)
        )
    )
    return {district_id: count for district_id, count in counted if district_id}


def school_count(scope: Scope) -> int:
    """How many schools the scope's district has that are not closed."""
    counted = sa.select(sa.func.count()).select_from(School).where(School.closed_at.is_(None))
    return session().scalar(scope.over(counted, School)) or 0


@dataclass(frozen=True, slots=True)
class CityView:
    id: UUID
    name: str


def cities(scope: Scope) -> tuple[CityView, ...]:
    rows = session().scalars(scope.over(sa.select(City).order_by(City.name)))
    return tuple(CityView(row.id, row.name) for row in rows)
