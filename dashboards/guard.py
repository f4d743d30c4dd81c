"""What Dash is given to eat: a callback's body is checked before Dash sees it, so that nothing malformed is a fault of ours."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import Request

CALLBACK_LIMIT = 2 * 1024 * 1024
Callbacks = Mapping[str, Mapping[str, Any]]


class BadBody(Exception):
    """This is no callback of ours; answered by 400."""


def check_origin(request: Request) -> None:
    """The browser says where the call comes from: it must be this host. BadBody otherwise."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin")
    if site != "same-origin" or (origin is not None and urlsplit(origin).netloc != request.host):
        raise BadBody("foreign origin")


def check_body(request: Request, callbacks: Callbacks) -> None:
    """A JSON object of exactly a registered callback's shape; BadBody otherwise, 413 when it is too long."""
    request.max_content_length = CALLBACK_LIMIT
    if request.mimetype != "application/json":
        raise BadBody("not JSON")
    body = _parsed(request.get_data(cache=True))
    output = body.get("output") if isinstance(body, dict) else None
    callback = callbacks.get(output) if isinstance(output, str) else None
    if callback is None or not _fits(body, callback):
        raise BadBody("no such callback")


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadBody("not JSON") from error


def _fits(body: dict[str, Any], callback: Mapping[str, Any]) -> bool:
    changed = body.get("changedPropIds", [])
    return (
        _named(body.get("outputs")) == _split(body["output"])
        and _all_named(body.get("inputs"), callback["inputs"])
        and _all_named(body.get("state", []), callback["state"])
        and isinstance(changed, list)
        and all(isinstance(each, str) for each in changed)
    )


def _split(output: str) -> tuple[str, str]:
    name, _, prop = output.rpartition(".")
    return name, prop


def _named(given: Any) -> tuple[Any, Any] | None:
    return (given.get("id"), given.get("property")) if isinstance(given, dict) else None


def _all_named(given: Any, expected: list[dict[str, Any]]) -> bool:
    wanted = [(each["id"], each["property"]) for each in expected]
    return isinstance(given, list) and [_named(each) for each in given] == wanted
