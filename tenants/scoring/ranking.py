"""Places, movement and the middle of a field of totals; exact decimals, ties on the value itself."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TypeVar

K = TypeVar("K")


def rank(totals: Mapping[K, Decimal]) -> dict[K, int]:
    """Standard competition ranking (1, 2, 2, 4), best first; the keys come out in that order."""
    in_order = sorted(totals, key=lambda key: totals[key], reverse=True)
    places: dict[Decimal, int] = {}
    for place, key in enumerate(in_order, start=1):
        places.setdefault(totals[key], place)
    return {key: places[totals[key]] for key in in_order}


def movement(before: Mapping[K, int], now: Mapping[K, int]) -> dict[K, int | None]:
    """Places gained (positive) or lost since `before`; None for who was not ranked then."""
    return {key: before[key] - place if key in before else None for key, place in now.items()}


def median(totals: Iterable[Decimal]) -> Decimal:
    """The middle, or the mean of the two middle ones; ValueError for none."""
    return percentile(totals, Decimal(50))


def percentile(totals: Iterable[Decimal], percent: Decimal) -> Decimal:
    """The value below which `percent` (0-100) of the field lies, interpolated between neighbours, not rounded."""
    in_order = sorted(totals)
    if not in_order or not 0 <= percent <= 100:
        raise ValueError("a percentile needs values, and a percentage from 0 to 100")
    position = percent / 100 * (len(in_order) - 1)
    index = int(position)
    above = in_order[min(index + 1, len(in_order) - 1)]
    return in_order[index] + (above - in_order[index]) * (position - index)
