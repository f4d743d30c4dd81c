"""Chinese first, English by a switch: the catalogue, and how a domain sentence becomes text."""

from flask import Flask, request
from flask import session as cookie
from flask_babel import Babel, get_locale, gettext

from tenants.words import Words

LOCALES = ("zh", "en")


def speak(said: Words | str) -> str:
    """A domain sentence in the language of this request."""
    if isinstance(said, str):
        return gettext(said) if said else ""
    params = {name: speak(value) if isinstance(value, Words) else value for name, value in said.params.items()}
    return str(gettext(said.text)).format(**params)


def choose_locale() -> str:
    chosen = cookie.get("locale")
    return chosen if chosen in LOCALES else "zh"


def language() -> str:
    """The `lang` of the page."""
    return "en" if str(get_locale()).startswith("en") else "zh-CN"


def init(app: Flask) -> None:
    Babel(app, default_locale="zh", locale_selector=choose_locale, default_timezone="Asia/Shanghai")
    app.jinja_env.filters["speak"] = speak
    app.jinja_env.globals.update(language=language, LOCALES=LOCALES, request=request)
