"""From a school's stored quarter to a sealed run: a function of what is stored, and of nothing else."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from tenants.reporting.models import Verdict
from tenants.reporting.queries import Sheet, Stored
from tenants.results import penalties, seal
from tenants.results.penalties import Penalty, Timeliness
from tenants.results.seal import Seal
from tenants.schemes import queries as schemes
from tenants.schools import queries as schools
from tenants.scope import Scope
from tenants.scoring.canonical import facts_to_data, result_to_data, words_to_data
from tenants.scoring.engine import score
from tenants.scoring.values import Facts, Indicator, Result

Data = dict[str, Any]
Names = dict[UUID, str]


@dataclass(frozen=True, slots=True)
class Computed:
    seal: Seal
    result: Result


def compute(scope: Scope, sheet: Sheet) -> Computed:
    """Score what the district has accepted, and seal it with its trace."""
    zone = ZoneInfo(schools.district(scope).zone)
    found = penalties.penalties(sheet.scheme, timeliness(sheet, zone))
    facts = replace(sheet.facts(final=True, accepted_only=True), penalty=penalties.points_off(found))
    result = score(sheet.scheme, sheet.quarter.number, facts)
    digest = schemes.digest_of(scope, sheet.dates.scheme_version_id)
    names = schools.names_of(scope, _people(sheet))
    return Computed(seal.seal(_sealed(sheet, digest, facts, found, result, names)), result)


def timeliness(sheet: Sheet, zone: ZoneInfo) -> Timeliness:
    dates, report = sheet.dates, sheet.report
    return Timeliness(dates.late_from, dates.locks_at, report.first_sent_at, report.returned_count, zone)


def _sealed(sheet: Sheet, digest: str, facts: Facts, found: tuple[Penalty, ...], result: Result, names: Names) -> Data:
    return {
        "scheme": {"code": sheet.scheme.code, "version": sheet.scheme.version, "sha256": digest},
        "quarter": str(sheet.quarter),
        "school": str(sheet.school.id),
        "facts": facts_to_data(facts),
        "penalties": [
            {"code": each.code, "name": each.name, "events": each.events, "points": each.points} for each in found
        ],
        "report": _report(sheet, names),
        "trace": {indicator.code: _trace(sheet, indicator, names) for indicator in sheet.due},
        "result": result_to_data(result),
    }


def _people(sheet: Sheet) -> set[UUID]:
    signed = {sheet.report.approved_by, sheet.report.accepted_by}
    entered = {stored.entered_by for stored in sheet.stored.values()}
    return {*entered, *(review.reviewer_id for review in sheet.reviews.values()), *(who for who in signed if who)}


def _report(sheet: Sheet, names: Names) -> Data:
    report = sheet.report
    return {
        "approved": _signed(report.approved_by, report.approved_at, names),
        "accepted": _signed(report.accepted_by, report.accepted_at, names),
        "sent_at": _time(report.first_sent_at),
        "returned": report.returned_count,
    }


def _trace(sheet: Sheet, indicator: Indicator, names: Names) -> Data:
    """Who gave what for an indicator, why it does not apply, who accepted it, and the papers that show it."""
    code = indicator.code
    review, automatic = sheet.reviews.get(code), sheet.automatic.get(code)
    accepted = review if review and review.verdict is Verdict.ACCEPTED else None
    return {
        "units": [_unit(unit.name, sheet.stored.get((code, unit.id)), names) for unit in sheet.units[code]],
        "automatic": words_to_data(automatic) if automatic else None,
        "accepted": _signed(accepted.reviewer_id, accepted.at, names) if accepted else None,
        "evidence": [{"filename": one.filename, "sha256": one.sha256} for one in sheet.evidence.get(code, ())],
    }


def _unit(name: str, stored: Stored | None, names: Names) -> Data:
    if stored is None:
        return {"name": name, "na": "", "note": "", "entered": None}
    entered = _signed(stored.entered_by, stored.entered_at, names)
    return {"name": name, "na": stored.entry.na_reason, "note": stored.note, "entered": entered}


def _signed(who: UUID | None, at: datetime | None, names: Names) -> Data | None:
    return None if who is None else {"id": str(who), "name": names.get(who, ""), "at": _time(at)}


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
