"""The sealed text of a score run: what was put in, what came out, and how anyone can check it. Pure.

`docs/decisions/0009-sealed-runs.md` describes the format.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tenants.quarter import Quarter
from tenants.schemes.format import scheme_from_data
from tenants.scoring.canonical import canonical, digest, facts_from_data, result_to_data, words_to_data
from tenants.scoring.engine import score, shortfall_words
from tenants.scoring.rules import plain
from tenants.scoring.values import ItemState, Light, Result, Scheme, Target
from tenants.words import N_, Words, words

FORMAT = 1
EXPORT = "linghang-run"
PLACES = 4
Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seal:
    """A sealed text and its SHA-256, hex."""

    text: str
    sha256: str


def seal(data: Mapping[str, Any]) -> Seal:
    text = canonical({"format": FORMAT, **data})
    return Seal(text, digest(text))


def read(text: str) -> Data:
    """The data of a sealed text; ValueError for a text that no version of this product has sealed."""
    data = json.loads(text)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError("not a sealed run")
    return data


def run_columns(result: Result) -> Data:
    """The columns of `ScoreRun` that are made of the result."""
    lights = Counter(item.light for item in result.items)
    states = Counter(item.state for item in result.items)
    return {
        "base": result.base, "bonus": result.bonus, "penalty": result.penalty, "veto": result.veto,
        "total": result.total, "grade": result.grade.name_zh, "green": lights[Light.GREEN],
        "yellow": lights[Light.YELLOW], "red": lights[Light.RED], "missing": states[ItemState.MISSING],
        "not_applicable": states[ItemState.NOT_APPLICABLE],
    }  # fmt: skip


def item_columns(scheme: Scheme, result: Result) -> list[Data]:
    """The columns of `ScoreItem` that are made of the result, one row for each indicator."""
    told = result_to_data(result)["items"]
    return [
        {
            "code": item.code, "group_code": item.group, "state": item.state.value,
            "light": item.light and item.light.value, "weight": item.weight, "earned": item.earned, "lost": item.lost,
            "values": data["values"], "target": _target(item.target), "shortfall": _stored(item.shortfall),
            "why": words_to_data(item.why), "short": _short(scheme, item),
        }
        for item, data in zip(result.items, told, strict=True)
    ]  # fmt: skip


def _target(target: Target | None) -> str | None:
    if isinstance(target, bool):
        return "true" if target else "false"
    return None if target is None else plain(target)


def _stored(shortfall: Decimal | None) -> Decimal | None:
    """As exact as the column is; the sealed text keeps every digit."""
    return None if shortfall is None else round(shortfall, PLACES)


def _short(scheme: Scheme, item: Any) -> Data | None:
    said = shortfall_words(scheme.indicator(item.code), item)
    return None if said is None else words_to_data(said)


# ---- checking ------------------------------------------------------------------------------------------------------

UNREADABLE = N_("封存的内容读不出来，无法复算")


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found; `result` is the recomputed one, None where it did not come so far."""

    faults: tuple[Words, ...]
    scheme: Scheme | None = None
    result: Result | None = None


def check(text: str, sha256: str, content: object) -> Checked:
    """Recompute a sealed run from its own facts and its scheme's content, which may come from anybody."""
    if digest(text) != sha256:
        return Checked((words(N_("校验码对不上：封存的内容已被改动")),))
    try:
        return _recompute(read(text), content)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, IndexError):
        return Checked((words(UNREADABLE),))


def _recompute(data: Data, content: object) -> Checked:
    if not isinstance(content, dict) or digest(canonical(content)) != data["scheme"]["sha256"]:
        return Checked((words(N_("指标体系与封存时用的不是同一版，无法复算")),))
    scheme = scheme_from_data(content)
    result = score(scheme, Quarter.parse(data["quarter"]).number, facts_from_data(data["facts"]))
    return Checked(tuple(_differences(data["result"], result_to_data(result))), scheme, result)


def _differences(sealed: Data, computed: Data) -> Iterator[Words]:
    """One sentence for each figure that does not come out as it was sealed."""
    for name in sorted({*sealed, *computed} - {"items"}):
        yield from differing(name, sealed.get(name), computed.get(name))
    before = {item["code"]: item for item in sealed["items"]}
    after = {item["code"]: item for item in computed["items"]}
    for code in sorted({*before, *after}):
        yield from differing(code, before.get(code), after.get(code))


def differing(name: str, kept: object, computed: object) -> Iterator[Words]:
    """A sentence if what is kept is not what was computed; 3 and 3.00 are equal."""
    if kept == computed:
        return
    text = N_("{name}：存的是 {kept}，复算得 {computed}")
    yield words(text, name=name, kept=_spelled(kept), computed=_spelled(computed))


def _spelled(found: object) -> str:
    if isinstance(found, Decimal):
        return plain(found)
    return json.dumps(found, ensure_ascii=False, default=str)


def export(*, seal: Seal, school: str, number: int, content: Mapping[str, Any]) -> Data:
    """All that is needed to check a run without any database; `check_export` reads it."""
    return {
        "kind": EXPORT,
        "format": FORMAT,
        "read_me": "sha256 is over the UTF-8 text in `sealed`; `scheme` in canonical JSON has the digest named there",
        "school": school,
        "number": number,
        "sha256": seal.sha256,
        "sealed": seal.text,
        "scheme": dict(content),
    }


def check_export(text: str) -> Checked:
    """Check an exported run; whatever is wrong with the file is a fault, never an exception."""
    try:
        data = json.loads(text)
        if data["kind"] != EXPORT:
            raise ValueError(data["kind"])
        sealed, sha256, content = str(data["sealed"]), str(data["sha256"]), data["scheme"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return Checked((words(N_("这不是导出的计分文件，或文件不完整")),))
    return check(sealed, sha256, content)
