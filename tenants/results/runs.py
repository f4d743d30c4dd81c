"""Reading score runs: a school its own, those who review all of the district, everybody else published ones only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import defer

from tenants.db import session
from tenants.errors import NotFound
from tenants.quarter import Quarter
from tenants.results.models import ScoreItem, ScoreRun, Standing
from tenants.results.publications import newest
from tenants.schemes import queries as schemes
from tenants.scope import Right, Scope
from tenants.scoring.canonical import words_from_data
from tenants.scoring.values import Indicator, ItemState, Light
from tenants.words import Words


@dataclass(frozen=True, slots=True)
class RunView:
    """A sealed computation; `cause` is accepted, deadline, manual or reopened."""

    id: UUID
    district_id: UUID
    school_id: UUID
    report_id: UUID
    number: int
    quarter: Quarter
    scheme_version_id: UUID
    computed_at: datetime
    cause: str
    sha256: str
    base: Decimal
    bonus: Decimal
    penalty: Decimal
    veto: str | None
    total: Decimal
    grade: str
    green: int
    yellow: int
    red: int
    missing: int
    not_applicable: int


@dataclass(frozen=True, slots=True)
class ItemView:
    """One indicator of a run. `values` are canonical data: number text, [num, den] texts, true, false or null."""

    run_id: UUID
    school_id: UUID
    code: str
    number: str
    name: str
    group_code: str
    unit: str
    state: ItemState
    light: Light | None
    weight: Decimal
    earned: Decimal
    lost: Decimal
    values: tuple[Any, ...]
    target: str | None
    shortfall: Decimal | None
    why: Words
    short: Words | None


def readable(scope: Scope) -> sa.Select[ScoreRun]:
    """`SELECT score_run` of what this scope may see, published or not; without the long sealed text."""
    statement = scope.select(ScoreRun).options(defer(ScoreRun.sealed, raiseload=True))
    return statement if sees_unpublished(scope) else statement.where(_stands(scope))


def sees_unpublished(scope: Scope) -> bool:
    """A school sees its own score as soon as there is one, and so do those who review it."""
    return not scope.published_in and (not scope.whole_district or scope.can(Right.REVIEW))


def _stands(scope: Scope) -> sa.ColumnElement[bool]:
    stands = sa.select(Standing.run_id).where(
        Standing.district_id == ScoreRun.district_id, Standing.run_id == ScoreRun.id
    )
    return scope.over(stands, Standing).exists()


def run(scope: Scope, run_id: UUID) -> RunView:
    """One run; NotFound for a stranger."""
    return _one(readable(scope).where(ScoreRun.id == run_id))


def newest_run(scope: Scope, school_id: UUID, quarter: Quarter) -> RunView:
    """The run that counts now, published or not; NotFound before the first, and for a stranger."""
    mine = readable(scope).where(ScoreRun.school_id == school_id, ScoreRun.quarter == quarter)
    return _one(mine.order_by(ScoreRun.number.desc()).limit(1))


def published_run(scope: Scope, school_id: UUID, quarter: Quarter) -> RunView:
    """The run that stands in the newest publication; NotFound before that, and for a stranger."""
    found = newest(scope, quarter)
    standing = sa.select(Standing.run_id).where(
        Standing.publication_id.in_([publication.id for publication in found]), Standing.school_id == school_id
    )
    return _one(readable(scope).where(ScoreRun.id.in_(scope.over(standing, Standing).scalar_subquery())))


def _one(statement: sa.Select[ScoreRun]) -> RunView:
    row = session().scalar(statement)
    if row is None:
        raise NotFound
    return view(row)


def runs(scope: Scope, *, school_id: UUID | None = None, quarter: Quarter | None = None) -> tuple[RunView, ...]:
    """Every run that the scope may see, by quarter, school and number."""
    statement = readable(scope).order_by(ScoreRun.quarter, ScoreRun.school_id, ScoreRun.number)
    if school_id is not None:
        statement = statement.where(ScoreRun.school_id == school_id)
    if quarter is not None:
        statement = statement.where(ScoreRun.quarter == quarter)
    return tuple(view(row) for row in session().scalars(statement))


def newest_runs(scope: Scope, quarter: Quarter) -> dict[UUID, RunView]:
    """The newest run of every school in the scope, by school."""
    statement = readable(scope).where(ScoreRun.quarter == quarter).order_by(ScoreRun.number)
    return {row.school_id: view(row) for row in session().scalars(statement)}


def runs_by_id(scope: Scope, run_ids: Sequence[UUID]) -> dict[UUID, RunView]:
    """Those of these runs that the scope may see."""
    rows = session().scalars(readable(scope).where(ScoreRun.id.in_(run_ids)).order_by(ScoreRun.id))
    return {row.id: view(row) for row in rows}


def view(row: ScoreRun) -> RunView:
    return RunView(
        row.id, row.district_id, row.school_id, row.report_id, row.number, row.quarter, row.scheme_version_id,
        row.computed_at, row.cause, row.sha256, row.base, row.bonus, row.penalty, row.veto, row.total, row.grade,
        row.green, row.yellow, row.red, row.missing, row.not_applicable,
    )  # fmt: skip


def items(scope: Scope, run_id: UUID) -> tuple[ItemView, ...]:
    """The indicators of a run in the scheme's order; NotFound for a stranger."""
    found = run(scope, run_id)
    return items_of(scope, (found,))[run_id]


def items_of(scope: Scope, found: Sequence[RunView], *, lossy: bool = False) -> dict[UUID, tuple[ItemView, ...]]:
    """The indicators of several runs, by run; `lossy` leaves out those that lost no point. Reads once for all."""
    statement = scope.select(ScoreItem).where(ScoreItem.run_id.in_([each.id for each in found]))
    if lossy:
        statement = statement.where(ScoreItem.lost > 0)
    rows: dict[UUID, dict[str, ScoreItem]] = {each.id: {} for each in found}
    for row in session().scalars(statement):
        rows[row.run_id][row.code] = row
    versions = {each.scheme_version_id for each in found}
    order = {version: schemes.scheme_of(scope, version).indicators for version in versions}
    return {each.id: _in_order(order[each.scheme_version_id], rows[each.id]) for each in found}


def _in_order(indicators: Sequence[Indicator], rows: Mapping[str, ScoreItem]) -> tuple[ItemView, ...]:
    return tuple(_item(one, rows[one.code]) for one in indicators if one.code in rows)


def _item(indicator: Indicator, row: ScoreItem) -> ItemView:
    return ItemView(
        row.run_id, row.school_id, row.code, indicator.number, indicator.name_zh, row.group_code, indicator.unit,
        ItemState(row.state), Light(row.light) if row.light else None, row.weight, row.earned, row.lost,
        tuple(row.values), row.target, row.shortfall, words_from_data(row.why),
        words_from_data(row.short) if row.short else None,
    )  # fmt: skip
