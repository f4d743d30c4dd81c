"""English by a switch: every Chinese text that people read has its English, with the same places in it."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from tenants.schemes.format import default_scheme

ROOT = Path(__file__).parents[2]
PO = ROOT / "web" / "translations" / "en" / "LC_MESSAGES" / "messages.po"
PLACE = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]


@pytest.fixture(scope="module")
def said() -> dict[str, str]:
    """Every text marked for translation, with a place where it stands."""
    found = {}
    for package in ("tenants", "jobs", "dashboards", "web"):
        for name, line, message, _, _ in extract_from_dir(
            ROOT / package, METHODS, keywords={"_": None, "gettext": None, "N_": None}
        ):
            if isinstance(message, str) and message:
                found[message] = f"{package}/{name}:{line}"
    return found


@pytest.fixture(scope="module")
def english() -> Catalog:
    with PO.open("rb") as file:
        return read_po(file, locale="en")


def test_every_text_has_its_english(said: dict[str, str], english: Catalog) -> None:
    missing = [f"{where}: {text}" for text, where in said.items() if not (english.get(text) and english[text].string)]
    assert not missing, f"{len(missing)} texts without English, e.g. {missing[:5]}"


def test_english_is_english_and_keeps_its_places(said: dict[str, str], english: Catalog) -> None:
    for text in said:
        translated = str(english[text].string) if english.get(text) else ""
        assert sorted(PLACE.findall(translated)) == sorted(PLACE.findall(text)), text
        assert not CHINESE.search(translated.replace("中文", "")), f"{text} → {translated}"


def test_nothing_is_fuzzy_or_left_over(said: dict[str, str], english: Catalog) -> None:
    assert [str(message.id) for message in english if message.id and (message.fuzzy or message.id not in said)] == []


def test_the_units_of_the_default_scheme_have_english(english: Catalog) -> None:
    scheme = default_scheme()
    units = {item.unit for item in (*scheme.indicators, *scheme.library)} - {"%", "月"}  # 月 is said as 个月
    assert [unit for unit in sorted(units) if not (english.get(unit) and english[unit].string)] == []
