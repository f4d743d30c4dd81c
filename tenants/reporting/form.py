"""A sheet as the fields of a form, both ways: stored values into texts, texts into values. Pure.

A field is named `code.unit.part`; the parts of a value are `value`, or `num` and `den`, or `tick`, besides `na` and `note`.
What a form does not carry stays as it is, so that a form of three returned items changes three items.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from tenants.errors import NotFound
from tenants.formats import number
from tenants.reporting.actions import Given, Key
from tenants.reporting.queries import Sheet, Stored
from tenants.reporting.validation import FALSE, NONE_TICKED, TRUE, Entry, entry_of, number_of, text_of
from tenants.scoring.values import Indicator, Kind, Ratio
from tenants.words import N_, Words, words

Texts = Mapping[str, Sequence[str]]
"""What the fields of one unit hold, by part."""
MARK = 8
"""Hexadecimal digits by which a form remembers what one unit's fields held when it was opened."""


def parts(indicator: Indicator) -> tuple[str, ...]:
    """The parts of an indicator's value."""
    if indicator.kind is Kind.RATIO:
        return ("num", "den")
    return ("tick",) if indicator.checklist and indicator.kind is not Kind.BOOLEAN else ("value",)


def name_of(code: str, unit_id: UUID, part: str) -> str:
    """A field's name and id."""
    return f"{code}.{unit_id}.{part}"


def texts_of(indicator: Indicator, stored: Stored | None) -> dict[str, tuple[str, ...]]:
    """The fields of one unit as the form shows what is stored."""
    texts: dict[str, tuple[str, ...]] = {part: ("",) for part in (*parts(indicator), "na", "note")}
    if stored is None:
        return texts
    entry = stored.entry
    texts.update(_value_texts(entry), na=(entry.na_reason,), note=(stored.note,))
    return texts


def holding(sheet: Sheet, typed: Mapping[Key, Texts], key: Key) -> dict[str, tuple[str, ...]]:
    """What the fields of one unit show: what was typed and not yet stored, or else what is stored."""
    stored = texts_of(sheet.scheme.indicator(key[0]), sheet.stored.get(key))
    return {**stored, **{part: tuple(given) for part, given in typed.get(key, {}).items()}}


def _value_texts(entry: Entry) -> dict[str, tuple[str, ...]]:
    value = entry.value
    if entry.ticked is not None:
        return {"tick": entry.ticked or (NONE_TICKED,)}
    if isinstance(value, Ratio):
        return {"num": (number(value.num),), "den": (number(value.den),)}
    if isinstance(value, bool):
        return {"value": (TRUE if value else FALSE,)}
    return {"value": (number(value),)} if isinstance(value, Decimal) else {}


def read(sheet: Sheet, fields: Mapping[str, Sequence[str]]) -> dict[Key, Texts]:
    """The posted fields by indicator and unit; NotFound for one that this school's form does not have."""
    typed: dict[Key, dict[str, tuple[str, ...]]] = {}
    for name, texts in fields.items():
        key, part = _place(sheet, name)
        if part != "tick" and len(texts) != 1:
            raise NotFound
        typed.setdefault(key, {})[part] = tuple(texts)
    return dict(typed)


def _place(sheet: Sheet, name: str) -> tuple[Key, str]:
    code, unit, part = [*name.split("."), "", ""][:3]
    units = {str(each.id): each.id for each in sheet.units.get(code, ())}
    if unit not in units or part not in (*parts(sheet.scheme.indicator(code)), "na", "note"):
        raise NotFound
    if name != name_of(code, units[unit], part):
        raise NotFound
    return (code, units[unit]), part


@dataclass(frozen=True, slots=True)
class Reading:
    """What posted fields mean: what can be stored, and by field what cannot, in words."""

    given: Mapping[Key, Given]
    faults: Mapping[str, Words]


def understand(sheet: Sheet, typed: Mapping[Key, Texts]) -> Reading:
    """Turn texts into values, each unit by itself: a fault in one keeps no other from being stored."""
    given: dict[Key, Given] = {}
    faults: dict[str, Words] = {}
    for (code, unit_id), texts in typed.items():
        indicator = sheet.scheme.indicator(code)
        whole = {**texts_of(indicator, sheet.stored.get((code, unit_id))), **texts}
        entry, note = entry_of(indicator, whole), text_of(_first(whole, "note"))
        if isinstance(entry, Words):
            faults[name_of(code, unit_id, faulty_part(indicator, whole))] = entry
        if isinstance(note, Words):
            faults[name_of(code, unit_id, "note")] = note
        if not isinstance(entry, Words) and not isinstance(note, Words):
            given[code, unit_id] = Given(entry, note)
    return Reading(given, faults)


def faulty_part(indicator: Indicator, texts: Texts) -> str:
    """The part that a sentence about one unit's fields speaks of."""
    if _first(texts, "na").strip():
        return "na"
    if indicator.kind is not Kind.RATIO:
        return parts(indicator)[0]
    if _lacks(_first(texts, "num")):
        return "num"
    den = _first(texts, "den")
    return "den" if _lacks(den) or number_of(den) == 0 else "num"


def _lacks(text: str) -> bool:
    return not text.strip() or isinstance(number_of(text), Words)


def _first(texts: Texts, part: str) -> str:
    given = texts.get(part, ())
    return given[0] if given else ""


def summary(sheet: Sheet, faults: Mapping[str, Words]) -> dict[str, Words]:
    """The same faults for the top of the page, each with its indicator's number and name."""
    return {field: about(sheet, field, fault) for field, fault in faults.items()}


def about(sheet: Sheet, field: str, fault: Words) -> Words:
    code, unit, *_ = [*field.split("."), ""]
    indicator = sheet.scheme.indicator(code)
    branch = next((each.name for each in sheet.units.get(code, ()) if str(each.id) == unit), "")
    several = len(sheet.units.get(code, ())) > 1
    name = f"{indicator.name_zh}（{branch}）" if several and branch else indicator.name_zh
    return words(N_("{number} {name}：{fault}"), number=indicator.number, name=name, fault=fault)


def keys(sheet: Sheet) -> tuple[Key, ...]:
    """Every unit of every indicator that the school answers, in the form's order."""
    return tuple((indicator.code, unit.id) for indicator in sheet.asked() for unit in sheet.units[indicator.code])


def first_field(sheet: Sheet, code: str) -> str:
    """Where to jump for an indicator: its first empty unit, or else its first."""
    units = sheet.units[code]
    empty = (unit for unit, entry in zip(units, sheet.entries(code), strict=True) if entry.empty)
    return name_of(code, next(empty, units[0]).id, parts(sheet.scheme.indicator(code))[0])


def seen(sheet: Sheet) -> str:
    """A mark of every unit's fields as they are stored: the form carries it to tell later who changed what."""
    return "".join(
        _mark(texts_of(sheet.scheme.indicator(code), sheet.stored.get((code, unit)))) for code, unit in keys(sheet)
    )


def _mark(texts: Texts) -> str:
    plain = sorted((part, sorted(_same_line(text) for text in given if text.strip())) for part, given in texts.items())
    return hashlib.sha256(repr(plain).encode()).hexdigest()[:MARK]


def _same_line(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


@dataclass(frozen=True, slots=True)
class Merge:
    """A form that was overtaken: what its person typed, and where somebody else has changed the same since."""

    mine: Mapping[Key, Texts]
    clashes: frozenset[Key]


def merge(sheet: Sheet, typed: Mapping[Key, Texts], seen_before: str) -> Merge:
    """Set apart what the person typed from what only stood in the form when it was opened."""
    before = _marks(keys(sheet), seen_before)
    now = _marks(keys(sheet), seen(sheet))
    mine: dict[Key, Texts] = {}
    clashes = set()
    for key, texts in typed.items():
        indicator = sheet.scheme.indicator(key[0])
        mark = _mark({**texts_of(indicator, sheet.stored.get(key)), **texts})
        if mark in (before.get(key), now.get(key)):
            continue
        mine[key] = texts
        if before.get(key) != now.get(key):
            clashes.add(key)
    return Merge(mine, frozenset(clashes))


def _marks(order: Iterable[Key], text: str) -> dict[Key, str]:
    order = tuple(order)
    if len(text) != MARK * len(order):
        return {}
    return {key: text[place * MARK : (place + 1) * MARK] for place, key in enumerate(order)}
