"""Reading publications and their standings: what a quarter's result is to everybody but the school itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa

from tenants.db import session
from tenants.quarter import Quarter
from tenants.reporting.models import ReportingQuarter
from tenants.results.models import Publication, Standing
from tenants.schools.models import Disclosure, OrgKind, Stage
from tenants.scope import Scope
from tenants.scoring.ranking import rank
from tenants.words import N_

Tier = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class PublicationView:
    """A published quarter of a district; `tiers` are names of schools by tier, where that is all that is told."""

    id: UUID
    district_id: UUID
    quarter: Quarter
    version: int
    published_at: datetime
    disclosure: Disclosure
    schools: int
    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which rows are asked for; None and the empty text mean all. `district_id` is for a city's view."""

    stage: Stage | None = None
    org_kind: OrgKind | None = None
    group: str = ""
    district_id: UUID | None = None

    @property
    def frozen_place(self) -> str | None:
        """Which of the places that were frozen at publication answers to these filters."""
        if self.group or (self.stage and self.org_kind):
            return None
        return "stage" if self.stage else "kind" if self.org_kind else "district"


EVERYTHING = Filters()


@dataclass(frozen=True, slots=True)
class StandingView:
    """A school as it was ranked; `ranks` holds (place, of how many) under district, stage and kind."""

    publication_id: UUID
    district_id: UUID
    school_id: UUID
    run_id: UUID
    name: str
    stage: Stage
    org_kind: OrgKind
    group_name: str
    position: int
    total: Decimal
    grade: str
    green: int
    yellow: int
    red: int
    ranks: Mapping[str, tuple[int, int]]


class Phase(StrEnum):
    """How far a quarter has come towards its result."""

    NOT_OPEN = "not_open"
    REPORTING = "reporting"
    APPEAL = "appeal"
    PUBLISHED = "published"


PHASE_WORDS: dict[Phase, str] = {
    Phase.NOT_OPEN: N_("本季度还没有开放填报，因此没有成绩。"),
    Phase.REPORTING: N_("本季度还在填报、审核和计分，公布后在这里看结果。"),
    Phase.APPEAL: N_("本季度已经计分，正在申诉期，公布后在这里看结果。"),
    Phase.PUBLISHED: N_("本季度结果已公布。"),
}


def publications(scope: Scope) -> tuple[PublicationView, ...]:
    """The newest version of every published quarter, newest quarter first; of all districts for a city."""
    rows = session().scalars(
        scope.select(Publication).order_by(Publication.quarter.desc(), Publication.version.desc(), Publication.id)
    )
    found: dict[tuple[UUID, Quarter], PublicationView] = {}
    for row in rows:
        found.setdefault((row.district_id, row.quarter), _view(row))
    return tuple(found.values())


def history(scope: Scope, quarter: Quarter) -> tuple[tuple[PublicationView, UUID | None], ...]:
    """Every version of the quarter's publication with who published it, newest first."""
    rows = session().scalars(
        scope.select(Publication).where(Publication.quarter == quarter).order_by(Publication.version.desc())
    )
    return tuple((_view(row), row.published_by) for row in rows)


def newest(scope: Scope, quarter: Quarter) -> tuple[PublicationView, ...]:
    """The quarter's newest publication, of each district in the scope."""
    return tuple(each for each in publications(scope) if each.quarter == quarter)


def publication(scope: Scope, quarter: Quarter) -> PublicationView | None:
    """The quarter's newest publication; for a city, the one that came last among its districts."""
    return max(newest(scope, quarter), key=lambda found: found.published_at, default=None)


def before(found: Iterable[PublicationView], quarter: Quarter) -> tuple[PublicationView, ...]:
    """Of each district, the publication of the quarter that was published last before `quarter`; newest come first."""
    last: dict[UUID, PublicationView] = {}
    for each in found:
        if each.quarter < quarter:
            last.setdefault(each.district_id, each)
    return tuple(last.values())


def _view(row: Publication) -> PublicationView:
    tiers = tuple((tier, tuple(names)) for tier, names in row.tiers or ())
    return PublicationView(
        row.id, row.district_id, row.quarter, row.version, row.published_at, row.disclosure, row.schools, tiers
    )


def standings_in(
    scope: Scope, found: Iterable[PublicationView], filters: Filters = EVERYTHING, *, own: bool = False
) -> tuple[StandingView, ...]:
    """The rows of these publications that the scope may see; `own`: those of its own schools only."""
    statement = _own(scope) if own else _visible(scope)
    statement = statement.where(Standing.publication_id.in_([publication.id for publication in found]))
    rows = session().scalars(statement.where(*_criteria(filters)).order_by(Standing.position, Standing.school_id))
    return tuple(_standing(row) for row in rows)


def _own(scope: Scope) -> sa.Select[Standing]:
    return scope.select(Standing)


def _visible(scope: Scope) -> sa.Select[Standing]:
    """The one door to other schools' rows: a school sees those that the district discloses, and its own."""
    if scope.whole_district or scope.published_in or scope.district_id is None:
        return _own(scope)
    disclosed = sa.or_(Standing.disclosed, Standing.school_id.in_(scope.schools))
    return scope.over(sa.select(Standing).where(Standing.district_id == scope.district, disclosed))


def _criteria(filters: Filters) -> list[sa.ColumnElement[bool]]:
    wanted = (
        (Standing.stage, filters.stage),
        (Standing.org_kind, filters.org_kind),
        (Standing.group_name, filters.group),
        (Standing.district_id, filters.district_id),
    )
    return [column == value for column, value in wanted if value]


def _standing(row: Standing) -> StandingView:
    ranks = {within: (place, count) for within, (place, count) in row.ranks.items()}
    return StandingView(
        row.publication_id, row.district_id, row.school_id, row.run_id, row.name, row.stage, row.org_kind,
        row.group_name, row.position, row.total, row.grade, row.green, row.yellow, row.red, ranks,
    )  # fmt: skip


def places(rows: Iterable[StandingView]) -> dict[UUID, int]:
    """Places of schools within the rows given."""
    return rank({row.school_id: row.total for row in rows})


def phase(scope: Scope, quarter: Quarter) -> Phase:
    """How far the quarter has come; for a city, the district that is furthest counts."""
    if newest(scope, quarter):
        return Phase.PUBLISHED
    rows = session().execute(
        scope.over(
            sa.select(ReportingQuarter.opened_at, ReportingQuarter.appeal_until).where(
                ReportingQuarter.quarter == quarter
            ),
            ReportingQuarter,
        )
    )
    dates = [row for row in rows if row.opened_at]
    if not dates:
        return Phase.NOT_OPEN
    return Phase.APPEAL if any(row.appeal_until for row in dates) else Phase.REPORTING
