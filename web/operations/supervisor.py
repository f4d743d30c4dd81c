"""Runs the processes of one installation: they start together, speak through one terminal, and end together."""

import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from types import FrameType
from typing import IO

from web.operations import tether

GRACE = timedelta(seconds=10)
_TICK = timedelta(milliseconds=200)
_LAST_WORDS = timedelta(seconds=1)
_LONGEST_LINE = 65536  # bytes, then it is broken
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Child:
    """A process to run; `env` None hands on our own environment."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None


@dataclass(slots=True)
class _Stream:
    """One output of one child on its way to our own: whole lines with the child's name in front."""

    pipe: IO[bytes]
    prefix: bytes
    target: IO[bytes]
    pending: bytes = b""

    def feed(self, data: bytes) -> None:
        *lines, self.pending = (self.pending + data).split(b"\n")
        if len(self.pending) > _LONGEST_LINE:
            lines, self.pending = [*lines, self.pending], b""
        for line in lines:
            self.target.write(self.prefix + line + b"\n")
        self.target.flush()

    def end(self) -> None:
        self.pipe.close()
        if self.pending:
            self.feed(b"\n")


@dataclass(slots=True)
class _Asked:
    """How often we were asked to stop; the second time means at once."""

    times: int = 0

    def note(self, number: int, frame: FrameType | None) -> None:
        self.times += 1


@dataclass(slots=True)
class _Family:
    grace: timedelta
    asked: _Asked
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    streams: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def start(self, child: Child, width: int) -> None:
        process = subprocess.Popen(
            [*tether.prefix(signal.SIGTERM), *child.argv],
            env=child.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us, who then end everybody in good order
        )
        self.processes.append(process)
        prefix = f"{child.name:<{width}} | ".encode()
        for pipe, target in ((process.stdout, sys.stdout.buffer), (process.stderr, sys.stderr.buffer)):
            assert pipe is not None
            self.streams.register(pipe, selectors.EVENT_READ, _Stream(pipe, prefix, target))

    def first_ended(self) -> int | None:
        """The exit code of a child that has ended, as a shell gives it; None while all live."""
        return next(iter(self.codes()), None)

    def codes(self) -> list[int]:
        """The exit codes of those that have ended."""
        codes = [process.poll() for process in self.processes]
        return [code if code >= 0 else 128 - code for code in codes if code is not None]

    def forward(self) -> None:
        """Pass on what was said, waiting for it no longer than a tick."""
        if not self.streams.get_map():
            time.sleep(_TICK.total_seconds())
            return
        for key, _ in self.streams.select(_TICK.total_seconds()):
            data = os.read(key.fd, _LONGEST_LINE)
            if data:
                key.data.feed(data)
            else:
                self.streams.unregister(key.fileobj)
                key.data.end()

    def end(self) -> None:
        """SIGTERM to all, SIGKILL to who is there after the grace or a second request; then what they said last."""
        asked_before, deadline = self.asked.times, time.monotonic() + self.grace.total_seconds()
        for process in self.processes:
            process.terminate()
        while any(process.poll() is None for process in self.processes):
            if time.monotonic() > deadline or self.asked.times > asked_before:
                self._kill()
            self._forward_quietly()
        last_words = time.monotonic() + _LAST_WORDS.total_seconds()
        while self.streams.get_map() and time.monotonic() < last_words:  # a grandchild may keep them open
            self._forward_quietly()
        for key in list(self.streams.get_map().values()):
            key.data.pipe.close()
        self.streams.close()
        _let_go_of_lost_readers()

    def _kill(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # its own session: nobody else is in this group

    def _forward_quietly(self) -> None:
        with suppress(OSError):  # our reader may have gone; the children must end all the same
            self.forward()


def _let_go_of_lost_readers() -> None:
    """What could not be written to a reader that has gone must not spoil our own exit code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def run(children: Sequence[Child], *, grace: timedelta = GRACE, alive: Callable[[], bool] = lambda: True) -> int:
    """Run all until one ends, `alive()` is no longer true (say, the private database), or a signal asks to stop.

    Returns the exit code of the first that ended, 128 + n for one that died of signal n; 0 when we were asked to stop
    and nobody failed; 1 when `alive` said no. From the main thread only.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("the kernel ties children to the thread that starts them: run from the main thread")
    asked = _Asked()
    family = _Family(grace, asked)
    width = max((len(child.name) for child in children), default=0)
    with _noting(asked):
        try:
            for child in children:
                family.start(child, width)
            code = _until_one_ends(family, alive)
        finally:
            family.end()
    if code is not None:
        return code
    return next((code for code in family.codes() if code not in (0, 128 + signal.SIGTERM)), 0)


def _until_one_ends(family: _Family, alive: Callable[[], bool]) -> int | None:
    """The exit code of the first, or None when we were asked to stop."""
    while not family.asked.times:
        code = family.first_ended()
        if code is not None:
            return code
        if not alive():
            return 1
        try:
            family.forward()
        except BrokenPipeError:
            return None  # nobody listens any more, as after `make run | head`
    return None


@contextmanager
def _noting(asked: _Asked) -> Iterator[None]:
    """Note the stopping signals, but leave those alone that we were started to ignore (nohup)."""
    before = {number: signal.getsignal(number) for number in _STOPPING}
    noted = [number for number in _STOPPING if before[number] is not signal.SIG_IGN]
    for number in noted:
        signal.signal(number, asked.note)
    try:
        yield
    finally:
        for number in noted:
            signal.signal(number, before[number])
