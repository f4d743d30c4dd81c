"""Lateness and returns become points as the scheme's own items say, each held by its cap."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tenants.results.penalties import Penalty, Timeliness, late_days, penalties, points_off, repeated_returns
from tenants.schemes.format import default_scheme

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-07-{text}").replace(tzinfo=SHANGHAI).astimezone(ZoneInfo("UTC"))


IN_TIME = Timeliness(at("13T00:00"), at("20T00:00"), at("10T12:00"), 0, SHANGHAI)

LATE = [
    ("10T12:00", 0),
    ("12T23:59", 0),
    ("13T00:00", 0),
    ("13T00:01", 1),
    ("13T23:59", 1),
    ("14T00:00", 1),
    ("14T07:00", 2),
    ("19T23:59", 7),
    (None, 7),
]


@pytest.mark.parametrize(("sent", "days"), LATE)
def test_begun_days_count(sent: str | None, days: int) -> None:
    assert late_days(replace(IN_TIME, sent_at=at(sent) if sent else None)) == days


def test_days_are_the_districts_own() -> None:
    """In UTC another midnight lies between the same two moments."""
    sent = replace(IN_TIME, sent_at=at("14T07:00"))
    assert late_days(sent) == 2
    assert late_days(replace(sent, zone=ZoneInfo("UTC"))) == 2
    assert late_days(replace(IN_TIME, sent_at=at("14T08:01"), zone=ZoneInfo("UTC"))) == 3


@pytest.mark.parametrize(("times", "counted"), [(0, 0), (1, 0), (2, 1), (5, 4)])
def test_first_return_is_free(times: int, counted: int) -> None:
    assert repeated_returns(replace(IN_TIME, returned=times)) == counted


POINTS = [
    ("13T10:00", 0, "0.5"),
    ("14T10:00", 2, "1.5"),
    ("16T10:00", 0, "2"),
    ("19T10:00", 0, "2"),
    (None, 3, "3"),
    (None, 9, "3"),
]


@pytest.mark.parametrize(("sent", "returned", "points"), POINTS)
def test_items_are_capped(sent: str | None, returned: int, points: str) -> None:
    facts = replace(IN_TIME, sent_at=at(sent) if sent else None, returned=returned)
    assert points_off(penalties(default_scheme(), facts)) == Decimal(points)


def test_nothing_where_nothing_happened() -> None:
    assert penalties(default_scheme(), IN_TIME) == ()


def test_scheme_without_items_takes_nothing() -> None:
    scheme = replace(default_scheme(), penalty_items=())
    assert penalties(scheme, replace(IN_TIME, sent_at=None, returned=4)) == ()


def test_breakdown_names_item_and_events() -> None:
    (late,) = penalties(default_scheme(), replace(IN_TIME, sent_at=at("14T10:00")))
    assert late == Penalty("p_late", late.name, 2, Decimal(1))
    assert late.name
