"""Score runs from the console: computing, checking and exporting them."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import click

from tenants.db import transaction
from tenants.errors import Conflict
from tenants.quarter import Quarter
from tenants.reporting import queries as reporting
from tenants.results import actions, queries
from tenants.results.seal import check_export
from tenants.schools import queries as schools
from tenants.schools.queries import DistrictView
from tenants.scope import Scope
from web.cli import PROBLEM, environment, fail, give, say
from web.cli.console import FILE, QUARTER, district, districts, now, read_text, school_by_code, scope_of


@click.group()
def runs() -> None:
    """Sealed score runs: compute, verify, export."""


@dataclass(slots=True)
class Tally:
    """How a computation over many schools went."""

    made: int = 0
    unchanged: int = 0
    skipped: int = 0


@runs.command()
@click.option("--district", "code", required=True, metavar="CODE", help="The district's code.")
@click.option("--quarter", required=True, type=QUARTER, help="For example 2026Q2.")
@click.option("--school", "school_code", metavar="CODE", help="One school only, by its 标识码.")
@click.option("--force", is_flag=True, help="Make a new run even where nothing has changed.")
@click.option("--json", "as_json", is_flag=True, help="As JSON {made, unchanged, skipped}.")
def compute(code: str, quarter: Quarter, school_code: str | None, force: bool, as_json: bool) -> None:
    """Score every report of a quarter that is accepted or locked; unchanged ones make no new run.

    \b
    Example:  linghang runs compute --district xq --quarter 2026Q2
    """
    with environment() as env, env.app.app_context():
        scope = scope_of(district(code))
        tally = _compute_all(scope, quarter, _school_ids(scope, quarter, school_code), force=force)
    if tally.skipped:
        say(f"{tally.skipped} 份报表还在填报或审核中，没有计分。")
    if as_json:
        give({"made": tally.made, "unchanged": tally.unchanged, "skipped": tally.skipped}, as_json=True)
    else:
        give(f"新增 {tally.made} 次计分，{tally.unchanged} 所学校没有变化。", as_json=False)


def _school_ids(scope: Scope, quarter: Quarter, code: str | None) -> list[UUID]:
    with transaction(scope):
        if code is not None:
            return [school_by_code(scope, code).id]
        reporting.quarter_view(scope, quarter)
        return sorted(report.school_id for report in reporting.reports(scope, quarter))


def _compute_all(scope: Scope, quarter: Quarter, school_ids: list[UUID], *, force: bool) -> Tally:
    tally = Tally()
    with transaction(scope):
        known = {run.id for run in queries.newest_runs(scope, quarter).values()}
    hidden = not sys.stderr.isatty()
    with click.progressbar(school_ids, label="计分", file=sys.stderr, hidden=hidden) as bar:
        for school_id in bar:
            _compute_one(scope, quarter, school_id, known, tally, force=force)
    return tally


def _compute_one(
    scope: Scope, quarter: Quarter, school_id: UUID, known: set[UUID], tally: Tally, *, force: bool
) -> None:
    try:
        with transaction(scope):
            run_id = actions.compute(scope, school_id, quarter, cause=actions.MANUAL, now=now(), force=force)
    except Conflict:
        tally.skipped += 1
    else:
        tally.made += run_id not in known
        tally.unchanged += run_id in known


@runs.command()
@click.option("--district", "code", metavar="CODE", help="One district only.")
@click.option("--quarter", type=QUARTER, help="One quarter only.")
@click.option("--file", "path", type=FILE, help="An exported run; needs no database.")
@click.option("--json", "as_json", is_flag=True, help="As JSON {verified, total, faults}.")
def verify(code: str | None, quarter: Quarter | None, path: Path | None, as_json: bool) -> None:
    """Recompute runs from their sealed facts and compare to the last digit. Exit 1 on any difference.

    \b
    Examples:
      linghang runs verify --district xq --quarter 2026Q2
      linghang runs verify --file run.json
    """
    if path is not None and (code or quarter):
        raise click.UsageError("--file 不能与 --district、--quarter 同用。")
    _report(list(_file_verdict(path) if path else _stored_verdicts(code, quarter)), as_json=as_json)


Named = tuple[str, list[str]]
"""What was checked, and what is wrong with it."""


def _file_verdict(path: Path) -> Iterator[Named]:
    yield path.name, [str(fault) for fault in check_export(read_text(path)).faults]


def _stored_verdicts(code: str | None, quarter: Quarter | None) -> Iterator[Named]:
    with environment() as env, env.app.app_context():
        for found in districts(code):
            yield from _verdicts(found, quarter)


def _verdicts(found: DistrictView, quarter: Quarter | None) -> Iterator[Named]:
    scope = scope_of(found)
    with transaction(scope):
        names = {school.id: school.name for school in schools.schools(scope, closed=True)}
        all_runs = queries.runs(scope, quarter=quarter)
    hidden = not sys.stderr.isatty()
    with click.progressbar(all_runs, label=found.name, file=sys.stderr, hidden=hidden) as bar:
        for run in bar:
            with transaction(scope):
                faults = [str(fault) for fault in queries.verify(scope, run.id).faults]
            yield f"{found.name} {names[run.school_id]} {run.quarter} 第 {run.number} 次计分", faults


def _report(verdicts: list[Named], *, as_json: bool) -> None:
    wrong = [(name, faults) for name, faults in verdicts if faults]
    good, total = len(verdicts) - len(wrong), len(verdicts)
    if as_json:
        told = [{"run": name, "faults": faults} for name, faults in wrong]
        give({"verified": good, "total": total, "faults": told}, as_json=True)
    else:
        give(f"{good} of {total}", as_json=False)
    for name, faults in wrong:
        say(f"{name}：{'；'.join(faults)}")
    if wrong:
        sys.exit(PROBLEM)


@runs.command()
@click.option("--district", "code", required=True, metavar="CODE")
@click.option("--school", "school_code", required=True, metavar="CODE", help="The school's 标识码.")
@click.option("--quarter", required=True, type=QUARTER)
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
def export(code: str, school_code: str, quarter: Quarter, path: Path) -> None:
    """Write a school's newest run with its scheme to FILE, to be verified anywhere.

    \b
    Example:  linghang runs export --district xq --school 1234567801 --quarter 2026Q2 run.json
    """
    with environment() as env, env.app.app_context():
        scope = scope_of(district(code))
        with transaction(scope):
            run = queries.newest_run(scope, school_by_code(scope, school_code).id, quarter)
            data = queries.export_run(scope, run.id)
    try:
        path.write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        fail(PROBLEM, f"写不进 {path}：{error.strerror}。")
    say(f"已写入 {path}；核对用 linghang runs verify --file {path}。")


COMMANDS = (runs,)
