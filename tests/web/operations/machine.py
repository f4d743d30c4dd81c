"""What tests of processes need from the machine: folders, users, other interpreters, a look at what is alive."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest

from web.operations.place import Runner

ROOT = Path(__file__).parents[3]
PATIENCE = 15.0

# Programs of a test begin with this: the package `web` without its application, which takes most of a second to import.
BARE = f"import sys, types; sys.path.insert(0, {str(ROOT)!r})\n"
BARE += f"sys.modules['web'] = types.ModuleType('web'); sys.modules['web'].__path__ = [{str(ROOT / 'web')!r}]\n"


def missing(what: str) -> NoReturn:
    """Skip by name; on CI, which can have it, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have it: {what}")
    pytest.skip(what)


def only_root() -> None:
    """Skip by name unless root: CI may be either, so this is never a failure."""
    if os.geteuid():
        pytest.skip("needs root")


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every user may pass through, unlike `tmp_path`."""
    folder = Path(tempfile.mkdtemp(prefix="linghang-test-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def user(name: str) -> Runner:
    """A user of the system by name."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        missing(f"the user {name}")
    return Runner(entry.pw_uid, entry.pw_gid)


def python_of(runner: Runner) -> list[str]:
    """An interpreter, with our code and libraries, that `runner` can execute: ours may lie below a closed home."""
    libraries = Path(psycopg.__file__).parents[1]
    path = f"{BARE}sys.path.insert(1, {str(libraries)!r})"
    for program in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        trial = [program, "-c", f"{path}\nimport web.operations.postgres"]
        if Path(program).exists() and as_user(runner, trial).returncode == 0:
            return [program, "-c", f"{path}\nexec(sys.argv.pop(1))"]
    missing("a Python of this version, and a checkout, that an ordinary user can read")


def as_user(runner: Runner, command: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run `command` to its end as another user."""
    try:
        return subprocess.run(
            command,
            user=runner.uid,
            group=runner.gid,
            extra_groups=[],
            cwd="/",
            env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=60,
        )
    except OSError as error:
        return subprocess.CompletedProcess(command, 126, "", str(error))


def eventually(true: Callable[[], bool]) -> bool:
    """Whether `true()` comes true before our patience ends."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def alive(pid: int) -> bool:
    """Whether process `pid` is there and no mere zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def processes_with(mark: str) -> list[int]:
    """The processes other than ours whose command line contains `mark`, a word that only this test uses."""
    processes = Path("/proc")
    if not (processes / "self").exists():
        missing("the file system /proc")
    found = []
    for process in processes.glob("[0-9]*"):
        try:
            said = process.joinpath("cmdline").read_bytes()
        except OSError:
            continue  # it has just ended
        if os.fsencode(mark) in said and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found
