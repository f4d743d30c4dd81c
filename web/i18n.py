"""Chinese first, English by a switch: the catalogue, and how a domain sentence becomes text."""

from typing import Protocol

from flask import Flask, request
from flask import session as cookie
from flask_babel import Babel, get_locale, gettext

from tenants.words import Words

LOCALES = ("zh", "en")


class Named(Protocol):
    """What a scheme names in both languages."""

    @property
    def name_zh(self) -> str: ...

    @property
    def name_en(self) -> str: ...


def speak(said: Words | str) -> str:
    """A domain sentence in the language of this request."""
    if isinstance(said, str):
        return gettext(said) if said else ""
    params = {name: speak(value) if isinstance(value, Words) else value for name, value in said.params.items()}
    return str(gettext(said.text)).format(**params)


def named(thing: Named) -> str:
    """The name of an indicator, a group or a scheme in the language of this request."""
    return thing.name_en if language() == "en" and thing.name_en else thing.name_zh


def choose_locale() -> str:
    chosen = cookie.get("locale")
    return chosen if chosen in LOCALES else "zh"


def language() -> str:
    """The `lang` of the page."""
    return "en" if str(get_locale()).startswith("en") else "zh-CN"


def init(app: Flask) -> None:
    Babel(app, default_locale="zh", locale_selector=choose_locale, default_timezone="Asia/Shanghai")
    app.jinja_env.filters.update(speak=speak, named=named)
    app.jinja_env.globals.update(language=language, LOCALES=LOCALES, request=request)
