"""The pages where people act, one file for each noun."""

from collections.abc import Iterator

from flask import Blueprint

from tenants.scope import Right
from web.policy import PUBLIC, Policy, needs
from web.views import auth, health, home, manage, objections, ops, report, results, review

DASH = needs(Right.SEE_RANKING)
DASH_ENDPOINTS = (
    "/dash/", "/dash/<path:path>", "/dash/download", "/dash/_dash-layout", "/dash/_dash-dependencies",
    "/dash/_dash-update-component", "/dash/_reload-hash", "/dash/_favicon.ico",
    "/dash/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>", "_dash_dash_assets.static",
)  # fmt: skip
FOREIGN_POLICIES: dict[str, Policy] = {"static": PUBLIC} | dict.fromkeys(DASH_ENDPOINTS, DASH)
"""Policies of routes whose functions are not ours; a route of Dash that is not named here keeps us from starting."""


def blueprints() -> Iterator[Blueprint]:
    for module in (auth, health, home, report, review, results, objections, manage, ops):
        yield module.blueprint
