"""Rules of the house as tests: where SQL may stand, which way imports point, who reads the clock."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("tenants", "jobs", "dashboards", "web")


def sources(*packages: str) -> list[Path]:
    return [path for package in packages or PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))


def test_imports_point_one_way() -> None:
    """In a process of its own: it sets up logging anew, and silences the loggers that are there."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


OPERATIONS = {"web/database.py", "web/operations/checks.py", "web/operations/health.py", "web/cli/__init__.py"}
"""The only files outside `tenants` that speak to PostgreSQL: about roles and revisions, never about rows of a tenant."""


@pytest.mark.parametrize("path", sources("jobs", "dashboards", "web"), ids=str)
def test_sql_is_written_in_tenants_only(path: Path) -> None:
    relative = path.relative_to(ROOT).as_posix()
    text = path.read_text("utf-8")
    if relative in OPERATIONS or relative.startswith("web/operations/postgres"):
        return
    assert not re.search(r"^(from|import) sqlalchemy", text, re.M), f"{relative} imports sqlalchemy"
    assert "session()" not in text.replace("db.session()", ""), f"{relative} uses the session"


@pytest.mark.parametrize("path", sources("tenants"), ids=str)
def test_no_raw_sql_and_no_get_by_key(path: Path) -> None:
    relative = path.relative_to(ROOT).as_posix()
    for call in calls(path):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        receiver = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        assert not (name == "text" and receiver in ("sa", "sqlalchemy") and relative not in RAW), relative
        assert not (name == "get" and receiver.endswith(("session", "session()"))), (
            f"{relative} loads by key, past the scope"
        )


RAW = {"tenants/db.py", "tenants/reporting/models.py", "tenants/notices/models.py"}
"""`db.py` tells the database the scope; the models write conditions of partial indexes."""


@pytest.mark.parametrize("path", sources(), ids=str)
def test_the_clock_is_read_at_entry_points_only(path: Path) -> None:
    relative = path.relative_to(ROOT).as_posix()
    reads = [
        call for call in calls(path) if ast.unparse(call.func) in ("datetime.now", "datetime.utcnow", "date.today")
    ]
    assert not reads or relative in CLOCKS or relative.startswith("web/cli/"), f"{relative} reads the clock"


CLOCKS = {"web/auth.py", "jobs/worker.py", "tenants/audit.py"}


def test_tenants_knows_no_chinese_ui_framework() -> None:
    for path in sources("tenants"):
        text = path.read_text("utf-8")
        assert "import flask\n" not in text and "from flask " not in text, path


def test_scopes_are_built_in_three_places() -> None:
    building = {
        path.relative_to(ROOT).as_posix()
        for path in sources()
        for call in calls(path)
        if isinstance(call.func, ast.Name) and call.func.id == "Scope"
    }
    allowed = {"web/auth.py", "jobs/runner.py", "tenants/scope.py", "tenants/db.py"}
    consoles = {name for name in building if name.startswith(("web/cli/", "web/demo/", "web/operations/"))}
    assert building - consoles <= allowed, building - consoles - allowed
