"""From an address to a view: every part of it is checked before anything is read."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from tenants.errors import LinghangError, NotFound
from tenants.quarter import Quarter
from tenants.results.queries import EVERYTHING, Filters
from tenants.schools.models import OrgKind, Stage
from tenants.words import N_

T = TypeVar("T")

LONGEST = 60  # characters of a filter's value
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_PATH = re.compile(r"(20\d\d[qQ][1-4])/([a-z]{1,20})")
_KNOWN = frozenset({"stage", "kind", "group", "district", "indicator", "page"})


class View(StrEnum):
    RANKING = "ranking"
    GAPS = "gaps"


class BadAddress(LinghangError):
    """A part of the address is not what it can be: 400."""


class BadInput(Exception):
    """A callback's input is not what our page would send. No page answers it, since only a script reads the answer."""

    status = 400


class NoSuchBar(BadInput):
    """A click on a bar that the caller's chart has not: foreign or not there, the answer is the same."""

    status = 404


@dataclass(frozen=True, slots=True)
class Place:
    """One view of one quarter, filtered: all that an address says. `indicator` and `page` are for the gaps."""

    quarter: Quarter
    view: View
    filters: Filters = EVERYTHING
    indicator: str = ""
    page: int = 1

    @property
    def filtered(self) -> bool:
        return self.filters != EVERYTHING or bool(self.indicator)

    def query(self) -> dict[str, str]:
        """The filters as an address carries them; what is not set is left out."""
        given = {
            "stage": self.filters.stage,
            "kind": self.filters.org_kind,
            "group": self.filters.group,
            "district": self.filters.district_id,
            "indicator": self.indicator,
            "page": self.page if self.page > 1 else "",
        }
        return {name: str(value) for name, value in given.items() if value}

    def search(self, **changed: str) -> str:
        """The query string of this place with some values changed; empty ones vanish."""
        query = {name: value for name, value in (self.query() | changed).items() if value}
        return f"?{urlencode(query)}" if query else ""

    def bare(self) -> "Place":
        return replace(self, filters=EVERYTHING, indicator="", page=1)


def place(path: object, search: object) -> Place:
    """`2026q3/ranking` and `?stage=primary` → Place; NotFound for no such view, BadAddress for bad filters."""
    if not isinstance(path, str) or not isinstance(search, str):
        raise BadAddress(N_("地址不完整，请从菜单重新进入。"))
    match = _PATH.fullmatch(path)
    if match is None or match[2] not in set(View):
        raise NotFound
    query = _query(search)
    return Place(
        Quarter.parse(match[1]),
        View(match[2]),
        _filters(query),
        _text(query, "indicator", _CODE.fullmatch),
        int(_text(query, "page", re.compile(r"[1-9][0-9]{0,3}").fullmatch) or 1),
    )


def _query(search: str) -> dict[str, str]:
    """The known parameters, each at most once; BadAddress for doubled ones and for too many."""
    try:
        pairs = [(name, value) for name, value in parse_qsl(search.lstrip("?"), max_num_fields=20) if name in _KNOWN]
    except ValueError as error:
        raise BadAddress(N_("地址里的筛选条件过多。")) from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise BadAddress(N_("地址里的筛选条件重复。"))
    return dict(pairs)


def _filters(query: Mapping[str, str]) -> Filters:
    return Filters(
        stage=_parsed(query, "stage", Stage),
        org_kind=_parsed(query, "kind", OrgKind),
        group=_text(query, "group", _is_short),
        district_id=_parsed(query, "district", UUID),
    )


def _parsed(query: Mapping[str, str], name: str, make: Callable[[str], T]) -> T | None:
    text = query.get(name)
    try:
        return make(text) if text else None
    except ValueError as error:
        raise BadAddress(N_("没有这样的筛选条件，请从下拉框中选择。")) from error


def _text(query: Mapping[str, str], name: str, allows: Callable[[str], object]) -> str:
    text = query.get(name, "")
    if text and not allows(text):
        raise BadAddress(N_("没有这样的筛选条件，请从下拉框中选择。"))
    return text


def _is_short(text: str) -> bool:
    """Printable and short: no NUL and no lone surrogate reaches the database."""
    return len(text) <= LONGEST and text.isprintable()


def clicked_key(clicked: object) -> str:
    """The key of the bar that was clicked, from Plotly's `clickData`; BadInput for any other shape."""
    points = clicked.get("points") if isinstance(clicked, dict) else None
    first = points[0] if isinstance(points, list) and points else None
    key = first.get("customdata") if isinstance(first, dict) else None
    if not isinstance(key, str) or not _is_short(key[:LONGEST]) or len(key) > 2 * LONGEST:
        raise BadInput
    return key
