"""Working days skip Saturdays and Sundays, and end when the district's day ends."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from tenants.reporting.calendar import end_of_working_days, working_days_after

SHANGHAI = ZoneInfo("Asia/Shanghai")
# 2026-07-06 is a Monday.
DAYS = [
    (6, 3, 9),
    (7, 3, 10),
    (8, 3, 13),
    (10, 1, 13),
    (11, 3, 15),
    (12, 3, 15),
    (6, 0, 6),
    (6, 5, 13),
]


@pytest.mark.parametrize(("start", "count", "expected"), DAYS)
def test_weekends_do_not_count(start: int, count: int, expected: int) -> None:
    assert working_days_after(date(2026, 7, start), count) == date(2026, 7, expected)


def test_ends_with_the_districts_day() -> None:
    """22:30 in UTC on Sunday is Monday morning in Shanghai."""
    until = end_of_working_days(datetime(2026, 7, 5, 22, 30, tzinfo=UTC), 3, SHANGHAI)
    assert until.astimezone(SHANGHAI) == datetime(2026, 7, 9, 23, 59, 59, tzinfo=SHANGHAI)
