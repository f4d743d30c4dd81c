"""`linghang scheme` and `linghang tables`: files in, points out, a sentence for whatever is wrong."""

import json
from pathlib import Path

import pytest
from flask import Flask

from tests.web.cli.terminal import linghang
from tests.world import World, scheme_text
from web.config import Settings

TABLES = Path("tests/data/published_tables.yaml").resolve()


@pytest.fixture
def scheme(tmp_path: Path) -> Path:
    path = tmp_path / "scheme.yaml"
    path.write_text(scheme_text(), "utf-8")
    return path


def facts(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "facts.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


def test_check_of_a_good_file(scheme: Path) -> None:
    ended = linghang("scheme", "check", scheme)
    assert (ended.code, ended.err) == (0, "")
    assert "可以导入" in ended.out
    told = json.loads(linghang("scheme", "check", scheme, "--json").out)
    assert told["good"]
    assert told["indicators"] > 30


def test_check_names_every_wrong_place(scheme: Path) -> None:
    text = scheme.read_text("utf-8").replace("base_total: 100", "base_total: 90", 1)
    scheme.write_text(text.replace("method: deduct_missing", "method: guess", 1), "utf-8")
    ended = linghang("scheme", "check", scheme)
    assert (ended.code, ended.out) == (1, "")
    assert "method" in ended.err
    assert "第 " in ended.err
    as_json = linghang("scheme", "check", scheme, "--json")
    told = json.loads(as_json.out)
    assert (as_json.code, told["good"]) == (1, False)
    assert any(place.endswith("method") for place in told["problems"])


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a: [", b"- 1\n", b"{}", b"x: !!python/object:os.system 1"])
@pytest.mark.parametrize("command", ["scheme", "tables"])
def test_bad_files_end_in_sentences(tmp_path: Path, content: bytes, command: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    ended = linghang(command, "check", path)
    assert ended.code == 1
    assert ended.err.strip()


@pytest.mark.parametrize("arguments", [("scheme", "check"), ("scheme", "check", "/nowhere"), ("scheme", "nothing")])
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert linghang(*arguments).code == 2


def test_score_gives_points_as_text(scheme: Path, tmp_path: Path) -> None:
    case = {"id": "a", "quarter": 2, "values": {"party_meeting_count": 2}}
    ended = linghang("scheme", "score", scheme, facts(tmp_path, [case, {**case, "id": "b"}]), "--json")
    first, second = json.loads(ended.out)
    assert ended.code == 0
    assert set(first) == {"id", "indicators", "base", "total", "grade"}
    assert (first["id"], second["id"]) == ("a", "b")
    assert all(len(points.partition(".")[2]) == 2 for points in [*first["indicators"].values(), first["total"]])
    assert first["grade"] == "差"


def test_score_refuses_bad_facts(scheme: Path, tmp_path: Path) -> None:
    path = facts(tmp_path, [{"id": "a", "quarter": 2, "values": {"no_such": 1}, "bonus": -1}])
    ended = linghang("scheme", "score", scheme, path, "--json")
    assert (ended.code, ended.out) == (1, "")
    assert "facts.0.bonus" in ended.err
    assert "no_such" in ended.err


def test_published_tables_come_out() -> None:
    ended = linghang("tables", "check", TABLES)
    done, total = ended.out.strip().split(" of ")
    assert (ended.code, done) == (0, total)
    assert int(total) > 30
    assert "注意：" in ended.err
    assert json.loads(linghang("tables", "check", TABLES, "--json").out)["failures"] == []


def test_wrong_vector_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tables.yaml"
    table = {"id": "T1", "title": "t", "formula": "a + 1", "formula_tests": [{"values": {"a": 1}, "expect": 3}]}
    path.write_text(json.dumps({"tables": [table | {"sections": []}]}), "utf-8")
    ended = linghang("tables", "check", path)
    assert (ended.code, ended.out) == (1, "0 of 1\n")
    assert "T1 formula_tests 1：应为 3，算得 2" in ended.err


def test_scheme_travels_out_and_in(own_database: tuple[Flask, World, Settings], tmp_path: Path) -> None:
    settings = own_database[2]
    out = linghang("scheme", "export", "--district", "xq", settings=settings)
    assert out.code == 0
    path = tmp_path / "out.yaml"
    path.write_text(out.out, "utf-8")
    same = linghang("scheme", "import", path, "--district", "xq", settings=settings)
    assert (same.code, same.out) == (0, "0.1.0\n")
    path.write_text(out.out.replace("version: 0.1.0", "version: 0.2.0"), "utf-8")
    assert linghang("scheme", "import", path, "--district", "xq", settings=settings).out == "0.2.0\n"
    newest = linghang("scheme", "export", "--district", "xq", settings=settings)
    assert "version: 0.2.0" in newest.out
    old = linghang("scheme", "export", "--district", "xq", "--version", "0.1.0", settings=settings)
    assert old.out == out.out
    assert linghang("scheme", "export", "--district", "xq", "--version", "9", settings=settings).code == 1
    assert "0.2.0" not in linghang("scheme", "export", "--district", "dq", settings=settings).out


def test_published_version_is_not_changed(own_database: tuple[Flask, World, Settings], scheme: Path) -> None:
    scheme.write_text(scheme.read_text("utf-8").replace("name_zh: 好", "name_zh: 优", 1).replace("zh: 好", "zh: 优", 1))
    ended = linghang("scheme", "import", scheme, "--district", "xq", settings=own_database[2])
    assert ended.code == 1
    assert "已经发布" in ended.err
