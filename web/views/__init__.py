"""The pages where people act, one file for each noun."""

from collections.abc import Iterator

from flask import Blueprint

from web.policy import PUBLIC, Policy
from web.views import auth, home, manage, ops, report, results, review

FOREIGN_POLICIES: dict[str, Policy] = {"static": PUBLIC}
"""Policies of routes whose functions are not ours."""


def blueprints() -> Iterator[Blueprint]:
    for module in (auth, home, report, review, results, manage, ops):
        yield module.blueprint
