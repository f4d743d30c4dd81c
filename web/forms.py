"""Reading what a form or an address carries: the named fields, one value each, and nothing else."""

from unicodedata import category

from flask import request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

UNTRIMMED = frozenset({"password", "again", "old"})


def taken(*names: str, lists: tuple[str, ...] = ()) -> dict[str, str]:
    """The form's fields by name, trimmed, empty where missing; 400 for an unknown, repeated or unprintable one.

    `lists` names fields that may come several times; read them with `taken_all`.
    """
    if not set(request.form) <= {*names, *lists, "csrf_token"}:
        raise BadRequest
    return {name: _one(request.form, name) for name in names}


def taken_all(name: str) -> list[str]:
    """Every value of a field that may come several times."""
    return [_clean(value) for value in request.form.getlist(name)]


def asked(*names: str) -> dict[str, str]:
    """The address's parameters by name, trimmed, empty where missing; others are left alone."""
    return {name: _one(request.args, name) for name in names}


def _one(values: MultiDict[str, str], name: str) -> str:
    found = values.getlist(name)
    if len(found) > 1:
        raise BadRequest
    value = _clean(found[0]) if found else ""
    return value if name in UNTRIMMED else value.strip()


def _clean(value: str) -> str:
    """`value` unless it holds what no keyboard types: control characters and halves of characters."""
    if any(category(char) in ("Cc", "Cs") and char not in "\r\n\t" for char in value):
        raise BadRequest
    return value
