"""What the pages of management share: the blueprint, and how a form's text becomes values."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from flask import Blueprint, current_app, url_for
from werkzeug.wrappers import Response

from tenants.errors import Invalid
from tenants.words import N_, Words
from web.config import Settings

E = TypeVar("E", bound=StrEnum)
Answer = str | Response | tuple[str, int]
Options = list[tuple[str, Any]]

blueprint = Blueprint("manage", __name__)

UNLISTED = N_("请从列表中选一项。")


def one_of(kind: type[E], text: str, field: str) -> E:
    """The member that a select gave; Invalid for anything else."""
    try:
        return kind(text)
    except ValueError:
        raise Invalid({field: Words(UNLISTED)}) from None


def maybe(kind: type[E], text: str) -> E | None:
    """The member that a filter names, or None."""
    return kind(text) if text in set(kind) else None


def id_of(text: str, field: str) -> UUID | None:
    """The id that a select gave, None for its blank; Invalid for anything else."""
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Invalid({field: Words(UNLISTED)}) from None


def filter_id(text: str) -> UUID | None:
    """The id that a filter names, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None


def whole(text: str, field: str, most: int = 9999) -> int:
    """A whole number from 0 to `most`; an empty text is 0."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or int(text) > most:
        raise Invalid({field: Words(N_("这里填 0 到 {most} 的整数。"), {"most": most})})
    return int(text)


def names(table: Mapping[E, str]) -> Options:
    """A table of names as the options of a select."""
    return [(member.value, name) for member, name in table.items()]


def public_link(endpoint: str, **values: object) -> str:
    """An address for a mail or a sheet of paper: by the configured name, never by the Host header."""
    settings: Settings = current_app.config["SETTINGS"]
    return settings.public_base_url.rstrip("/") + url_for(endpoint, _external=False, **values)  # type: ignore[arg-type]
