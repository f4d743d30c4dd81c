"""What is wrong with a file: a place in it and a sentence; and the numbers that every reader takes."""

from decimal import Decimal

from tenants.scoring.rules import plain
from tenants.words import N_, Words, words

MAX_DIGITS = 12  # before the point, and after it


Path = tuple[str | int, ...]
Problem = tuple[Path, Words]


class Wrong(ValueError):
    """One thing wrong with one value; the caller knows where it stands."""

    def __init__(self, said: Words) -> None:
        self.words = said
        super().__init__(str(said))


def number_of(value: object) -> Decimal:
    """A finite number of sane size, from what the YAML and JSON readers give (never a binary float)."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Wrong(words(N_("这里要写数字")))
    number = Decimal(value)
    if not number.is_finite():
        raise Wrong(words(N_("这里不是有限的数，不能写 NaN 或无穷大")))
    exponent = number.as_tuple().exponent
    if number.adjusted() > MAX_DIGITS or not isinstance(exponent, int) or exponent < -MAX_DIGITS:
        raise Wrong(words(N_("这个数太大或小数位太多，整数和小数各不超过 {digits} 位"), digits=MAX_DIGITS))
    return number


def not_negative(value: object) -> Decimal:
    number = number_of(value)
    if number < 0:
        raise Wrong(words(N_("这里不能是负数（写的是 {number}）"), number=plain(number)))
    return number
