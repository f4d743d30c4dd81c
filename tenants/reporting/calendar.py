"""Working days. Pure; the district's own calendar with 调休 comes in here."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SATURDAY = 5
DAY = timedelta(days=1)
LAST_MOMENT = time(23, 59, 59)


def is_working_day(day: date) -> bool:
    return day.weekday() < SATURDAY


def working_days_after(day: date, count: int) -> date:
    """The `count`-th working day after `day`, which itself is not counted."""
    while count:
        day += DAY
        count -= is_working_day(day)
    return day


def end_of_working_days(start: datetime, count: int, zone: ZoneInfo) -> datetime:
    """The last second, in UTC, of the `count`-th working day after the day of `start` in `zone`."""
    last = working_days_after(start.astimezone(zone).date(), count)
    return datetime.combine(last, LAST_MOMENT, zone).astimezone(UTC)
