"""`linghang runs` and `linghang audit`, on a database and without."""

import json
from pathlib import Path

import psycopg
import pytest
from flask import Flask

from tenants.db import transaction
from tenants.quarter import Quarter
from tenants.reporting import actions as reporting
from tenants.results import queries
from tenants.schemes import actions as schemes
from tests.tenants.results.loop import accepted, scored, tamper
from tests.web.cli.terminal import linghang
from tests.world import NOW, World, dates
from web.config import Settings

Database = tuple[Flask, World, Settings]
SELECTED = ("--district", "xq", "--quarter", "2026Q2")


@pytest.fixture
def database(own_database: Database) -> Database:
    """Both schools' reports are accepted."""
    app, world, _ = own_database
    with app.app_context():
        accepted(world, world.alice, world.bob)
        accepted(world, world.carol, world.dave)
    return own_database


def runs_of(database: Database) -> list[queries.RunView]:
    app, world, _ = database
    with app.app_context(), transaction(world.job):
        return list(queries.runs(world.job))


def test_compute_says_what_it_made(database: Database) -> None:
    settings = database[2]
    first = linghang("runs", "compute", *SELECTED, "--json", settings=settings)
    assert (first.code, json.loads(first.out)) == (0, {"made": 2, "unchanged": 0, "skipped": 0})
    again = json.loads(linghang("runs", "compute", *SELECTED, "--json", settings=settings).out)
    assert (again["made"], again["unchanged"]) == (0, 2)
    forced = linghang("runs", "compute", *SELECTED, "--school", "1234567801", "--force", settings=settings)
    assert forced.out == "新增 1 次计分，0 所学校没有变化。\n"
    numbers = [run.number for run in runs_of(database) if run.school_id == database[1].school]
    assert numbers == [1, 2]
    assert {run.cause for run in runs_of(database)} == {"manual"}


def test_open_reports_are_left_alone(own_database: Database) -> None:
    """A quarter that locks in the year 2099 is open on whatever day this test runs."""
    app, world, settings = own_database
    far, scope = Quarter(2098, 4), world.ada.scope
    with app.app_context(), transaction(scope):
        version = schemes.newest_version(scope)
        assert version is not None
        coming = dates(far) | {"opens_at": NOW}
        reporting.set_dates(scope, far, **coming, scheme_version_id=version, now=NOW)
        reporting.open_quarter(scope, far, NOW)
    ended = linghang("runs", "compute", "--district", "xq", "--quarter", "2098Q4", "--json", settings=settings)
    assert json.loads(ended.out) == {"made": 0, "unchanged": 0, "skipped": 2}
    assert "2 份报表还在填报" in ended.err


UNKNOWN = [
    (("--district", "nn", "--quarter", "2026Q2"), 1, "没有代码为 nn 的区县，现有"),
    ((*SELECTED, "--school", "9999999999"), 1, "没有标识码为 9999999999 的学校"),
    (("--district", "dq", "--quarter", "2026Q2", "--school", "1234567801"), 1, "没有标识码"),
    (("--district", "xq", "--quarter", "2027Q1"), 1, "还没有设定填报日期"),
    (("--district", "xq", "--quarter", "2026Q5"), 2, "不是季度"),
    (("--district", "xq"), 2, "--quarter"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), UNKNOWN)
def test_what_is_not_there_is_said(own_database: Database, arguments: tuple[str, ...], code: int, said: str) -> None:
    ended = linghang("runs", "compute", *arguments, settings=own_database[2])
    assert ended.code == code
    assert said in ended.err
    assert ended.out == ""


def test_no_database_is_the_environment() -> None:
    ended = linghang("runs", "verify", settings=None)
    assert ended.code == 3
    assert ended.err


def test_verify_counts_and_names_what_differs(database: Database) -> None:
    app, world, settings = database
    with app.app_context():
        scored(world, world.school)
        scored(world, world.school, force=True)
    good = linghang("runs", "verify", settings=settings)
    assert (good.code, good.out, good.err) == (0, "2 of 2\n", "")
    assert linghang("runs", "verify", "--district", "dq", settings=settings).out == "0 of 0\n"
    assert linghang("runs", "verify", "--quarter", "2026Q1", settings=settings).out == "0 of 0\n"
    tamper(settings, world, "score_item", "lost", "0.5")
    bad = linghang("runs", "verify", "--district", "xq", "--json", settings=settings)
    assert bad.code == 1
    assert (json.loads(bad.out)["verified"], json.loads(bad.out)["total"]) == (0, 2)
    assert "西区 第一小学 2026Q2 第 1 次计分" in bad.err
    assert "存的是 0.5" in bad.err


def test_export_is_verified_without_a_database(database: Database, tmp_path: Path) -> None:
    app, world, settings = database
    with app.app_context():
        scored(world, world.school)
    path = tmp_path / "run.json"
    made = linghang("runs", "export", *SELECTED, "--school", "1234567801", path, settings=settings)
    assert made.code == 0
    good = linghang("runs", "verify", "--file", path)
    assert (good.code, good.out) == (0, "1 of 1\n")
    data = json.loads(path.read_text("utf-8"))
    assert set(data) == {"kind", "format", "read_me", "school", "number", "sha256", "sealed", "scheme"}
    path.write_text(json.dumps(data | {"sealed": data["sealed"].replace("100.00", "99.00")}), "utf-8")
    bad = linghang("runs", "verify", "--file", path)
    assert (bad.code, bad.out) == (1, "0 of 1\n")
    assert "校验码对不上" in bad.err


def test_nothing_to_export(database: Database, tmp_path: Path) -> None:
    ended = linghang("runs", "export", *SELECTED, "--school", "1234567801", tmp_path / "x", settings=database[2])
    assert ended.code == 1
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b'{"kind": "linghang-run"}'])
def test_bad_export_ends_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    ended = linghang("runs", "verify", "--file", path)
    assert ended.code == 1
    assert "文件" in ended.err


def test_file_and_district_do_not_go_together(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("{}")
    assert linghang("runs", "verify", "--file", path, "--district", "xq").code == 2


# ---- the log's chains ----------------------------------------------------------------------------------------------


def test_chains_hold(database: Database) -> None:
    ended = linghang("audit", "verify", "--json", settings=database[2])
    assert ended.code == 0
    chains = {row["chain"]: row for row in json.loads(ended.out)}
    assert set(chains) == {"西区", "东区", "系统"}
    assert all(row["events"] > 0 and row["fault"] is None for row in chains.values())


BREAKS = [
    ("UPDATE audit_event SET actor = 'x' WHERE seq = 3 AND {chain}", "第 3 条记录被改动"),
    ("DELETE FROM audit_event WHERE seq = 2 AND {chain}", "第 2 条记录缺失"),
    ("DELETE FROM audit_event WHERE seq = (SELECT max(seq) FROM audit_event WHERE {chain}) AND {chain}", "被截断"),
]


@pytest.mark.parametrize(("statement", "said"), BREAKS)
def test_first_fault_of_a_chain_is_named(database: Database, statement: str, said: str) -> None:
    _, world, settings = database
    url = settings.database_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url) as owner:
        owner.execute("SELECT set_config('app.district', %s, true)", (str(world.district),))
        owner.execute("SELECT set_config('app.whole_district', 'on', true)")
        owner.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        changed = owner.execute(statement.format(chain=f"district_id = '{world.district}'"))
        assert changed.rowcount == 1
    ended = linghang("audit", "verify", settings=settings)
    assert ended.code == 1
    assert f"西区：{said}" in ended.err or said in ended.err
    assert "东区：" not in ended.err
    assert linghang("audit", "verify", "--district", "dq", settings=settings).code == 0
