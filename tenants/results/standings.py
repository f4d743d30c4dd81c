"""The ranking of a published quarter, shaped by who asks and by what the district discloses."""

from collections.abc import Mapping
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
    Tier,
    before,
    phase,
    places,
    publications,
    standings_in,
)
from tenants.schools import queries as schools
from tenants.schools.models import Disclosure
from tenants.scope import Right, Scope
from tenants.scoring.ranking import movement
from tenants.words import Words


@dataclass(frozen=True, slots=True)
class RankedRow:
    """A school in a ranking. `rank` of `of` within the rows asked for; None where only tiers are told.

    `change` is of the total, `moved` of the place (positive: up), since the quarter published before; None: not there.
    """

    standing: StandingView
    district_name: str
    rank: int | None
    of: int | None
    change: Decimal | None
    moved: int | None
    own: bool


@dataclass(frozen=True, slots=True)
class Ranking:
    """The rows in the order of their places, or in words why there are none. `whole`: they are all that were ranked."""

    quarter: Quarter
    phase: Phase
    publication: PublicationView | None
    previous: Quarter | None
    filters: Filters
    rows: tuple[RankedRow, ...]
    tiers: tuple[Tier, ...]
    whole: bool

    @property
    def words(self) -> Words:
        return Words(PHASE_WORDS[self.phase])


def standings(scope: Scope, quarter: Quarter, filters: Filters = EVERYTHING) -> Ranking:
    """The published ranking of a quarter as this scope may see it."""
    scope.require(Right.SEE_RANKING)
    known = publications(scope)
    now = tuple(each for each in known if each.quarter == quarter)
    if not now:
        return Ranking(quarter, phase(scope, quarter), None, None, filters, (), (), whole=False)
    then = before(known, quarter)
    newest = max(now, key=lambda publication: publication.published_at)
    return Ranking(
        quarter,
        Phase.PUBLISHED,
        newest,
        max((publication.quarter for publication in then), default=None),
        filters,
        _rows(scope, _field(scope, now, filters), _field(scope, then, filters)),
        newest.tiers if newest.disclosure is Disclosure.TIERS else (),
        whole=_is_whole(scope, now),
    )


@dataclass(frozen=True, slots=True)
class _Field:
    """Rows with their places, (place, of how many) by school."""

    rows: tuple[StandingView, ...]
    places: Mapping[UUID, tuple[int, int]]


def _field(scope: Scope, found: tuple[PublicationView, ...], filters: Filters) -> _Field:
    rows = standings_in(scope, found, filters)
    if _is_whole(scope, found):
        return _Field(rows, {school_id: (place, len(rows)) for school_id, place in places(rows).items()})
    within = filters.frozen_place
    if within is None or any(publication.disclosure is Disclosure.TIERS for publication in found):
        return _Field(rows, {})
    return _Field(rows, {row.school_id: row.ranks[within] for row in rows})


def _is_whole(scope: Scope, found: tuple[PublicationView, ...]) -> bool:
    """Whether the scope sees every row of these publications, so that places may be counted among them."""
    disclosed = all(publication.disclosure is Disclosure.FULL for publication in found)
    return scope.whole_district or bool(scope.published_in) or disclosed


def _rows(scope: Scope, now: _Field, then: _Field) -> tuple[RankedRow, ...]:
    names = _district_names(scope)
    totals = {row.school_id: row.total for row in then.rows}
    moved = movement(_bare(then.places), _bare(now.places))
    ranked = []
    for row in now.rows:
        place, of = now.places.get(row.school_id, (None, None))
        change = row.total - totals[row.school_id] if row.school_id in totals else None
        own = row.school_id in scope.schools
        name = names.get(row.district_id, "")
        ranked.append(RankedRow(row, name, place, of, change, moved.get(row.school_id), own))
    return tuple(sorted(ranked, key=lambda each: each.rank or 0))


def _bare(found: Mapping[UUID, tuple[int, int]]) -> dict[UUID, int]:
    return {school_id: place for school_id, (place, _) in found.items()}


def _district_names(scope: Scope) -> dict[UUID, str]:
    return {district.id: district.name for district in schools.districts(scope)}
