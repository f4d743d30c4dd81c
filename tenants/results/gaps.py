"""Where points were lost in a published quarter: by indicator, and by school and indicator."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from tenants.quarter import Quarter
from tenants.results.publications import (
    EVERYTHING,
    PHASE_WORDS,
    Filters,
    Phase,
    PublicationView,
    StandingView,
    newest,
    phase,
    standings_in,
)
from tenants.results.runs import ItemView, items_of, runs_by_id
from tenants.schools import queries as schools
from tenants.scope import Right, Scope
from tenants.scoring.values import ZERO, ItemState, Light
from tenants.words import Words


@dataclass(frozen=True, slots=True)
class GapRow:
    """An indicator that cost a school points; `short` is what is still to do."""

    standing: StandingView
    district_name: str
    item: ItemView

    @property
    def lost(self) -> Decimal:
        return self.item.lost

    @property
    def short(self) -> Words | None:
        return self.item.short


@dataclass(frozen=True, slots=True)
class IndicatorGap:
    """What an indicator cost all the schools asked for; `schools` lost points on it, `missing` never reported it."""

    code: str
    number: str
    name: str
    group_code: str
    lost: Decimal
    schools: int
    red: int
    yellow: int
    missing: int


@dataclass(frozen=True, slots=True)
class Gaps:
    """Rows by lost points, most first, or in words why there are none; `schools` is how many were looked at."""

    quarter: Quarter
    phase: Phase
    publication: PublicationView | None
    filters: Filters
    schools: int
    indicators: tuple[IndicatorGap, ...]
    rows: tuple[GapRow, ...]

    @property
    def words(self) -> Words:
        return Words(PHASE_WORDS[self.phase])


def gaps(scope: Scope, quarter: Quarter, filters: Filters = EVERYTHING) -> Gaps:
    """The gaps of a published quarter; a school sees its own only, whatever the district discloses."""
    scope.require(Right.SEE_RANKING)
    found = newest(scope, quarter)
    if not found:
        return Gaps(quarter, phase(scope, quarter), None, filters, 0, (), ())
    standings = standings_in(scope, found, filters, own=True)
    rows = _rows(scope, standings)
    publication = max(found, key=lambda each: each.published_at)
    return Gaps(quarter, Phase.PUBLISHED, publication, filters, len(standings), _by_indicator(rows), rows)


def _rows(scope: Scope, standings: tuple[StandingView, ...]) -> tuple[GapRow, ...]:
    runs = runs_by_id(scope, [standing.run_id for standing in standings])
    items = items_of(scope, tuple(runs.values()), lossy=True)
    names = {district.id: district.name for district in schools.districts(scope)}
    rows = [
        GapRow(standing, names.get(standing.district_id, ""), item)
        for standing in standings
        for item in items.get(standing.run_id, ())
    ]
    return tuple(sorted(rows, key=lambda row: row.lost, reverse=True))


def _by_indicator(rows: Iterable[GapRow]) -> tuple[IndicatorGap, ...]:
    """One line for each indicator, most lost points first; equal codes of several districts are added up."""
    by_code: dict[str, list[ItemView]] = {}
    for row in rows:
        by_code.setdefault(row.item.code, []).append(row.item)
    return tuple(sorted(map(_indicator, by_code.values()), key=lambda gap: gap.lost, reverse=True))


def _indicator(items: list[ItemView]) -> IndicatorGap:
    lights = [item.light for item in items]
    return IndicatorGap(
        items[0].code,
        items[0].number,
        items[0].name,
        items[0].group_code,
        sum((item.lost for item in items), ZERO),
        len({item.school_id for item in items}),
        lights.count(Light.RED),
        lights.count(Light.YELLOW),
        sum(item.state is ItemState.MISSING for item in items),
    )


def reds(scope: Scope, run_ids: Iterable[UUID]) -> dict[UUID, tuple[ItemView, ...]]:
    """The indicators with a red light, by school; reads once for all the runs."""
    runs = runs_by_id(scope, list(run_ids))
    items = items_of(scope, tuple(runs.values()), lossy=True)
    red = {runs[run_id].school_id: tuple(i for i in found if i.light is Light.RED) for run_id, found in items.items()}
    return {school_id: found for school_id, found in red.items() if found}
