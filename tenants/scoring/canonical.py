"""One spelling for every value, so that a score run can be sealed, stored as JSON and recomputed to the same digest."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from typing import Any

from tenants.scoring.rules import plain
from tenants.scoring.values import Facts, ItemResult, Ratio, Result, Value
from tenants.words import Words

Data = dict[str, Any]


def data_of(thing: object) -> Any:
    """Plain JSON data of a value: decimals become strings, dataclasses objects, tuples and sets lists."""
    if isinstance(thing, Enum):
        return data_of(thing.value)
    if thing is None or isinstance(thing, str | bool | int):
        return thing
    if isinstance(thing, Decimal):
        return _decimal(thing)
    if is_dataclass(thing) and not isinstance(thing, type):
        return {field.name: data_of(getattr(thing, field.name)) for field in fields(thing)}
    return _collection(thing)


def _decimal(number: Decimal) -> str:
    if not number.is_finite():
        raise ValueError(f"not a number that can be sealed: {number}")
    return plain(number)


def _collection(thing: object) -> Any:
    if isinstance(thing, Mapping):
        return {_key(key): data_of(value) for key, value in thing.items()}
    if isinstance(thing, set | frozenset):
        return sorted((data_of(part) for part in thing), key=_dumped)
    if isinstance(thing, list | tuple):
        return [data_of(part) for part in thing]
    raise TypeError(f"no canonical form for {type(thing).__name__}")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key must be text, not {type(key).__name__}")
    return str(data_of(key))


def _dumped(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(thing: object) -> str:
    """The one JSON text of a value: sorted keys, no spaces, Chinese kept, `3.0` and `3` alike `"3"`."""
    return _dumped(data_of(thing))


def digest(text: str) -> str:
    """SHA-256 of the UTF-8 text, in hex."""
    return sha256(text.encode()).hexdigest()


def facts_to_data(facts: Facts) -> Data:
    """`Facts` as JSON data: a number is a string, a ratio a pair of strings, true and false themselves."""
    return {
        "values": {code: [_unit_to_data(unit) for unit in units] for code, units in facts.values.items()},
        "not_applicable": sorted(facts.not_applicable),
        "bonus": _decimal(facts.bonus),
        "penalty": _decimal(facts.penalty),
        "veto": facts.veto,
        "final": facts.final,
    }


def _unit_to_data(value: Value | None) -> Any:
    return [_decimal(value.num), _decimal(value.den)] if isinstance(value, Ratio) else data_of(value)


def facts_from_data(data: Data) -> Facts:
    """The way back from `facts_to_data`."""
    return Facts(
        values={code: tuple(_unit_from_data(unit) for unit in units) for code, units in data["values"].items()},
        not_applicable=frozenset(data["not_applicable"]),
        bonus=Decimal(data["bonus"]),
        penalty=Decimal(data["penalty"]),
        veto=data["veto"],
        final=data["final"],
    )


def _unit_from_data(unit: Any) -> Value | None:
    if unit is None or isinstance(unit, bool):
        return unit
    return Ratio(Decimal(unit[0]), Decimal(unit[1])) if isinstance(unit, list) else Decimal(unit)


def result_to_data(result: Result) -> Data:
    """A result as JSON data, points with two places; without the sentences, which wording may improve later."""
    return {
        "items": [_item_to_data(item) for item in result.items],
        **{name: f"{getattr(result, name):.2f}" for name in ("earned", "lost", "open", "weight", "base", "total")},
        "bonus": _decimal(result.bonus),
        "penalty": _decimal(result.penalty),
        "veto": result.veto,
        "grade": result.grade.name_zh,
    }


def _item_to_data(item: ItemResult) -> Data:
    return {
        "code": item.code,
        "group": item.group,
        "state": item.state.value,
        "weight": f"{item.weight:.2f}",
        "target": data_of(item.target),
        "values": [_unit_to_data(value) for value in item.values],
        "earned": f"{item.earned:.2f}",
        "lost": f"{item.lost:.2f}",
        "light": item.light and item.light.value,
        "shortfall": data_of(item.shortfall),
    }


def words_to_data(said: Words) -> Data:
    """A sentence as JSON data, for a trace that is shown again in another language."""
    params = {name: words_to_data(part) if isinstance(part, Words) else part for name, part in said.params.items()}
    return {"text": said.text, "params": params}


def words_from_data(data: Data) -> Words:
    """The way back from `words_to_data`."""
    params = {name: words_from_data(part) if isinstance(part, dict) else part for name, part in data["params"].items()}
    return Words(data["text"], params)
