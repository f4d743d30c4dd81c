"""The one way to write a number, a date or a quarter: tables, charts, sentences and exports all call here."""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from tenants.quarter import Quarter
from tenants.words import N_, Words, words

ZONE = ZoneInfo("Asia/Shanghai")
_NTH = {1: N_("第一季度"), 2: N_("第二季度"), 3: N_("第三季度"), 4: N_("第四季度")}
_WEEKDAYS = (N_("周一"), N_("周二"), N_("周三"), N_("周四"), N_("周五"), N_("周六"), N_("周日"))


def points(value: Decimal | None) -> str:
    """Points with two places; a dash where there are none."""
    return "—" if value is None else f"{value.quantize(Decimal('0.01'), ROUND_HALF_UP)}"


def signed(value: Decimal | None) -> str:
    """A change with its sign: `+1.80`, `-12.40`, `0.00`."""
    if value is None:
        return "—"
    text = points(value)
    return f"+{text}" if value > 0 else text


def number(value: Decimal | int | None) -> str:
    """A count or amount without superfluous zeros: `3`, `2.5`, `24000`."""
    if value is None:
        return "—"
    text = f"{Decimal(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(value: Decimal | None) -> str:
    """A share as a percentage with at most two places: `2%`, `87.5%`."""
    return "—" if value is None else f"{number((value * 100).quantize(Decimal('0.01'), ROUND_HALF_UP))}%"


def quarter(value: Quarter) -> Words:
    return words(N_("{year} 年{nth}"), year=str(value.year), nth=Words(_NTH[value.number]))


def day(value: date | datetime | None) -> Words:
    """`2026 年 10 月 10 日（周六）` in the district's zone."""
    if value is None:
        return Words("—")
    local = value.astimezone(ZONE).date() if isinstance(value, datetime) else value
    parts = {"year": str(local.year), "month": str(local.month), "day": str(local.day)}
    return words(N_("{year} 年 {month} 月 {day} 日（{weekday}）"), **parts, weekday=Words(_WEEKDAYS[local.weekday()]))


def moment(value: datetime | None) -> str:
    """`2026-10-10 09:30` in the district's zone."""
    return "—" if value is None else f"{value.astimezone(ZONE):%Y-%m-%d %H:%M}"
