"""Freezing the standings of a quarter, and telling the schools."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from tenants import formats
from tenants.db import new_id, session
from tenants.notices import actions as notices
from tenants.notices.models import Rule
from tenants.quarter import Quarter
from tenants.results.gaps import reds
from tenants.results.models import Publication, Standing
from tenants.results.publications import PublicationView, StandingView, Tier, before, publications, standings_in
from tenants.results.runs import ItemView, RunView
from tenants.schools import queries as schools
from tenants.schools.models import Disclosure
from tenants.schools.queries import Colleague, SchoolView
from tenants.scope import SCHOOL_ROLES, Scope
from tenants.scoring.ranking import rank
from tenants.words import N_

TIERS = (N_("第一档"), N_("第二档"), N_("第三档"))
Places = Mapping[UUID, tuple[int, int]]


def publish_standings(scope: Scope, quarter: Quarter, runs: Mapping[UUID, RunView], now: datetime) -> PublicationView:
    """A new version of the quarter's publication with one frozen row for each run."""
    disclosure = schools.district(scope).disclosure
    present = {school.id: school for school in schools.schools(scope, closed=True) if school.id in runs}
    totals = {school_id: run.total for school_id, run in runs.items()}
    places = _all_places(present, totals)
    tiers = tiers_of(present.values(), places["district"]) if disclosure is Disclosure.TIERS else ()
    found = PublicationView(
        new_id(), scope.district, quarter, _next_version(scope, quarter), now, disclosure, len(runs), tiers
    )
    _store(scope, found)
    rows = [_standing(found, present[run.school_id], run, places) for run in runs.values()]
    session().execute(scope.insert(Standing), rows)
    return found


def _next_version(scope: Scope, quarter: Quarter) -> int:
    newest = sa.select(sa.func.max(Publication.version)).where(Publication.quarter == quarter)
    return (session().scalar(scope.over(newest, Publication)) or 0) + 1


def _store(scope: Scope, found: PublicationView) -> None:
    row = {
        "district_id": found.district_id, "id": found.id, "quarter": found.quarter, "version": found.version,
        "published_at": found.published_at, "published_by": scope.account_id, "disclosure": found.disclosure,
        "schools": found.schools,
    }  # fmt: skip
    tiers = {"tiers": [[tier, list(names)] for tier, names in found.tiers]} if found.tiers else {}
    session().execute(scope.insert(Publication), [row | tiers])


def _all_places(present: Mapping[UUID, SchoolView], totals: Mapping[UUID, Decimal]) -> dict[str, Places]:
    """Places in the whole district, among schools of the same stage, and of the same kind of Party organisation."""
    return {
        "district": _places(totals, dict.fromkeys(present)),
        "stage": _places(totals, {school_id: school.stage for school_id, school in present.items()}),
        "kind": _places(totals, {school_id: school.org_kind for school_id, school in present.items()}),
    }


def _places(totals: Mapping[UUID, Decimal], fields: Mapping[UUID, object]) -> Places:
    """(place, of how many) of each school among those of its own field."""
    found: dict[UUID, tuple[int, int]] = {}
    for field in set(fields.values()):
        ranked = rank({school_id: totals[school_id] for school_id, own in fields.items() if own == field})
        found |= {school_id: (place, len(ranked)) for school_id, place in ranked.items()}
    return found


def tiers_of(present: Iterable[SchoolView], places: Places) -> tuple[Tier, ...]:
    """Thirds by place, equal places together; within a tier names stand in the district's own order."""
    names: dict[str, list[str]] = {tier: [] for tier in TIERS}
    for school in sorted(present, key=lambda each: (each.position, each.code)):
        names[tier_of(*places[school.id])].append(school.name)
    return tuple((tier, tuple(found)) for tier, found in names.items() if found)


def tier_of(place: int, count: int) -> str:
    return TIERS[(place - 1) * len(TIERS) // count]


def _standing(found: PublicationView, school: SchoolView, run: RunView, places: Mapping[str, Places]) -> dict[str, Any]:
    return {
        "district_id": found.district_id, "publication_id": found.id, "school_id": school.id, "run_id": run.id,
        "name": school.name, "stage": school.stage, "org_kind": school.org_kind, "group_name": school.group_name,
        "position": school.position, "total": run.total, "grade": run.grade, "green": run.green, "yellow": run.yellow,
        "red": run.red, "ranks": {within: list(found[school.id]) for within, found in places.items()},
        "disclosed": found.disclosure is Disclosure.FULL,
    }  # fmt: skip


# ---- mails ---------------------------------------------------------------------------------------------------------


def announce(scope: Scope, publication: PublicationView, runs: Mapping[UUID, RunView], now: datetime) -> None:
    """Owe each school's people their own result, and a list of what is red, if anything is."""
    people = _people(scope)
    red = reds(scope, (run.id for run in runs.values()))
    for school_id, standing, facts in _results(scope, publication):
        theirs = people.get(school_id, [])
        _owe(scope, Rule.PUBLISHED, theirs, publication, school_id, facts, now)
        if school_id in red:
            digest = _digest(publication, standing, red[school_id])
            _owe(scope, Rule.RED_DIGEST, theirs, publication, school_id, digest, now)


def _owe(
    scope: Scope,
    rule: Rule,
    people: Iterable[Colleague],
    publication: PublicationView,
    school_id: UUID,
    facts: Mapping[str, Any],
    now: datetime,
) -> None:
    notices.owe(
        scope, rule, people, cause=f"publication-{publication.version}", facts=facts, now=now, school_id=school_id,
        quarter=publication.quarter,
    )  # fmt: skip


def _people(scope: Scope) -> dict[UUID, list[Colleague]]:
    found: dict[UUID, list[Colleague]] = {}
    for person in schools.colleagues(scope):
        if person.school_id is not None and person.role in SCHOOL_ROLES:
            found.setdefault(person.school_id, []).append(person)
    return found


def _results(scope: Scope, publication: PublicationView) -> Iterator[tuple[UUID, StandingView, dict[str, Any]]]:
    """What the mail of each school tells: its own total, and of its place what the district discloses."""
    last = before(publications(scope), publication.quarter)
    totals = {row.school_id: row.total for row in standings_in(scope, last)}
    for row in standings_in(scope, (publication,)):
        change = row.total - totals[row.school_id] if row.school_id in totals else None
        yield (
            row.school_id,
            row,
            {
                **_head(publication, row),
                "total": formats.points(row.total),
                "grade": row.grade,
                "change": None if change is None else formats.signed(change),
                "previous": str(last[0].quarter) if change is not None else None,
                "green": row.green,
                "yellow": row.yellow,
                "red": row.red,
                **_place(publication.disclosure, row),
            },
        )


def _place(disclosure: Disclosure, row: StandingView) -> dict[str, Any]:
    """`ranks`: {"district": [place, of how many], …}, or null where only tiers are told; `tier` then."""
    if disclosure is Disclosure.TIERS:
        return {"ranks": None, "tier": tier_of(*row.ranks["district"])}
    return {"ranks": {within: list(place) for within, place in row.ranks.items()}, "tier": None}


def _head(publication: PublicationView, row: StandingView) -> dict[str, Any]:
    return {"school": row.name, "quarter": str(publication.quarter), "version": publication.version}


def _digest(publication: PublicationView, row: StandingView, red: Iterable[ItemView]) -> dict[str, Any]:
    items = [
        {"number": item.number, "name": item.name, "lost": formats.points(item.lost), "short": str(item.short or "")}
        for item in red
    ]
    return {**_head(publication, row), "items": items}
