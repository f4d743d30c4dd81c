"""Becomes another program that ends when its starter ends, even after a `kill -9`.

Run by path with the standard library only: `tether.py SIGNAL STARTER USER PROGRAM [ARGUMENT…]`, where SIGNAL is what
the program gets when process STARTER dies, and USER is `uid:gid`, or `-` to stay who one is. A program of its own
instead of a `preexec_fn`, because Python code between fork and exec may hang in a process that has threads.
"""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

_OURSELVES = Path(__file__).resolve()
_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.5


def prefix(death_signal: signal.Signals, user: str = "-") -> list[str]:
    """What to put before a command that shall end with this process. Start it from the main thread: the kernel's wish
    is granted when the thread that started it ends."""
    return [sys.executable, "-I", "-S", str(_OURSELVES), str(int(death_signal)), str(os.getpid()), user]


def main(arguments: list[str]) -> None:
    """Drop to USER, tie the knot, become PROGRAM."""
    death_signal, starter, user, *program = arguments
    for ours in (signal.SIGINT, signal.SIGTERM):  # a shell's background job would ignore SIGINT for ever
        signal.signal(ours, signal.SIG_DFL)
    if user != "-":
        _become(*(int(part) for part in user.split(":")))
    # After the change of user, which makes the kernel forget the wish.
    (_tie_by_kernel if sys.platform == "linux" else tie_by_watcher)(int(death_signal), int(starter))
    if os.getppid() != int(starter):
        sys.exit("the starter was gone already")
    try:
        os.execvp(program[0], program)
    except OSError as error:
        sys.exit(f"{program[0]}: {error.strerror}")


def _become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _tie_by_kernel(death_signal: int, starter: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, death_signal) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")


def tie_by_watcher(death_signal: int, starter: int) -> None:
    """Where the kernel has no such wish (macOS): fork a process that looks twice a second."""
    program = os.getpid()
    if os.fork():
        return
    os.setsid()
    while os.getppid() == program:
        if not _alive(starter):
            os.kill(program, death_signal)
            break
        time.sleep(_POLL_SECONDS)
    os._exit(0)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
