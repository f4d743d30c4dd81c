"""The supervisor: children start together, speak with their names in front, and end together, whatever happens."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from tests.web.operations import machine
from web.operations import supervisor, tether
from web.operations.supervisor import Child, run

SLEEP = "import time; print('here', flush=True); time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(60)"
POLITE = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("here", flush=True)
time.sleep(60)
"""
SUPERVISOR = f"""{machine.BARE}
from datetime import timedelta
from web.operations.supervisor import Child, run
mark, grace, *codes = sys.argv[1:]
children = [Child(f"c{{i}}", [sys.executable, "-c", code, mark]) for i, code in enumerate(codes)]
sys.exit(run(children, grace=timedelta(seconds=float(grace))))
"""


@pytest.fixture
def mark() -> str:
    return f"mark-{uuid4()}"


def child(name: str, code: str, mark: str = "", env: dict[str, str] | None = None) -> Child:
    return Child(name, [sys.executable, "-c", code, mark], env)


def supervised(mark: str, *codes: str, grace: float = 10, prelude: Sequence[str] = ()) -> "subprocess.Popen[str]":
    """A supervisor in a process of its own, all of whose children have said that they are there."""
    process = subprocess.Popen(
        [*prelude, sys.executable, "-c", SUPERVISOR, mark, str(grace), *codes],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    waiting = {f"c{number} | here\n" for number in range(len(codes))}
    while waiting:
        line = process.stdout.readline()
        if not line:
            process.communicate()
            pytest.fail(f"the supervisor ended before {waiting}")
        waiting.discard(line)
    return process


def ended(process: "subprocess.Popen[str]", mark: str) -> int:
    """Its exit code, once it and everything marked is gone."""
    with process:
        code = process.wait(machine.PATIENCE)
        assert machine.eventually(lambda: not machine.processes_with(mark))
    return code


@pytest.mark.parametrize(
    ("first", "code"), [("", 0), ("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137)]
)
def test_all_end_with_the_first_and_its_code_is_ours(mark: str, first: str, code: int) -> None:
    began = time.monotonic()
    assert run([child("sleeper", SLEEP, mark), child("first", first, mark)]) == code
    assert time.monotonic() - began < 10
    assert machine.processes_with(mark) == []


def test_what_they_say_has_their_names_in_front(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    long = "import sys; print('一\\n二'); print('x' * 100000); print('end', end='', flush=True)"
    assert run([child("web", f"{long}; print('oh', file=sys.stderr); import time; time.sleep(0.5)")]) == 0
    said, complained = capfdbinary.readouterr()
    lines = said.decode().splitlines()
    assert lines[:2] == ["web | 一", "web | 二"]
    assert "".join(line.removeprefix("web | ") for line in lines[2:-1]) == "x" * 100000
    assert lines[-1] == "web | end"
    assert complained.decode() == "web | oh\n"


def test_names_stand_in_one_column(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    wait = "import time; time.sleep(0.5)"
    run([child("web", f"print('a', flush=True); {wait}"), child("worker", f"print('b', flush=True); {wait}")])
    assert sorted(capfdbinary.readouterr().out.decode().splitlines()) == ["web    | a", "worker | b"]


def test_a_child_gets_its_environment(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    run([child("one", "import os; print(os.environ['ROLE'])", env={"ROLE": "worker"})])
    assert capfdbinary.readouterr().out == b"one | worker\n"


def test_a_program_that_does_not_exist_is_named(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # a folder there that is closed to us would be named instead
    assert run([child("sleeper", SLEEP, mark), Child("typo", ["no-such-program"])]) == 1
    assert b"typo    | no-such-program: No such file" in capfdbinary.readouterr().err
    assert machine.processes_with(mark) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_all_in_good_order(mark: str, number: signal.Signals) -> None:
    process = supervised(mark, SLEEP, POLITE)
    process.send_signal(number)
    assert ended(process, mark) == 0


def test_who_does_not_listen_is_killed_after_the_grace(mark: str) -> None:
    process = supervised(mark, POLITE, DEAF, grace=1)
    process.terminate()
    assert ended(process, mark) == 137


def test_a_second_signal_does_not_wait_for_the_grace(mark: str) -> None:
    process = supervised(mark, DEAF, grace=600)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert ended(process, mark) == 137


def test_after_kill_9_of_the_supervisor_no_child_lives(mark: str) -> None:
    process = supervised(mark, SLEEP, POLITE)
    process.kill()
    assert ended(process, mark) == -signal.SIGKILL


def test_nohup_is_respected(mark: str) -> None:
    process = supervised(mark, SLEEP, prelude=["sh", "-c", 'trap "" HUP; exec "$@"', "sh"])
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None
    process.terminate()
    assert ended(process, mark) == 0


def test_a_reader_that_goes_away_ends_it(mark: str) -> None:
    chatter = "import time\nprint('here', flush=True)\nwhile True: print('more', flush=True); time.sleep(0.05)"
    process = supervised(mark, chatter, SLEEP)
    assert process.stdout is not None
    process.stdout.close()
    assert ended(process, mark) == 0


def test_it_ends_when_the_database_does(mark: str) -> None:
    until = time.monotonic() + 1
    assert run([child("sleeper", SLEEP, mark)], alive=lambda: time.monotonic() < until) == 1
    assert machine.processes_with(mark) == []


def test_processes_of_others_are_left_alone(mark: str) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEP, mark], stdout=subprocess.DEVNULL) as other:
        assert run([child("first", "")]) == 0
        assert other.poll() is None
        other.kill()


def test_a_grandchild_that_keeps_the_pipe_open_does_not_hold_us(mark: str) -> None:
    code = "import subprocess, sys; print(subprocess.Popen(['sleep', '30'], start_new_session=True).pid, flush=True)"
    began = time.monotonic()
    process = subprocess.run([sys.executable, "-c", SUPERVISOR, mark, "1", code], stdout=subprocess.PIPE, text=True)
    os.kill(int(process.stdout.removeprefix("c0 | ")), signal.SIGKILL)
    assert process.returncode == 0
    assert time.monotonic() - began < 15


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    run([child("one", "")])
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)] == before


def test_only_the_main_thread_may_run_it() -> None:
    raised: list[BaseException] = []

    def start() -> None:
        try:
            run([])
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(raised[0])


def test_the_grace_is_ten_seconds() -> None:
    assert timedelta(seconds=10) == supervisor.GRACE


WATCHED = """
import importlib.util, os, signal, sys, time
spec = importlib.util.spec_from_file_location("tether", sys.argv[1])
tether = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tether)
tether.tie_by_watcher(signal.SIGTERM, os.getppid())
print(os.getpid(), flush=True)
time.sleep(60)
"""


def test_without_the_kernels_help_a_watcher_ends_it(mark: str) -> None:
    starter = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WATCHED!r}, *sys.argv[1:]])"
    path = str(Path(tether.__file__))
    with subprocess.Popen([sys.executable, "-c", starter, path, mark], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
        process.wait()
        assert machine.eventually(lambda: not machine.alive(pid))
    assert machine.eventually(lambda: not machine.processes_with(mark)), "the watcher goes too"


def test_a_program_whose_starter_is_gone_is_not_begun() -> None:
    command = [*tether.prefix(signal.SIGTERM), sys.executable, "-c", "print('begun')"]
    in_between = f"import subprocess; r = subprocess.run({command!r}, capture_output=True, text=True); print(r)"
    done = subprocess.run([sys.executable, "-c", in_between], capture_output=True, text=True, check=True)
    assert "the starter was gone already" in done.stdout
    assert "begun" not in done.stdout.replace(in_between, "").split("stdout=")[1]
