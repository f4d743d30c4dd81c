"""Who may see what: the capability that every query and action takes as its first argument.

A `Scope` is built in three places only: at sign-in (`web/auth.py`), by the job runner (`jobs/runner.py`) and in tests.
It is never read from a form, an address, a store or a callback's input.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from tenants.errors import Forbidden, ScopeError
from tenants.words import N_, Words, listed, words

M = TypeVar("M")
S = TypeVar("S", bound=sa.Executable)


class Role(StrEnum):
    """What a person is in one place; the Chinese titles are in `ROLE_NAMES`."""

    REPORTER = "reporter"
    SECRETARY = "secretary"
    REVIEWER = "reviewer"
    ADMIN = "admin"
    VIEWER = "viewer"
    CITY_VIEWER = "city_viewer"
    OPERATOR = "operator"
    JOB = "job"


ROLE_NAMES: dict[Role, str] = {
    Role.REPORTER: N_("党务干事"),
    Role.SECRETARY: N_("书记"),
    Role.REVIEWER: N_("工委审核员"),
    Role.ADMIN: N_("工委管理员"),
    Role.VIEWER: N_("区级领导"),
    Role.CITY_VIEWER: N_("市级领导"),
    Role.OPERATOR: N_("运维"),
    Role.JOB: N_("系统"),
}


def named(roles: Iterable[Role]) -> Words:
    """The titles of `roles`, enumerated."""
    return listed([Words(ROLE_NAMES[role]) for role in roles])


SCHOOL_ROLES = frozenset({Role.REPORTER, Role.SECRETARY})
DISTRICT_ROLES = frozenset({Role.REVIEWER, Role.ADMIN, Role.VIEWER})


class Right(StrEnum):
    """One thing that a role may do; `RIGHTS` is the whole table."""

    FILL = "fill"
    APPROVE = "approve"
    REVIEW = "review"
    PUBLISH = "publish"
    MANAGE = "manage"
    SEE_OWN = "see_own"
    SEE_DISTRICT = "see_district"
    SEE_RANKING = "see_ranking"
    OPERATE = "operate"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.REPORTER: frozenset({Right.FILL, Right.SEE_OWN, Right.SEE_RANKING}),
    Role.SECRETARY: frozenset({Right.FILL, Right.APPROVE, Right.SEE_OWN, Right.SEE_RANKING}),
    Role.REVIEWER: frozenset({Right.REVIEW, Right.SEE_DISTRICT, Right.SEE_RANKING}),
    Role.ADMIN: frozenset({Right.REVIEW, Right.PUBLISH, Right.MANAGE, Right.SEE_DISTRICT, Right.SEE_RANKING}),
    Role.VIEWER: frozenset({Right.SEE_DISTRICT, Right.SEE_RANKING}),
    Role.CITY_VIEWER: frozenset({Right.SEE_RANKING}),
    Role.OPERATOR: frozenset({Right.OPERATE}),
    Role.JOB: frozenset(Right),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Who holds one may read and write the rows that it names, and no others.

    `whole_district` opens every school of `district_id`; otherwise `schools` are the only ones.
    `published_in` are districts whose *published* results may be read besides (a city's view).
    `own_school_id` is the school that a reviewer belongs to and may therefore not review.
    """

    role: Role
    account_id: UUID | None = None
    actor: str = ""
    address: str = ""
    district_id: UUID | None = None
    whole_district: bool = False
    schools: frozenset[UUID] = frozenset()
    published_in: frozenset[UUID] = frozenset()
    own_school_id: UUID | None = None
    signing_in_as: str = field(default="", repr=False)

    def can(self, right: Right) -> bool:
        return right in RIGHTS[self.role]

    def require(self, right: Right) -> None:
        """Raise Forbidden, naming the roles that have `right`, unless this one has it."""
        if not self.can(right):
            who = named(role for role in Role if right in RIGHTS[role] and role is not Role.JOB)
            mine = Words(ROLE_NAMES[self.role])
            raise Forbidden(words(N_("这件事由{who}办理，您现在的身份是{role}。"), who=who, role=mine))

    @property
    def district(self) -> UUID:
        """The one district this scope works in; a scope without one has no business with owned rows."""
        if self.district_id is None:
            raise ScopeError("this scope names no district")
        return self.district_id

    @property
    def school(self) -> UUID:
        """The one school of a school's scope."""
        if self.whole_district or len(self.schools) != 1:
            raise ScopeError("this scope does not name one school")
        return next(iter(self.schools))

    def covers(self, school_id: UUID) -> bool:
        return self.whole_district or school_id in self.schools

    def narrowed(self, school_id: UUID) -> "Scope":
        """The same person looking at one school only: what a message to that school may be made of."""
        return Scope(
            role=self.role, account_id=self.account_id, actor=self.actor, address=self.address,
            district_id=self.district_id, schools=frozenset({school_id}),
        )  # fmt: skip

    def select(self, model: type[M]) -> sa.Select[M]:
        """`SELECT model`, filtered to this scope and marked for the guard."""
        return self.over(sa.select(model), model)

    def over(self, statement: S, *models: type[Any]) -> S:
        """`statement`, filtered to this scope for each owned model it reads, and marked for the guard."""
        for model in models:
            statement = statement.where(*self._criteria(model))  # type: ignore[attr-defined]
        return statement.execution_options(scope=self)

    def update(self, model: type[Any]) -> sa.Update:
        return self.over(sa.update(model), model)

    def delete(self, model: type[Any]) -> sa.Delete:
        return self.over(sa.delete(model), model)

    def insert(self, model: type[Any]) -> sa.Insert:
        """`INSERT model`, marked; that the rows lie in this scope is checked by the database's policies."""
        return sa.insert(model).execution_options(scope=self)

    def _criteria(self, model: type[Any]) -> list[sa.ColumnElement[bool]]:
        criteria: list[sa.ColumnElement[bool]] = []
        if hasattr(model, "district_id"):
            readable = {self.district_id} if self.district_id else set()
            criteria.append(model.district_id.in_(readable | self.published_in))
        if getattr(model, "__owner__", None) == "school" and not self.whole_district and not self.published_in:
            criteria.append(getattr(model, model.__school_column__).in_(self.schools))
        return criteria

    def settings(self) -> dict[str, str]:
        """What the transaction tells PostgreSQL, where the row policies read it; every name is always set."""
        return {
            "app.district": str(self.district_id or ""),
            "app.schools": "{" + ",".join(str(school) for school in sorted(self.schools)) + "}",
            "app.whole_district": "on" if self.whole_district else "",
            "app.published_in": "{" + ",".join(str(district) for district in sorted(self.published_in)) + "}",
            "app.account": str(self.account_id or ""),
            "app.signing_in_as": self.signing_in_as,
            "app.operator": "on" if self.role is Role.OPERATOR else "",
            "app.job": "on" if self.role is Role.JOB else "",
        }
