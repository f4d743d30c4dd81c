"""Running `linghang` as a person at a console would, in a process of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass

from web.cli import environ_for_children
from web.config import Settings


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


def linghang(*arguments: object, settings: Settings | None = None) -> Ended:
    """Run a command to its end; without `settings` no database can be reached."""
    nowhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "LINGHANG_MODE": "test"}
    environ = environ_for_children(settings) if settings else {**os.environ, **nowhere}
    ended = subprocess.run(
        [sys.executable, "-m", "web.cli", *map(str, arguments)],
        env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in ended.stderr, ended.stderr
    return Ended(ended.returncode, ended.stdout, ended.stderr)
