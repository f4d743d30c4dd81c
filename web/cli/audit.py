"""The log's hash chains from the console."""

import sys

import click

from tenants import audit as chains
from tenants.db import transaction
from tenants.scope import Role, Scope
from web.cli import PROBLEM, environment, give, say
from web.cli.console import ACTOR, districts, scope_of


@click.group()
def audit() -> None:
    """The log of what was done."""


@audit.command()
@click.option("--district", "code", metavar="CODE", help="One district's chain only.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON list of {chain, events, fault}.")
def verify(code: str | None, as_json: bool) -> None:
    """Recompute every link of every chain. Exit 1 naming the first fault of each.

    \b
    Example:  linghang audit verify
    """
    with environment() as env, env.app.app_context():
        found = [_verified(name, scope) for name, scope in _chains(code)]
    if as_json:
        give([{"chain": name, "events": count, "fault": fault} for name, count, fault in found], as_json=True)
    else:
        give("\n".join(f"{name}\t{count}\t{'✖' if fault else '✓'}" for name, count, fault in found), as_json=False)
    for name, _, fault in found:
        if fault:
            say(f"{name}：{fault}")
    if any(fault for _, _, fault in found):
        sys.exit(PROBLEM)


def _chains(code: str | None) -> list[tuple[str, Scope]]:
    """The chains to check, with the scope in which each can be read: every district's, and the installation's."""
    of_districts = [(each.name, scope_of(each)) for each in districts(code)]
    return of_districts if code else [*of_districts, ("系统", Scope(role=Role.OPERATOR, actor=ACTOR))]


FAULTS = {
    "changed": "第 {seq} 条记录被改动",
    "missing or out of order": "第 {seq} 条记录缺失或次序不对",
    "the tail is cut": "末尾从第 {seq} 条起被截断",
}


def _verified(name: str, scope: Scope) -> tuple[str, int, str | None]:
    with transaction(scope):
        fault = next(chains.faults(scope), None)
        said = FAULTS.get(fault.what, fault.what).format(seq=fault.seq) if fault else None
        return name, chains.length(scope), said


COMMANDS = (audit,)
