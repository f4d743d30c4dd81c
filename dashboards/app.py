"""The Dash application."""

from collections.abc import Callable

from flask import Flask

from tenants.scope import Scope


def mount(server: Flask, prefix: str, current_scope: Callable[[], Scope], page: Callable[..., str]) -> None:
    return None
