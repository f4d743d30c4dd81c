"""What is taken as evidence, by content and never by name; whose it is; and that two tenants never meet in the store."""

import zipfile
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest

from tenants.db import transaction
from tenants.errors import Conflict, Invalid, NotFound
from tenants.reporting import actions, evidence, queries
from tenants.reporting.evidence import EXCEL, MEGABYTE, MOST_FILES, WORD, DiskStore, clean_name, fault_of, type_of
from tests.world import NOW, QUARTER, Someone, World, fill, send

PDF, JPEG, PNG = b"%PDF-1.7\n%x", b"\xff\xd8\xff\xe0\x00\x10JFIF", b"\x89PNG\r\n\x1a\n\x00"
CODE = "party_meeting_count"


def office(*names: str, content: bytes = b"<x/>") -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as parts:
        for name in names:
            parts.writestr(name, content)
    return out.getvalue()


DOCX = office("[Content_Types].xml", "word/document.xml")
XLSX = office("[Content_Types].xml", "xl/workbook.xml")


def bomb() -> bytes:
    """A small file that says it unpacks to 300 MB."""
    return office("[Content_Types].xml", "word/document.xml", "word/media/a", content=b"\0" * (100 * MEGABYTE))


TYPES = [
    (PDF, "application/pdf"), (JPEG, "image/jpeg"), (PNG, "image/png"), (DOCX, WORD), (XLSX, EXCEL),
    (b"", None), (b"MZ\x90\x00", None), (b"<html>", None), (b"<svg xmlns=''>", None), (b"GIF89a", None), (b" %PDF-", None),
    (b"#!/bin/sh\n%PDF-1.4", None), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", None), (b"ftypheic", None), (b"PK\x03\x04broken", None),
    (office("a.txt"), None), (office("word/document.xml"), None), (office("[Content_Types].xml"), None),
    (office("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"), None),
    (office("[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin"), None),
    (office("[Content_Types].xml", "word/document.xml", *(f"x/{n}" for n in range(5001))), None),
]  # fmt: skip


@pytest.mark.parametrize(("content", "media_type"), TYPES)
def test_the_type_is_the_contents(content: bytes, media_type: str | None) -> None:
    assert type_of(content) == media_type


def test_a_bomb_is_refused_by_what_it_says_of_itself() -> None:
    content = bomb()
    assert len(content) < MEGABYTE and type_of(content) is None


FAULTS = [
    (b"", "是空的"), (b"x" * (2 * MEGABYTE + 1), "超过 2 MB"), (b"MZ\x90", "类型不被接受"), (PDF + b"x" * (2 * MEGABYTE - 11), None),
    (PDF, None),
]  # fmt: skip


@pytest.mark.parametrize(("content", "said"), FAULTS)
def test_why_a_file_is_not_taken(content: bytes, said: str | None) -> None:
    fault = fault_of("签到表.pdf", content, 2)
    assert (
        (fault is None) if said is None else (fault is not None and said in str(fault) and "签到表.pdf" in str(fault))
    )


NAMES = [
    ("签到表.pdf", "签到表.pdf"), ("../../etc/passwd", "passwd"), ("..\\..\\boot.ini", "boot.ini"), ("C:\\a\\b.pdf", "b.pdf"),
    ("a/", "file"), ("..", "file"), ("", "file"), ("a\0b\r\n.pdf", "ab.pdf"), ("甲\u202efdp.exe", "甲fdp.exe"), (".htaccess", "htaccess"),
    ("长" * 300 + ".pdf", "长" * 100 + "长" * 16 + ".pdf"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "kept"), NAMES)
def test_names_are_data_only(given: str, kept: str) -> None:
    assert clean_name(given) == kept


def attach(
    who: Someone, store: DiskStore, name: str = "签到表.pdf", content: bytes = PDF, code: str = CODE
) -> queries.EvidenceView:
    with transaction(who.scope):
        made = evidence.attach(
            who.scope, store, who.scope.school, QUARTER, code, name, content, limit_mb=2, now=NOW
        )  # fmt: skip
        return queries.evidence(who.scope, made)


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path)


OFFERED = [
    ("run.exe", PDF, "run.exe.pdf"),
    ("照片.JPEG", JPEG, "照片.JPEG"),
    ("照片.png", JPEG, "照片.png.jpg"),
    ("台账", XLSX, "台账.xlsx"),
]


@pytest.mark.parametrize(("name", "content", "offered"), OFFERED)
def test_a_download_ends_as_its_content_says(
    world: World, store: DiskStore, name: str, content: bytes, offered: str
) -> None:
    assert evidence.download_name(attach(world.alice, store, name, content)) == offered


def test_a_file_changes_the_report_as_a_value_does(world: World, store: DiskStore) -> None:
    file = attach(world.alice, store)
    with transaction(world.alice.scope):
        sheet = queries.sheet(world.alice.scope, world.school, QUARTER)
        assert sheet.evidence[CODE] == (file,) and sheet.report.version == 1
        with store.open(world.district, file.sha256) as handle:
            assert handle.read() == PDF
        evidence.remove(world.alice.scope, file.id, NOW)
    with transaction(world.alice.scope):
        assert queries.sheet(world.alice.scope, world.school, QUARTER).evidence == {}
        with pytest.raises(NotFound):
            queries.evidence(world.alice.scope, file.id)
        assert queries.evidence_ids(world.alice.scope, file.report_id) == {file.id}


def test_the_same_file_twice_is_one(world: World, store: DiskStore) -> None:
    assert attach(world.alice, store).id == attach(world.alice, store, "另一个名字.pdf").id


def test_two_tenants_with_the_same_content_keep_their_own(world: World, store: DiskStore) -> None:
    mine, theirs = attach(world.alice, store), attach(world.yan, store)
    assert mine.sha256 == theirs.sha256 and mine.id != theirs.id
    assert len([path for path in store.root.rglob("*") if path.is_file()]) == 2
    for who, foreign in ((world.alice, theirs), (world.carol, mine), (world.yan, mine), (world.zoe, mine)):
        with transaction(who.scope), pytest.raises(NotFound):
            queries.evidence(who.scope, foreign.id)
        with transaction(who.scope), pytest.raises(NotFound):
            evidence.remove(who.scope, foreign.id, NOW)


def test_number_and_sum_of_files_are_limited(world: World, store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in range(MOST_FILES):
        attach(world.alice, store, content=PDF + bytes([place]))
    with pytest.raises(Invalid, match="更正") as refused:
        attach(world.alice, store, content=PDF + b"one more")
    assert "最多 20 个文件" in str(refused.value.problems[CODE])
    monkeypatch.setattr(evidence, "MOST_IN_ALL", 100)
    with pytest.raises(Invalid) as refused:
        attach(world.alice, store, content=PNG, code="admin_meeting_count")
    assert "合计不能超过" in str(refused.value.problems["admin_meeting_count"])


def test_nothing_is_attached_to_what_is_not_asked_or_not_open(world: World, store: DiskStore) -> None:
    with pytest.raises(NotFound):
        attach(world.alice, store, code="no_such_code")
    send(world, world.alice, world.bob)
    with pytest.raises(Conflict):
        attach(world.alice, store)
    assert not [path for path in store.root.rglob("*") if path.is_file()]


def test_new_evidence_counts_as_mending_and_takes_acceptance_back(world: World, store: DiskStore) -> None:
    send(world, world.alice, world.bob)
    with transaction(world.rita.scope):
        actions.return_items(world.rita.scope, world.school, QUARTER, {CODE: "缺签到表"}, NOW - timedelta(hours=1))
    attach(world.alice, store)
    attach(world.alice, store, code="admin_meeting_count")
    with transaction(world.alice.scope):
        sheet = queries.sheet(world.alice.scope, world.school, QUARTER)
        assert not sheet.to_mend and "admin_meeting_count" not in sheet.reviews and CODE in sheet.reviews


def test_a_lost_file_says_so(world: World, store: DiskStore) -> None:
    with pytest.raises(NotFound, match="缺失"):
        store.open(world.district, "0" * 64)


def test_the_store_leaves_no_half_file_and_no_open_folder(world: World, store: DiskStore) -> None:
    file = attach(world.alice, store)
    paths = [path for path in store.root.rglob("*") if path.is_file()]
    assert [path.name for path in paths] == [file.sha256]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (paths[0], paths[0].parent))


EXIF = b"\xff\xe1\x00\x0eExif\0\0GPS121"
SCAN = b"\xff\xda\x00\x04\x01\x02\x03\x04\xff\xe1data\xff\xd9"
PICTURES = [
    (b"\xff\xd8\xff\xe0\x00\x04ab" + EXIF + SCAN, b"\xff\xd8\xff\xe0\x00\x04ab" + SCAN),
    (
        b"\xff\xd8" + EXIF + EXIF + b"\xff\xfe\x00\x04no" + b"\xff\xe2\x00\x04cc" + SCAN,
        b"\xff\xd8\xff\xe2\x00\x04cc" + SCAN,
    ),
    (b"\xff\xd8\xff", b"\xff\xd8\xff"),
    (b"\xff\xd8\xff\xe1\xff\xff", b"\xff\xd8"),
    (b"\xff\xd8\xff\xe0\x00\x00ab", b"\xff\xd8\xff\xe0\x00\x00ab"),
]


@pytest.mark.parametrize(("jpeg", "shown"), PICTURES)
def test_previews_do_not_tell_where_a_photograph_was_taken(jpeg: bytes, shown: bytes) -> None:
    assert evidence.without_metadata(jpeg) == shown
    assert evidence.preview("image/jpeg", BytesIO(jpeg)).read() == shown
    assert evidence.preview("image/png", BytesIO(jpeg)).read() == jpeg


def test_filling_leaves_files_alone(world: World, store: DiskStore) -> None:
    file = attach(world.alice, store)
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school)
        assert queries.evidence(world.alice.scope, file.id) == file
