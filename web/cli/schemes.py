"""Indicator schemes and published tables from the console: check, import, export, score."""

import sys
from pathlib import Path
from typing import Any

import click

from tenants.db import transaction
from tenants.errors import Invalid, NotFound
from tenants.schemes import actions, queries
from tenants.schemes.facts import read_facts, score_facts
from tenants.schemes.format import load_scheme, scheme_to_data
from tenants.schemes.writer import scheme_to_yaml
from tenants.schemes.yaml_text import read_yaml
from tenants.scope import Scope
from tenants.scoring import tables as published
from tenants.scoring.canonical import canonical, digest
from tenants.scoring.tables import TablesReport
from tenants.scoring.values import Scheme
from tenants.words import N_, words
from web.cli import PROBLEM, environment, give, say
from web.cli.console import FILE, district, now, read_text, scope_of


@click.group()
def scheme() -> None:
    """Indicator schemes: check, import, export, score."""


@scheme.command()
@click.argument("path", metavar="FILE", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="As JSON {good, problems, …}.")
def check(path: Path, as_json: bool) -> None:
    """Say whether a scheme file can be imported, and every place where it is wrong. Exit 1 when it is.

    \b
    Example:  linghang scheme check scheme.yaml
    """
    try:
        found = load_scheme(read_text(path))
    except Invalid as error:
        if not as_json:
            raise
        problems = {place: str(said) for place, said in error.problems.items()}
        give({"good": False, "problems": problems}, as_json=True)
        sys.exit(PROBLEM)
    give({"good": True, "problems": {}, **_summary(found)} if as_json else _sentence(found), as_json=as_json)


def _summary(found: Scheme) -> dict[str, Any]:
    return {
        "code": found.code,
        "version": found.version,
        "name": found.name_zh,
        "groups": len(found.groups),
        "indicators": len(found.indicators),
        "sha256": digest(canonical(scheme_to_data(found))),
    }


def _sentence(found: Scheme) -> str:
    return (
        f"{found.name_zh} {found.version}：{len(found.groups)} 组 {len(found.indicators)} 项指标，"
        f"满分 {found.base_total}，可以导入。"
    )


@scheme.command("import")
@click.argument("path", metavar="FILE", type=FILE)
@click.option("--district", "code", required=True, metavar="CODE", help="The district's code.")
def take_in(path: Path, code: str) -> None:
    """Publish a scheme file as a version of a district; from then on it never changes.

    \b
    Example:  linghang scheme import scheme.yaml --district xq
    """
    text = read_text(path)
    with environment() as env, env.app.app_context():
        scope = scope_of(district(code))
        with transaction(scope):
            version_id = actions.import_scheme(scope, text, now())
            found = queries.scheme_of(scope, version_id)
    say(f"已导入：{_sentence(found)}")
    give(found.version, as_json=False)


@scheme.command()
@click.option("--district", "code", required=True, metavar="CODE", help="The district's code.")
@click.option("--version", metavar="VERSION", help="The newest when not given.")
def export(code: str, version: str | None) -> None:
    """Print a district's scheme as a file that can be edited and imported again.

    \b
    Example:  linghang scheme export --district xq > scheme.yaml
    """
    with environment() as env, env.app.app_context():
        scope = scope_of(district(code))
        with transaction(scope):
            text = scheme_to_yaml(_version(scope, version))
    click.echo(text, nl=False)


def _version(scope: Scope, version: str | None) -> Scheme:
    known = queries.versions(scope)
    for found in known:
        if version in (None, found.version):
            return queries.scheme_of(scope, found.id)
    there = "、".join(found.version for found in known) or "—"
    raise NotFound(words(N_("没有 {version} 版的指标体系，现有：{known}。"), version=version or "", known=there))


@scheme.command()
@click.argument("scheme_path", metavar="SCHEME.yaml", type=FILE)
@click.argument("facts_path", metavar="FACTS.json", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="As a JSON list of {id, indicators, base, total, grade}.")
def score(scheme_path: Path, facts_path: Path, as_json: bool) -> None:
    """Score a list of facts under a scheme file; needs no database.

    \b
    Example:  linghang scheme score scheme.yaml facts.json --json
    """
    found = score_facts(load_scheme(read_text(scheme_path)), read_facts(read_text(facts_path)))
    if as_json:
        give(found, as_json=True)
    else:
        give("\n".join(f"{row['id']}\t{row['base']}\t{row['total']}\t{row['grade']}" for row in found), as_json=False)


@click.group()
def tables() -> None:
    """Published assessment tables (考核细则) as data."""


@tables.command("check")
@click.argument("path", metavar="FILE", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="As JSON {passed, total, failures, warnings}.")
def check_tables(path: Path, as_json: bool) -> None:
    """Compute every printed vector of a file and compare. Exit 1 unless all are exact.

    \b
    Example:  linghang tables check published_tables.yaml
    """
    report = published.check(read_yaml(read_text(path)))
    if as_json:
        give(_as_data(report), as_json=True)
    else:
        give(f"{report.passed} of {report.total}", as_json=False)
    for warning in report.warnings:
        say(f"注意：{warning}")
    for failure in report.failures:
        say(f"{failure.where}：{failure.words}")
    if not report.is_exact:
        sys.exit(PROBLEM)


def _as_data(report: TablesReport) -> dict[str, Any]:
    return {
        "passed": report.passed,
        "total": report.total,
        "failures": [{"where": failure.where, "what": str(failure.words)} for failure in report.failures],
        "warnings": [str(warning) for warning in report.warnings],
    }


COMMANDS = (scheme, tables)
