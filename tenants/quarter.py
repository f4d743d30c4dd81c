"""The calendar quarter as a value, with the edges it has in a district's zone."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import total_ordering
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
_FORM = re.compile(r"(20\d\d)-?[Qq]([1-4])")


@total_ordering
@dataclass(frozen=True, slots=True)
class Quarter:
    """One calendar quarter. `str()` gives `2026Q3`, `slug` the form in addresses, `iso` the form in the API."""

    year: int
    number: int

    def __post_init__(self) -> None:
        if not (2000 <= self.year <= 2099 and 1 <= self.number <= 4):
            raise ValueError(f"no such quarter: {self.year}Q{self.number}")

    @classmethod
    def parse(cls, text: str) -> "Quarter":
        """Read `2026Q3`, `2026q3` or `2026-Q3`; raise ValueError for anything else."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"not a quarter: {text!r}")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, moment: datetime | date, zone: ZoneInfo = SHANGHAI) -> "Quarter":
        """The quarter in which `moment` falls in `zone`."""
        day = moment.astimezone(zone).date() if isinstance(moment, datetime) else moment
        return cls(day.year, (day.month + 2) // 3)

    def __str__(self) -> str:
        return f"{self.year}Q{self.number}"

    def __lt__(self, other: "Quarter") -> bool:
        return (self.year, self.number) < (other.year, other.number)

    @property
    def slug(self) -> str:
        return f"{self.year}q{self.number}"

    @property
    def iso(self) -> str:
        return f"{self.year}-Q{self.number}"

    def plus(self, quarters: int) -> "Quarter":
        year, index = divmod(self.year * 4 + self.number - 1 + quarters, 4)
        return Quarter(year, index + 1)

    @property
    def previous(self) -> "Quarter":
        return self.plus(-1)

    @property
    def next(self) -> "Quarter":
        return self.plus(1)

    @property
    def first_day(self) -> date:
        return date(self.year, self.number * 3 - 2, 1)

    def starts(self, zone: ZoneInfo) -> datetime:
        """The first moment of the quarter in `zone`, in UTC."""
        return datetime.combine(self.first_day, time.min, zone).astimezone(UTC)

    def ends(self, zone: ZoneInfo) -> datetime:
        """The first moment after the quarter in `zone`, in UTC."""
        return self.next.starts(zone)
