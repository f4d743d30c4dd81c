"""Whoever changes a figure is found out: in the text, in the scheme, in the rows, in an export."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tenants.db import transaction
from tenants.results import queries, seal
from tenants.scoring.canonical import canonical, digest
from tests.tenants.results.loop import accepted, locks, scored, tamper
from tests.world import World
from web.config import Settings

Data = dict[str, Any]


@pytest.fixture
def exported(world: World) -> Data:
    run_id = scored(world, accepted(world, world.alice, world.bob))
    with transaction(world.job):
        return queries.export_run(world.job, run_id)


def faults(data: Any) -> list[str]:
    return [str(fault) for fault in seal.check_export(json.dumps(data)).faults]


def resealed(data: Data, change: Callable[[Data], object]) -> Data:
    """As somebody would who changes the sealed text and puts a fitting digest beside it."""
    inner = json.loads(data["sealed"])
    change(inner)
    text = canonical(inner)
    return data | {"sealed": text, "sha256": digest(text)}


def test_export_checks_out(exported: Data) -> None:
    assert faults(exported) == []
    assert faults(json.loads(json.dumps(exported, indent=1))) == []


def test_same_text_has_the_same_digest(exported: Data) -> None:
    assert (
        seal.seal({k: v for k, v in json.loads(exported["sealed"]).items() if k != "format"}).sha256
        == (exported["sha256"])
    )


def test_changed_text_is_found(exported: Data) -> None:
    changed = exported | {"sealed": exported["sealed"].replace('"total":"100.00"', '"total":"100.01"')}
    assert changed != exported
    assert faults(changed) == ["校验码对不上：封存的内容已被改动"]


CHANGES: list[tuple[Callable[[Data], object], str]] = [
    (lambda data: data["result"].update(total="99.99"), "total：存的是"),
    (lambda data: data["result"].update(grade="较好"), "grade：存的是"),
    (lambda data: data["result"]["items"][0].update(earned="0.00"), "存的是"),
    (lambda data: data["result"]["items"].pop(), "存的是"),
    (lambda data: data["facts"]["values"].update(party_meeting_count=["0"]), "party_meeting_count：存的是"),
    (lambda data: data["facts"].update(penalty="5"), "penalty：存的是"),
    (lambda data: data.update(format=99), "读不出来"),
    (lambda data: data.update(quarter="2026Q9"), "读不出来"),
    (lambda data: data.pop("facts"), "读不出来"),
    (lambda data: data["facts"].update(bonus="NaN"), "读不出来"),
    (lambda data: data["facts"]["values"].update(party_meeting_count=[["1"]]), "读不出来"),
    (lambda data: data["scheme"].update(sha256="0" * 64), "不是同一版"),
]


@pytest.mark.parametrize(("change", "said"), CHANGES)
def test_resealed_change_is_found_by_recomputing(exported: Data, change: Callable[[Data], object], said: str) -> None:
    found = faults(resealed(exported, change))
    assert found
    assert any(said in fault for fault in found)


def test_changed_scheme_is_found(exported: Data) -> None:
    content = json.loads(json.dumps(exported["scheme"]))
    content["indicators"][0]["weight"] = "9"
    assert faults(exported | {"scheme": content}) == ["指标体系与封存时用的不是同一版，无法复算"]


@pytest.mark.parametrize(
    "data", [None, [], "x", {}, {"kind": "linghang-run"}, {"kind": "other", "sealed": "", "sha256": "", "scheme": {}}]
)
def test_other_files_are_refused_in_words(data: object) -> None:
    (said,) = faults(data)
    assert "不是导出的计分文件" in said


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\x00"])
def test_broken_files_are_refused_in_words(text: str) -> None:
    assert len(seal.check_export(text).faults) == 1


# ---- stored rows ---------------------------------------------------------------------------------------------------


def test_stored_runs_hold(world: World) -> None:
    late = scored(world, world.second_school, now=locks())
    for run_id in (scored(world, accepted(world, world.alice, world.bob)), late):
        with transaction(world.job):
            assert queries.verify(world.job, run_id).faults == ()


TAMPERED = [
    ("score_run", "total", "99.99", "total：存的是 99.99，复算得 100"),
    ("score_run", "red", "7", "red：存的是 7，复算得 0"),
    ("score_run", "grade", "差", "grade：存的是"),
    ("score_run", "sha256", "00", "校验码对不上"),
    ("score_item", "lost", "1.25", ".lost：存的是 1.25"),
    ("score_item", "light", "red", ".light：存的是"),
    ("score_item", "group_code", "x", ".group_code：存的是"),
]


@pytest.mark.parametrize(("table", "column", "value", "said"), TAMPERED)
def test_changed_rows_are_found(
    own_database: tuple[Flask, World, Settings], table: str, column: str, value: str, said: str
) -> None:
    app, world, settings = own_database
    with app.app_context():
        run_id = scored(world, accepted(world, world.alice, world.bob))
    tamper(settings, world, table, column, value)
    with app.app_context(), transaction(world.job):
        found = [str(fault) for fault in queries.verify(world.job, run_id).faults]
    assert found
    assert any(said in fault for fault in found)
