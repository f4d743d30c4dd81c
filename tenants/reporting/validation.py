"""What people type, turned into values or into one sentence each. Pure.

Tolerant of what Chinese offices type (full-width digits, thousands commas, a unit behind the number), strict about
everything else: nothing is guessed, nothing is rounded.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tenants.scoring.values import Indicator, Kind, Ratio, Value
from tenants.words import N_, Words, words

LARGEST = Decimal(10) ** 12
PLACES = 4
_NUMBER = re.compile(r"(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)(?P<unit>[^0-9]{0,4})")
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
"""Full-width forms only: a superscript or a circled digit is not quietly another number."""
COMMON_UNITS = frozenset({"次", "个", "项", "人", "名", "份", "例", "月", "学时", "元", "人次", "支"})
TRUE, FALSE = "yes", "no"
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """What is stored of one unit's indicator; exactly one of value, ticked and na_reason means something."""

    value: Value | None = None
    ticked: tuple[str, ...] | None = None
    na_reason: str = ""

    @property
    def empty(self) -> bool:
        return self.value is None and self.ticked is None and not self.na_reason


def number_of(raw: str, unit: str = "") -> Decimal | Words:
    """A number of at most twelve digits and four places, not negative; or what is wrong with it."""
    text = raw.translate(_HALF_WIDTH).strip()
    match = _NUMBER.fullmatch(text)
    behind = match["unit"].strip() if match else ""
    if match is None or (behind and behind != unit and behind not in COMMON_UNITS):
        return words(N_("“{raw}”不是数字，请只填 0 或正数，例如 3。"), raw=shown(raw))
    value = Decimal(match["number"].replace(",", ""))
    if value >= LARGEST:
        return words(N_("“{raw}”太大，请核对是否多输了位数。"), raw=shown(raw))
    if -value.as_tuple().exponent > PLACES:  # type: ignore[operator]
        return words(N_("“{raw}”的小数太多，最多保留 4 位。"), raw=shown(raw))
    return value


def shown(raw: str) -> str:
    """What was typed, fit to be repeated in a sentence."""
    return "".join(char if char.isprintable() else "□" for char in raw[:40])


def text_of(raw: str, longest: int = LONGEST_REASON) -> str | Words:
    """A note or a reason: lines as people wrote them, no control characters; or what is wrong with it."""
    text = raw.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > longest:
        return words(N_("文字有 {count} 字，请控制在 {most} 字以内。"), count=len(text), most=longest)
    if any(not char.isprintable() and char not in "\n\t\u3000\u200b\ufeff" for char in text):
        return words(N_("文字里有看不见的控制字符，请删除后重新输入。"))
    return text


def entry_of(indicator: Indicator, raw: Mapping[str, Sequence[str]]) -> Entry | Words:
    """What one unit's fields say. `raw` holds lists under `value`, `num`, `den`, `tick` and `na`; blank means blank."""
    reason = _one(raw, "na").strip()
    if reason:
        return _not_applicable(reason, raw)
    if indicator.kind is Kind.BOOLEAN:
        return _boolean(_one(raw, "value"))
    if indicator.kind is Kind.RATIO:
        return _ratio(indicator, _one(raw, "num"), _one(raw, "den"))
    if indicator.checklist:
        return _checklist(indicator, raw.get("tick", ()))
    return _count(indicator, _one(raw, "value"))


def _one(raw: Mapping[str, Sequence[str]], name: str) -> str:
    given = raw.get(name, ())
    return given[0].strip() if given else ""


def _not_applicable(reason: str, raw: Mapping[str, Sequence[str]]) -> Entry | Words:
    said = text_of(reason)
    if isinstance(said, Words):
        return said
    if any(_one(raw, name) for name in ("value", "num", "den")) or any(tick for tick in raw.get("tick", ())):
        return words(N_("已填数值又写了不适用理由，请只保留一种。"))
    return Entry(na_reason=said)


def _boolean(text: str) -> Entry | Words:
    if text in ("", TRUE, FALSE):
        return Entry(value=None if not text else text == TRUE)
    return words(N_("请选择“是”或“否”。"))


def _count(indicator: Indicator, text: str) -> Entry | Words:
    if not text:
        return Entry()
    value = number_of(text, indicator.unit)
    if isinstance(value, Words):
        return value
    if indicator.unit in ("次", "例", "份", "项", "人", "月") and value != value.to_integral_value():
        return words(N_("“{raw}”应为整数，单位是{unit}。"), raw=shown(text), unit=indicator.unit)
    return Entry(value=value)


def _ratio(indicator: Indicator, num_text: str, den_text: str) -> Entry | Words:
    if not num_text and not den_text:
        return Entry()
    names = (indicator.num_name or "", indicator.den_name or "")
    parts: list[Decimal] = []
    for name, text in zip(names, (num_text, den_text), strict=True):
        if not text:
            return words(N_("还缺“{name}”，两个数都要填。"), name=name)
        value = number_of(text)
        if isinstance(value, Words):
            return value
        parts.append(value)
    num, den = parts
    if den == 0 and not indicator.na_when_den_zero:
        return words(N_("“{name}”不能为 0；若本期确无此项，请填写不适用理由。"), name=names[1])
    if indicator.unit == "%" and num > den:
        return words(N_("“{num}”不能大于“{den}”，请核对两个数。"), num=names[0], den=names[1])
    return Entry(value=Ratio(num, den))


def _checklist(indicator: Indicator, ticks: Iterable[str]) -> Entry | Words:
    given = [tick for tick in ticks if tick]
    unknown = [tick for tick in given if tick not in indicator.checklist and tick != NONE_TICKED]
    if unknown:
        return words(N_("清单里没有“{item}”，请刷新页面后重选。"), item=shown(unknown[0]))
    if not given:
        return Entry()
    if NONE_TICKED in given and len(given) > 1:
        return words(N_("既勾了清单里的项，又勾了“以上均无”，请只留一种。"))
    return Entry(ticked=tuple(item for item in indicator.checklist if item in given))


NONE_TICKED = "-"
"""Sent by a checklist whose reporter says that none of its items is met: different from a blank."""


def problems_of(due: Iterable[Indicator], entries: Mapping[str, Sequence[Entry]]) -> dict[str, Words]:
    """What keeps a report from being handed in: each due indicator has a value, or a reason, for every unit."""
    found: dict[str, Words] = {}
    for indicator in due:
        given = entries.get(indicator.code, ())
        blank = sum(entry.empty for entry in given) if given else 1
        if blank and len(given) > 1:
            found[indicator.code] = words(N_("还有 {count} 个支部没有填。"), count=blank)
        elif blank:
            found[indicator.code] = words(N_("还没有填；确实不适用的，请写明理由。"))
    return found
