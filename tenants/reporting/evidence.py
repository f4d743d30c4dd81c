"""Evidence files (佐证材料): what is taken, where the bytes lie, and the rows that name them."""

import hashlib
import os
import tempfile
import zipfile
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import UUID

from tenants import audit
from tenants.db import session
from tenants.errors import Invalid, NotFound
from tenants.quarter import Quarter
from tenants.reporting import actions, queries
from tenants.reporting.models import EvidenceFile
from tenants.reporting.queries import EvidenceView
from tenants.scope import Scope
from tenants.words import N_, Words, words

MEGABYTE = 1024 * 1024
MOST_FILES = 20
"""Files that one indicator may have in one quarter."""
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SUFFIXES = {"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png", WORD: ".docx", EXCEL: ".xlsx"}
MOST_UNPACKED = 200 * MEGABYTE
MOST_PARTS = 5000
"""Members of an Office file; real ones have some dozens."""
MOST_IN_ALL = 500 * MEGABYTE
"""What all files of one report may weigh together."""


class Store(Protocol):
    """Where bytes lie, by district and SHA-256."""

    def put(self, district_id: UUID, sha256: str, content: bytes) -> None: ...

    def open(self, district_id: UUID, sha256: str) -> BinaryIO: ...


class DiskStore:
    """Files under a folder, one for each content of a district."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _path(self, district_id: UUID, sha256: str) -> Path:
        return self.root / str(district_id) / sha256[:2] / sha256

    def put(self, district_id: UUID, sha256: str, content: bytes) -> None:
        """Write under a passing name and rename, so that a file is whole or not there."""
        path = self._path(district_id, sha256)
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as passing:
            passing.write(content)
            passing.flush()
            os.fsync(passing.fileno())
        Path(passing.name).rename(path)

    def open(self, district_id: UUID, sha256: str) -> BinaryIO:
        """The bytes; NotFound when the store has lost them."""
        try:
            return self._path(district_id, sha256).open("rb")
        except FileNotFoundError as error:
            raise NotFound(N_("这个文件在存储中缺失，请联系运维人员。")) from error


def type_of(content: bytes) -> str | None:
    """The media type by the content itself, never by the name; None when it is not one that is taken."""
    if content.startswith(b"%PDF-"):
        return "application/pdf"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return _office_type(content) if content.startswith(b"PK\x03\x04") else None


def _office_type(content: bytes) -> str | None:
    """A Word or Excel file whose parts unpack to a sane size and hold no macros."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as parts:
            members = parts.infolist()
    except (zipfile.BadZipFile, ValueError):
        return None
    if len(members) > MOST_PARTS or sum(member.file_size for member in members) > MOST_UNPACKED:
        return None
    names = {member.filename for member in members}
    if any(name.endswith("vbaProject.bin") for name in names):
        return None
    if "[Content_Types].xml" not in names:
        return None
    return WORD if "word/document.xml" in names else EXCEL if "xl/workbook.xml" in names else None


def fault_of(filename: str, content: bytes, limit_mb: int) -> Words | None:
    """Why a file is not taken, or None."""
    name = filename[-60:]
    if not content:
        return words(N_("文件“{name}”是空的，请重新选择。"), name=name)
    if len(content) > limit_mb * MEGABYTE:
        return words(N_("文件“{name}”超过 {limit} MB，请压缩或拆分后再传。"), name=name, limit=limit_mb)
    if type_of(content) is None:
        return words(N_("文件“{name}”的类型不被接受，请用 PDF、JPG、PNG、docx 或 xlsx。"), name=name)
    return None


def attach(
    scope: Scope, store: Store, school_id: UUID, quarter: Quarter, code: str, filename: str, content: bytes, *,
    limit_mb: int, now: datetime,
) -> UUID:  # fmt: skip
    """Keep a file for an indicator of the school's report; the same content twice is kept once. Invalid says why not."""
    fault = fault_of(filename, content, limit_mb)
    if fault:
        raise Invalid({code: fault})
    actions.touch(scope, school_id, quarter, {code}, now)
    report = queries.report(scope, school_id, quarter)
    there = queries.evidence_of(scope, report.id).get(code, ())
    sha256 = hashlib.sha256(content).hexdigest()
    same = next((file for file in there if file.sha256 == sha256), None)
    if same is not None:
        return same.id
    if len(there) >= MOST_FILES:
        raise Invalid({code: words(N_("每项最多 {count} 个文件，请先移除不需要的。"), count=MOST_FILES)})
    held = sum(file.size for files in queries.evidence_of(scope, report.id).values() for file in files)
    if held + len(content) > MOST_IN_ALL:
        limit = MOST_IN_ALL // MEGABYTE
        raise Invalid({code: words(N_("本期佐证材料合计不能超过 {limit} MB，请压缩后再传。"), limit=limit)})
    store.put(scope.district, sha256, content)
    row = EvidenceFile(
        district_id=scope.district, school_id=school_id, report_id=report.id, code=code, filename=clean_name(filename),
        media_type=type_of(content) or "", size=len(content), sha256=sha256, uploaded_by=scope.account_id, uploaded_at=now,
    )  # fmt: skip
    session().add(row)
    session().flush()
    audit.record(
        scope, "attach", "evidence", row.id, school_id=school_id, new={"code": code, "name": row.filename, "sha256": sha256},
        now=now,
    )  # fmt: skip
    return row.id


def clean_name(filename: str) -> str:
    """A name that can be shown and offered for download: no path, no control characters, at most 120 characters."""
    last = filename.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(char for char in last if char.isprintable()).strip(". ") or "file"
    return shown if len(shown) <= 120 else shown[:100] + shown[-20:]


SHOWN_IN_PAGE = frozenset({"application/pdf", "image/jpeg", "image/png"})


def may_be_shown(media_type: str) -> bool:
    """Whether a browser may show the file instead of saving it."""
    return media_type in SHOWN_IN_PAGE


def download_name(file: EvidenceView) -> str:
    """The file's name, ending as its content says: a PDF that was called `run.exe` is offered as `run.exe.pdf`."""
    suffix = SUFFIXES[file.media_type]
    endings = (".jpg", ".jpeg") if suffix == ".jpg" else (suffix,)
    return file.filename if file.filename.lower().endswith(endings) else file.filename + suffix


def preview(media_type: str, content: BinaryIO) -> BinaryIO:
    """What a browser shows: of a photograph, not where it was taken."""
    if media_type != "image/jpeg":
        return content
    with content:
        return BytesIO(without_metadata(content.read()))


_START_OF_SCAN = 0xDA
_METADATA = frozenset({*range(0xE1, 0xF0), 0xFE}) - {0xE2, 0xEE}
"""JPEG segments that hold EXIF (place, device), XMP and comments; colour profiles (E2, EE) stay."""


def without_metadata(jpeg: bytes) -> bytes:
    """The picture without its EXIF, XMP and comment segments; what is no sound JPEG comes back as it is."""
    kept, place = bytearray(jpeg[:2]), 2
    while place + 4 <= len(jpeg) and jpeg[place] == 0xFF and jpeg[place + 1] != _START_OF_SCAN:
        length = 2 + int.from_bytes(jpeg[place + 2 : place + 4])
        if jpeg[place + 1] not in _METADATA:
            kept += jpeg[place : place + length]
        place += length
    return bytes(kept + jpeg[place:])


def remove(scope: Scope, evidence_id: UUID, now: datetime) -> EvidenceView:
    """Take a file off the report; its bytes and its row stay for the record."""
    found = queries.evidence(scope, evidence_id)
    quarter = queries.quarter_of(scope, found.report_id)
    actions.touch(scope, found.school_id, quarter, {found.code}, now)
    row = session().scalar(scope.select(EvidenceFile).where(EvidenceFile.id == evidence_id))
    if row is None:
        raise NotFound
    row.removed_at = now
    audit.record(
        scope, "remove", "evidence", evidence_id, school_id=found.school_id, old={"name": found.filename}, now=now
    )
    return found
