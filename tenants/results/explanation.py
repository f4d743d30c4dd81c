"""One school's score, taken apart until nothing is left to ask: value, rule, points, papers, people, document."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from tenants.db import session
from tenants.errors import NotFound
from tenants.quarter import Quarter
from tenants.results import seal
from tenants.results.models import ScoreRun, Standing
from tenants.results.publications import newest
from tenants.results.runs import ItemView, RunView, items_of, newest_run, published_run, sees_unpublished
from tenants.schemes import queries as schemes
from tenants.schools import queries as schools
from tenants.scope import Scope
from tenants.scoring.canonical import facts_from_data, words_from_data
from tenants.scoring.rules import rule_words, said
from tenants.scoring.values import ZERO, Indicator, Scheme, Source
from tenants.words import Words


@dataclass(frozen=True, slots=True)
class Signature:
    """Who did it, and when; a person who was not named has no name here."""

    account_id: UUID | None
    name: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class UnitValue:
    """What one unit (the school: no name; or a branch) gave: a value, or why it does not apply."""

    name: str
    value: Words
    not_applicable: str
    note: str
    entered: Signature | None


@dataclass(frozen=True, slots=True)
class Paper:
    filename: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ExplainedItem:
    """An indicator from the document that asks for it to the points that it gave."""

    item: ItemView
    indicator: Indicator
    target: Words
    rule: Words
    units: tuple[UnitValue, ...]
    automatic: Words | None
    reviewed: Signature | None
    evidence: tuple[Paper, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class GroupSum:
    """一级指标: what its applicable indicators are worth, gave and lost."""

    code: str
    name: str
    weight: Decimal
    earned: Decimal
    lost: Decimal


@dataclass(frozen=True, slots=True)
class PenaltyLine:
    code: str
    name: str
    events: int
    points: Decimal


@dataclass(frozen=True, slots=True)
class Explanation:
    """`100 × earned / weight` is the run's base; base + bonus − penalty, held in bounds, is its total."""

    school_id: UUID
    school_name: str
    run: RunView
    published: bool
    scheme_name: str
    scheme_version: str
    scheme_sha256: str
    items: tuple[ExplainedItem, ...]
    groups: tuple[GroupSum, ...]
    weight: Decimal
    earned: Decimal
    lost: Decimal
    penalties: tuple[PenaltyLine, ...]
    approved: Signature | None
    accepted: Signature | None


def school_explanation(scope: Scope, school_id: UUID, quarter: Quarter) -> Explanation:
    """The score that counts for this scope: its newest run, or the published one; NotFound for a stranger."""
    look = newest_run if sees_unpublished(scope) else published_run
    found = look(scope, school_id, quarter)
    data = seal.read(sealed_text(scope, found.id))
    scheme = schemes.scheme_of(scope, found.scheme_version_id)
    items = items_of(scope, (found,))[found.id]
    name, published = _name(scope, found)
    return Explanation(
        school_id=school_id,
        school_name=name,
        run=found,
        published=published,
        scheme_name=scheme.name_zh,
        scheme_version=scheme.version,
        scheme_sha256=data["scheme"]["sha256"],
        items=tuple(_explained(scheme, item, data) for item in items),
        groups=tuple(_groups(scheme, items)),
        **{part: Decimal(data["result"][part]) for part in ("weight", "earned", "lost")},
        penalties=tuple(
            PenaltyLine(line["code"], line["name"], line["events"], Decimal(line["points"]))
            for line in data["penalties"]
        ),
        approved=_signature(data["report"]["approved"]),
        accepted=_signature(data["report"]["accepted"]),
    )


def sealed_text(scope: Scope, run_id: UUID) -> str:
    """The sealed text of a run that the caller has already been let see; NotFound for a stranger."""
    text = session().scalar(scope.over(sa.select(ScoreRun.sealed).where(ScoreRun.id == run_id), ScoreRun))
    if text is None:
        raise NotFound
    return text


def _name(scope: Scope, found: RunView) -> tuple[str, bool]:
    """The school's name, as published where it is, and whether the run is the published one."""
    wanted = [publication.id for publication in newest(scope, found.quarter)]
    standing = session().scalar(
        scope.select(Standing).where(Standing.publication_id.in_(wanted), Standing.run_id == found.id)
    )
    return (standing.name, True) if standing else (schools.school(scope, found.school_id).name, False)


def _signature(data: dict[str, Any] | None) -> Signature | None:
    if data is None:
        return None
    at = datetime.fromisoformat(data["at"]) if data["at"] else None
    return Signature(UUID(data["id"]) if data["id"] else None, data["name"], at)


def _explained(scheme: Scheme, item: ItemView, data: dict[str, Any]) -> ExplainedItem:
    indicator = scheme.indicator(item.code)
    trace = data["trace"][item.code]
    quarter = Quarter.parse(data["quarter"]).number
    return ExplainedItem(
        item=item,
        indicator=indicator,
        target=said(indicator, indicator.target_in(quarter)),
        rule=rule_words(indicator),
        units=tuple(_units(indicator, trace["units"], data)),
        automatic=words_from_data(trace["automatic"]) if trace["automatic"] else None,
        reviewed=_signature(trace["accepted"]),
        evidence=tuple(Paper(paper["filename"], paper["sha256"]) for paper in trace["evidence"]),
        sources=_sources(scheme, indicator),
    )


def _sources(scheme: Scheme, indicator: Indicator) -> tuple[Source, ...]:
    """The documents behind an indicator, in its own order."""
    known = {source.code: source for source in scheme.sources}
    return tuple(known[code] for code in indicator.sources if code in known)


def _units(indicator: Indicator, units: list[dict[str, Any]], data: dict[str, Any]) -> Iterator[UnitValue]:
    """The units in order; those to which the indicator applies take the scored values one after the other."""
    values = iter(facts_from_data(data["facts"]).values.get(indicator.code, ()))
    for unit in units:
        value = None if unit["na"] else next(values, None)
        yield UnitValue(unit["name"], said(indicator, value), unit["na"], unit["note"], _signature(unit["entered"]))


def _groups(scheme: Scheme, items: tuple[ItemView, ...]) -> Iterator[GroupSum]:
    for group in scheme.groups:
        counted = [item for item in items if item.group_code == group.code and item.state != "not_applicable"]
        if counted:
            sums = (sum((getattr(item, part) for item in counted), ZERO) for part in ("weight", "earned", "lost"))
            yield GroupSum(group.code, group.name_zh, *sums)
