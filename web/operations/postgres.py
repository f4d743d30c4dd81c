"""A private PostgreSQL: one cluster per data directory, reached by unix socket only, ending with its starter.

`place.py` says where the files lie and who the server runs as, `binaries.py` which programs it runs, and `tether.py`
makes it shut down cleanly when its starter dies by whatever cause. Local sockets lie in a 0700 folder and are trusted.
Roles: `postgres` (superuser, for this file only), `linghang_owner` (owns databases; migrations), `linghang_app` (owns
nothing, no BYPASSRLS; everything else).
"""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import psycopg
from psycopg import sql

from tenants.errors import NotReady
from tenants.words import N_, words
from web.operations import place as places
from web.operations import tether
from web.operations.binaries import Binaries, choose, copied, installed
from web.operations.place import SHELTERS, Place, erase

__all__ = [
    "APP",
    "DATABASE",
    "OWNER",
    "Binaries",
    "Cluster",
    "attach_or_start",
    "erase",
    "installed",
    "running",
    "temporary",
]

DATABASE = "linghang"
OWNER = "linghang_owner"
APP = "linghang_app"
_SUPERUSER = "postgres"
_PORT = 5432  # only part of the socket's name

_START = timedelta(minutes=5)  # recovery after a crash may take its time
_BUSY = timedelta(seconds=3)  # how long a server that seems well may keep the lock before we call it running
_ENDING = timedelta(seconds=30)  # how long one that is starting or stopping may
_STOP = timedelta(seconds=60)
_POLL = timedelta(milliseconds=10)
_KEPT_LOGS = 10

_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "autovacuum_max_workers": "2",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%Y%m%d-%H%M%S.log",
    "log_rotation_size": "10MB",
    "log_rotation_age": "0",
}
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_SINCE_18 = {"io_method": "sync"}  # three I/O worker processes fewer


class _Busy(NotReady):
    """Another process has the cluster."""


@dataclass(frozen=True, slots=True)
class _Postmaster:
    """What the server writes into `postmaster.pid`."""

    pid: int
    socket_dir: Path
    status: str


class Cluster:
    """A running private server; one that was merely found (`running`) is not stopped by `stop`."""

    def __init__(self, place: Place, postmaster: _Postmaster, process: "subprocess.Popen[bytes] | None" = None) -> None:
        self.place = place
        self.pid = postmaster.pid
        self.socket_dir = postmaster.socket_dir
        self._process = process
        self._starter = os.getpid()

    @classmethod
    def start(
        cls,
        data_dir: Path,
        *,
        binaries: Binaries | None = None,
        database: str = DATABASE,
        fast: bool = False,
        environ: Mapping[str, str] = os.environ,
        shelters: Sequence[Path] = SHELTERS,
    ) -> "Cluster":
        """Start the server of `data_dir`, made when new, with both roles and `database`; from the main thread only.

        `fast` gives up durability and is for tests. NotReady when it cannot be had, or runs already.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the kernel ties the server to the thread that starts it: start it from the main thread")
        try:
            place = places.settle(data_dir, shelters)
            lock = _locked(place, data_dir)
            try:
                cluster = _serve(place, lock, _programs(place, binaries, environ), fast=fast)
            finally:
                os.close(lock)  # the server has inherited it
        except OSError as error:
            raise _failed(data_dir, str(error)) from error
        try:
            cluster._make_roles()
            cluster.create_database(database)
        except BaseException as error:
            cluster.stop()
            if isinstance(error, psycopg.Error):
                raise _failed(data_dir, str(error)) from error
            raise
        return cluster

    def url(self, database: str = DATABASE, role: str = APP) -> str:
        """The SQLAlchemy address of `database` for `role`."""
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql+psycopg://{quote(role, safe='')}@/{quote(database, safe='')}?host={host}&port={_PORT}"

    def create_database(self, name: str, template: str | None = None) -> bool:
        """Make `name`, owned by the owner role, open to the app role; False when there was one already."""
        with self._connected() as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return False
            of = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
            connection.execute(of.format(*map(sql.Identifier, (name, OWNER, template or "template1"))))
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
            grant = sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}")
            connection.execute(grant.format(sql.Identifier(name), sql.Identifier(APP)))
        return True

    def drop_database(self, name: str) -> None:
        """Remove `name` if there is one, ending its connections."""
        with self._connected() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def alive(self) -> bool:
        """Whether a server of our own has not ended by itself; a found one is its starter's business."""
        return self._process is None or self._process.poll() is None

    def stop(self) -> None:
        """Shut down cleanly and wait; without effect on a second call, on a found server and in a forked child."""
        process = self._process
        if process is None or os.getpid() != self._starter:
            return
        self._process = None
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # "fast": ends connections, writes everything down
            try:
                process.wait(_STOP.total_seconds())
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)  # "immediate": safe too, the next start recovers
                process.wait()
        with suppress(OSError):
            self.socket_dir.rmdir()

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _make_roles(self) -> None:
        with self._connected() as connection:
            for role in (OWNER, APP):
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
                powerless = "ALTER ROLE {} NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"
                connection.execute(sql.SQL(powerless).format(sql.Identifier(role)))

    def _connected(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self.socket_dir), port=_PORT, user=_SUPERUSER, dbname="postgres", autocommit=True
        )


def running(data_dir: Path) -> Cluster | None:
    """The server that another process runs on `data_dir`, ready to be connected to; None when there is none."""
    place = places.find(data_dir)
    if place is None or not _locked_by_another(place):
        return None
    postmaster = _postmaster(place)
    return Cluster(place, postmaster) if postmaster and postmaster.status == "ready" else None


def attach_or_start(data_dir: Path, *, environ: Mapping[str, str] = os.environ) -> Cluster:
    """The server that runs already, else one of our own: for commands beside or without `linghang serve`."""
    deadline = _deadline(_ENDING)
    while True:
        found = running(data_dir)
        if found:
            return found
        try:
            return Cluster.start(data_dir, environ=environ)
        except _Busy:
            if time.monotonic() > deadline:
                raise


@contextmanager
def temporary(binaries: Binaries | None = None) -> Iterator[Cluster]:
    """A fast server in a folder of its own under /tmp, removed at the end: for tests and benchmarks."""
    folder = Path(tempfile.mkdtemp(prefix="linghang-temporary-", dir="/tmp"))
    folder.chmod(0o711)  # root's runner must get through
    try:
        with Cluster.start(folder, binaries=binaries, fast=True) as cluster:
            yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _deadline(span: timedelta) -> float:
    return time.monotonic() + span.total_seconds()


def _locked(place: Place, data_dir: Path) -> int:
    """The cluster's lock, after waiting for a server that is just ending with its killed starter."""
    ready_until, any_until = _deadline(_BUSY), _deadline(_ENDING)
    while (descriptor := places.lock(place)) is None:
        found = _postmaster(place)
        if time.monotonic() > (ready_until if found and found.status == "ready" else any_until):
            raise _Busy(
                words(
                    N_(
                        "数据目录 {path} 的数据库已由另一个进程运行（进程号 {pid}）。"
                        "请先停止它，或用 DATA_DIR 另设数据目录。"
                    ),
                    path=str(data_dir),
                    pid=found.pid if found else "?",
                )
            )
        time.sleep(_POLL.total_seconds())
    return descriptor


def _locked_by_another(place: Place) -> bool:
    descriptor = places.lock(place)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is None


def _programs(place: Place, wanted: Binaries | None, environ: Mapping[str, str]) -> Binaries:
    """The programs for the data there are, in reach of the runner."""
    version_file = place.pgdata / "PG_VERSION"
    major = int(version_file.read_text()) if version_file.exists() else None
    binaries = wanted or choose(major, environ)
    if major not in (None, binaries.major):
        raise NotReady(
            words(
                N_("数据库文件由 PostgreSQL {old} 建立，不能用 PostgreSQL {new} 打开。"),
                old=major or 0,
                new=binaries.major,
            )
        )
    if place.runner and not places.may(place.runner, str(binaries.initdb), "--version"):
        return copied(binaries, place.programs)
    return binaries


def _serve(place: Place, lock: int, binaries: Binaries, *, fast: bool) -> Cluster:
    if not place.pgdata.exists():
        _initialise(place, lock, binaries, fast=fast)
    socket_dir = places.socket_dir(place)
    _sweep(place, socket_dir)
    settings = {
        **_SETTINGS,
        **(_FAST if fast else {}),
        **(_SINCE_18 if binaries.major >= 18 else {}),
        "unix_socket_directories": str(socket_dir),
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [str(binaries.postgres), "-D", str(place.pgdata), *options]
    with place.start_log.open("wb") as log:
        process = _tethered(place, signal.SIGINT, command, log.fileno(), lock)
    try:
        return Cluster(place, _ready(place, process), process)
    except BaseException:
        with suppress(OSError):
            socket_dir.rmdir()
        raise


def _initialise(place: Place, lock: int, binaries: Binaries, *, fast: bool) -> None:
    """Make the files beside their final name, so that a start that is interrupted leaves nothing half made."""
    making = place.home / "pgdata.new"
    shutil.rmtree(making, ignore_errors=True)
    if not place.runner:
        places.require_name()
    making.mkdir(mode=0o700)
    place.owned(making)
    options = ["--auth-local=trust", "--auth-host=reject", "--locale=C", "--encoding=UTF8", "--data-checksums"]
    command = [str(binaries.initdb), "-D", str(making), f"--username={_SUPERUSER}", *options]
    with place.start_log.open("wb") as log:
        # The lock goes along: whoever mends an interrupted start must wait for the last of its processes.
        command = [*command, "--no-sync"] if fast else command
        process = _tethered(place, signal.SIGKILL, command, log.fileno(), lock)
    if process.wait() != 0:
        raise _failed(place.home, _said(place))
    making.rename(place.pgdata)


def _tethered(
    place: Place, death_signal: signal.Signals, command: list[str], log: int, *kept: int
) -> "subprocess.Popen[bytes]":
    libraries = {name: value for name, value in os.environ.items() if name.startswith(("LD_", "DYLD_"))}
    return subprocess.Popen(
        [*tether.prefix(death_signal, place.user), *command],
        # Nothing of the caller's PG… variables, which would bend the server as well as initdb.
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **libraries},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=kept,
        start_new_session=True,  # Ctrl-C in the terminal is for the starter, which then stops us in good order
    )


def _sweep(place: Place, socket_dir: Path) -> None:
    """Clear what a killed server left: we hold the lock, so none lives, but its pid may be someone else's now."""
    for stale in socket_dir.glob(".s.PGSQL.*"):
        stale.unlink(missing_ok=True)
    left = _postmaster(place)
    if left and _is_certainly_another(left.pid, place.pgdata):
        (place.pgdata / "postmaster.pid").unlink()
    for old in sorted((place.pgdata / "log").glob("postgresql-*.log"))[:-_KEPT_LOGS]:
        old.unlink()


def _is_certainly_another(pid: int, pgdata: Path) -> bool:
    """Whether process `pid` is no server of `pgdata`; PostgreSQL itself only asks whether there is such a process.

    A zombie is none: where process 1 of a container does not reap, a killed server stays one for ever.
    """
    process = Path("/proc") / str(pid)
    try:
        if process.joinpath("stat").read_text().rpartition(")")[2].split()[0] in "ZX":
            return True
        if process.joinpath("comm").read_text().strip() not in ("postgres", "postmaster"):
            return True
        return process.joinpath("cwd").readlink() != pgdata
    except OSError:
        return False


def _postmaster(place: Place) -> _Postmaster | None:
    """The content of `postmaster.pid`; None while it is missing or not yet complete."""
    try:
        lines = (place.pgdata / "postmaster.pid").read_text().splitlines()
        return _Postmaster(int(lines[0]), Path(lines[4]), lines[7].strip())
    except (OSError, IndexError, ValueError):
        return None


def _ready(place: Place, process: "subprocess.Popen[bytes]") -> _Postmaster:
    deadline = _deadline(_START)
    try:
        while process.poll() is None and time.monotonic() < deadline:
            found = _postmaster(place)
            if found and found.pid == process.pid and found.status == "ready":
                return found
            time.sleep(_POLL.total_seconds())
        raise _failed(place.home, _said(place))
    except BaseException:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait()
        raise


def _said(place: Place) -> str:
    """The last words of the server: of its start, and of its newest log."""
    logs = [place.start_log, *sorted((place.pgdata / "log").glob("*.log"))[-1:]]
    texts = [log.read_text(errors="replace").strip().splitlines()[-6:] for log in logs if log.exists()]
    return "\n".join(line for text in texts for line in text)


def _failed(path: Path, detail: str) -> NotReady:
    return NotReady(words(N_("无法在 {path} 启动数据库：{detail}"), path=str(path), detail=detail))
