"""Where the files of a private cluster lie, and who its processes run as.

PostgreSQL refuses to run as root. Started by root it therefore runs as the owner of the existing files, or as `nobody`
for new ones. Files lie in the data directory itself whenever that user can get there. When a parent directory is closed
to him (a checkout below a 0700 home), they lie in `/var/lib/linghang/<hash of the data directory>` instead: on disk,
kept over reboots, and swept by no cleaner, unlike `/tmp`. The choice is kept as the symlink `elsewhere` in the data
directory, so that it holds for every later start and whoever makes backups can follow it. The place knows its data
directory (`origin`), so that a copy of a checkout gets a place of its own and a moved one keeps its own.
"""

import errno
import fcntl
import hashlib
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tenants.errors import NotReady
from tenants.words import N_, words

SHELTERS = (Path("/var/lib/linghang"), Path("/srv/linghang"), Path("/opt/linghang"))
_LINK = "elsewhere"
_LONGEST_SOCKET_DIR = 80  # bytes; a socket's address may have 107, of which PostgreSQL's file name takes 14


@dataclass(frozen=True, slots=True)
class Runner:
    """The unprivileged user that root runs PostgreSQL as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Place:
    """`home` holds everything of one cluster; `runner` is None where PostgreSQL runs as who starts it."""

    home: Path
    runner: Runner | None

    @property
    def pgdata(self) -> Path:
        return self.home / "pgdata"

    @property
    def programs(self) -> Path:
        return self.home / "programs"

    @property
    def start_log(self) -> Path:
        return self.home / "start.log"

    @property
    def user(self) -> str:
        """The runner as `tether.py` reads it."""
        return f"{self.runner.uid}:{self.runner.gid}" if self.runner else "-"

    def owned(self, path: Path) -> Path:
        """Give `path` to the runner."""
        if self.runner:
            os.chown(path, self.runner.uid, self.runner.gid)
        return path


def settle(data_dir: Path, shelters: Sequence[Path] = SHELTERS) -> Place:
    """The place of `data_dir`, made if there is none yet."""
    if not data_dir.exists():
        data_dir.mkdir(parents=True)
        data_dir.chmod(0o700 if os.geteuid() else 0o711)
    found = find(data_dir)
    if found:
        return found
    if os.geteuid():
        return Place(data_dir.resolve(), None)
    runner, home = _nobody(), _home(data_dir)
    if home != data_dir.resolve() or reaches(runner, home):
        return Place(home, runner)
    return Place(_sheltered(data_dir, runner, shelters), runner)


def find(data_dir: Path) -> Place | None:
    """The place that `data_dir` has already, or None; NotReady where another user's files are in the way."""
    try:
        home = _home(data_dir)
        owner = (home / "pgdata").stat()
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise _foreign(data_dir) from error
    if not os.geteuid():
        return Place(home, _owner(home, Runner(owner.st_uid, owner.st_gid)))
    if owner.st_uid != os.geteuid():
        raise _foreign(data_dir)
    return Place(home, None)


def _home(data_dir: Path) -> Path:
    """Follow `elsewhere`, unless the place there belongs to another data directory, of which this one is a copy."""
    link = data_dir / _LINK
    if not link.is_symlink():
        return data_dir.resolve()
    home = link.readlink()
    if not home.exists():
        raise _lost(link, home)
    owner = Path((home / "origin").read_text())
    if owner == data_dir.resolve():
        return home
    if (owner / _LINK).is_symlink() and (owner / _LINK).readlink() == home:
        return data_dir.resolve()
    (home / "origin").write_text(str(data_dir.resolve()))
    return home


def _lost(link: Path, home: Path) -> NotReady:
    """An empty database in place of one that is merely not mounted would be the worse surprise."""
    return NotReady(
        words(
            N_(
                "数据库文件应在 {home}，但那里什么也没有：可能是磁盘没有挂载，或目录被删除。"
                "请恢复它；如果确定要从空数据库重新开始，请删除 {link} 后再试。"
            ),
            home=str(home),
            link=str(link),
        )
    )


def _owner(home: Path, owner: Runner) -> Runner:
    if not reaches(owner, home):
        raise NotReady(
            words(
                N_(
                    "数据库文件在 {path}，但运行数据库的普通用户进不了这个目录的上级目录。"
                    "请对各上级目录执行 chmod o+x，或把数据目录移到别处（例如 /srv）。"
                ),
                path=str(home),
            )
        )
    return owner


def _foreign(data_dir: Path) -> NotReady:
    return NotReady(
        words(
            N_("数据目录 {path} 属于另一个用户。请用当初建立它的用户运行，或用 DATA_DIR 另设数据目录。"),
            path=str(data_dir),
        )
    )


def _nobody() -> Runner:
    for entry in pwd.getpwall():
        if entry.pw_name == "nobody" and entry.pw_uid:
            return Runner(entry.pw_uid, entry.pw_gid)
    raise NotReady(
        N_(
            "PostgreSQL 不能以 root 身份运行，而本机没有 nobody 用户。"
            "请以普通用户运行，或在 /etc/passwd 中加入 nobody，或设置 DATABASE_URL。"
        )
    )


def require_name() -> None:
    """NotReady when the user has no name: initdb looks it up and fails (containers with an arbitrary uid)."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError as error:
        raise NotReady(
            words(
                N_(
                    "当前用户（uid {uid}）在 /etc/passwd 中没有名字，无法建立数据库。"
                    "请在镜像中加入该用户，或设置 DATABASE_URL。"
                ),
                uid=os.geteuid(),
            )
        ) from error


def reaches(runner: Runner, folder: Path) -> bool:
    """Whether the runner can enter `folder`: tried, not computed, for the sake of ACLs and odd mounts."""
    return may(runner, "/bin/sh", "-c", 'cd "$0"', str(folder))


def may(runner: Runner, *command: str) -> bool:
    """Whether `command` succeeds when the runner executes it."""
    try:
        done = subprocess.run(
            command, user=runner.uid, group=runner.gid, extra_groups=[], capture_output=True, cwd="/", timeout=30
        )
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EINVAL):  # from setuid; exec would say EACCES or ENOENT
            raise NotReady(
                words(
                    N_("无法从 root 切换到普通用户（uid {uid}）来运行数据库。请以普通用户运行，或设置 DATABASE_URL。"),
                    uid=runner.uid,
                )
            ) from error
        return False
    return done.returncode == 0


def _sheltered(data_dir: Path, runner: Runner, shelters: Sequence[Path]) -> Path:
    for shelter in shelters:
        try:
            shelter.mkdir(mode=0o711, parents=True, exist_ok=True)
            home = _new_home(shelter, data_dir)
        except OSError:
            continue
        if not reaches(runner, home):
            shutil.rmtree(home)
            continue
        link = data_dir / _LINK
        link.unlink(missing_ok=True)
        link.symlink_to(home)
        return home
    raise NotReady(
        words(
            N_(
                "运行数据库的普通用户进不了 {path}，也无法在 {shelters} 下建立目录。"
                "请用 DATA_DIR 另设一个可进入的数据目录。"
            ),
            path=str(data_dir),
            shelters="、".join(map(str, shelters)),
        )
    )


def _new_home(shelter: Path, data_dir: Path) -> Path:
    """A fresh folder: files of a data directory that was deleted are neither adopted nor destroyed."""
    key = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
    for number in count(1):
        home = shelter / (key if number == 1 else f"{key}-{number}")
        try:
            home.mkdir()
        except FileExistsError:
            continue
        home.chmod(0o711)
        (home / "origin").write_text(str(data_dir.resolve()))
        return home
    raise AssertionError


def lock(place: Place) -> int | None:
    """Take the lock of the cluster: an open descriptor, or None while another process has it.

    Every PostgreSQL process inherits it: whoever gets it knows that none is alive, whatever `postmaster.pid` says.
    """
    descriptor = os.open(place.home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def socket_dir(place: Place) -> Path:
    """A private folder with a short plain path, the same at each start, found by others through `postmaster.pid`.

    Device and inode are in its name because two containers may share `/tmp` and have the same paths inside.
    """
    stat = place.home.stat()
    uid = place.runner.uid if place.runner else os.geteuid()
    known_by = f"{place.home}\0{stat.st_dev}\0{stat.st_ino}\0{uid}"
    name = f"linghang-{hashlib.sha256(os.fsencode(known_by)).hexdigest()[:12]}"
    for base in _socket_bases(place):
        if _private(place, base / name, uid):
            return base / name
    made = Path(tempfile.mkdtemp(prefix="linghang-", dir="/tmp"))
    return place.owned(made)


def _socket_bases(place: Place) -> list[Path]:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    plain = re.fullmatch(r"/[\w./-]+", runtime, re.ASCII) and len(runtime) <= _LONGEST_SOCKET_DIR - 30
    if place.runner:
        return [base for base in (Path("/run"), Path("/tmp")) if reaches(place.runner, base)]
    return [Path(runtime), Path("/tmp")] if plain else [Path("/tmp")]


def _private(place: Place, path: Path, uid: int) -> bool:
    try:
        path.mkdir(mode=0o700)
        place.owned(path)
    except FileExistsError:
        pass
    except OSError:
        return False
    stat = path.lstat()
    return path.is_dir() and not path.is_symlink() and stat.st_uid == uid and not stat.st_mode & 0o077


def erase(data_dir: Path) -> None:
    """Remove a stopped cluster for good, wherever it lies; refuse while it runs."""
    place = find(data_dir)
    if place is None:
        return
    descriptor = lock(place)
    if descriptor is None:
        raise NotReady(words(N_("数据目录 {path} 的数据库正在运行，不能删除。"), path=str(data_dir)))
    try:
        for part in (place.pgdata, place.programs):
            shutil.rmtree(part, ignore_errors=True)
        if place.home != data_dir.resolve():
            shutil.rmtree(place.home)
            (data_dir / _LINK).unlink()
    finally:
        os.close(descriptor)
