"""Recomputing what is stored: does a run still say what its facts and its scheme make of it?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import undefer

from tenants.db import session
from tenants.quarter import Quarter
from tenants.results import seal
from tenants.results.models import ScoreItem, ScoreRun
from tenants.results.runs import run
from tenants.schemes.models import SchemeVersion
from tenants.schools import queries as schools
from tenants.scope import Scope
from tenants.words import N_, Words, words


@dataclass(frozen=True, slots=True)
class Verdict:
    """What recomputing a run found; no fault means equal to the last digit."""

    run_id: UUID
    school_id: UUID
    quarter: Quarter
    number: int
    faults: tuple[Words, ...]

    @property
    def holds(self) -> bool:
        return not self.faults


def verify(scope: Scope, run_id: UUID) -> Verdict:
    """Check the seal, recompute from it, and compare the result with the stored rows; NotFound for a stranger."""
    row = _row(scope, run_id)
    checked = seal.check(row.sealed, row.sha256, _content(scope, row.scheme_version_id))
    faults = (*checked.faults, *_stored_differences(scope, row, checked))
    return Verdict(row.id, row.school_id, row.quarter, row.number, faults)


def export_run(scope: Scope, run_id: UUID) -> dict[str, Any]:
    """A run with all that is needed to check it without a database; NotFound for a stranger."""
    row = _row(scope, run_id)
    name = schools.school(scope, row.school_id).name
    content = _content(scope, row.scheme_version_id)
    return seal.export(seal=seal.Seal(row.sealed, row.sha256), school=name, number=row.number, content=content)


def _row(scope: Scope, run_id: UUID) -> ScoreRun:
    """A run with its sealed text, of which the scope may see at least the figures."""
    run(scope, run_id)
    return (
        session().scalars(scope.select(ScoreRun).where(ScoreRun.id == run_id).options(undefer(ScoreRun.sealed))).one()
    )


def _content(scope: Scope, version_id: UUID) -> dict[str, Any]:
    content = session().scalar(
        scope.over(sa.select(SchemeVersion.content).where(SchemeVersion.id == version_id), SchemeVersion)
    )
    return content or {}


def _stored_differences(scope: Scope, row: ScoreRun, checked: seal.Checked) -> Iterator[Words]:
    if checked.scheme is None or checked.result is None:
        return
    data = seal.read(row.sealed)
    yield from seal.differing("quarter", str(row.quarter), data["quarter"])
    yield from seal.differing("school", str(row.school_id), data["school"])
    for name, computed in seal.run_columns(checked.result).items():
        yield from seal.differing(name, getattr(row, name), computed)
    yield from _item_differences(scope, row, seal.item_columns(checked.scheme, checked.result))


WORDING = frozenset({"why", "short"})
"""Sentences may be worded better by a later version of the product; they are not figures."""


def _item_differences(scope: Scope, row: ScoreRun, computed: list[dict[str, Any]]) -> Iterator[Words]:
    stored = {item.code: item for item in session().scalars(scope.select(ScoreItem).where(ScoreItem.run_id == row.id))}
    expected = {item["code"]: item for item in computed}
    for code in sorted(stored.keys() ^ expected.keys()):
        yield words(N_("{code}：存的指标与复算的不一致"), code=code)
    for code in sorted(stored.keys() & expected.keys()):
        for name in expected[code].keys() - WORDING:
            yield from seal.differing(f"{code}.{name}", getattr(stored[code], name), expected[code][name])
