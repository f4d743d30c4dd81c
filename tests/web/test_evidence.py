"""Files through the pages: sent with the form, refused in words, shown to those who may, given out harmlessly."""

from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tenants.db import transaction
from tenants.reporting import actions, evidence, queries
from tenants.reporting.queries import EvidenceView, Sheet
from tests.tenants.reporting.test_evidence import XLSX
from tests.web.browser import Browser, form_in, read
from tests.world import NOW, QUARTER, Someone, World, fill

FORM = "/2026q2/report"
PDF, JPEG = b"%PDF-1.7 x", b"\xff\xd8\xff\xe1\x00\x0eExif\0\0GPS121\xff\xda\x00\x02\xff\xd9"
FILES = "party_meeting_count.files"


@pytest.fixture(autouse=True)
def folder(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = app.config["SETTINGS"].model_copy(update={"data_dir": tmp_path, "upload_limit_mb": 1})
    monkeypatch.setitem(app.config, "SETTINGS", settings)


def sheet_of(who: Someone) -> Sheet:
    with transaction(who.scope):
        return queries.sheet(who.scope, who.scope.school, QUARTER)


def upload(browser: Browser, *files: tuple[str, bytes], field: str = FILES, **changes: Any) -> TestResponse:
    fields: dict[str, Any] = {**form_in(browser.get(FORM), FORM).fields, **changes}
    fields[field] = [(BytesIO(content), name) for name, content in files]
    return browser.post(FORM, fields, content_type="multipart/form-data")


def given(app: Flask, who: Someone, name: str = "2.1 签到表.pdf", content: bytes = PDF) -> EvidenceView:
    assert upload(Browser(app, who), (name, content)).status_code == 302
    return sheet_of(who).evidence["party_meeting_count"][-1]


def test_several_files_come_with_the_same_save(app: Flask, world: World) -> None:
    alice, field = Browser(app, world.alice), f"party_meeting_count.{world.school}.value"
    answer = upload(alice, ("甲.pdf", PDF), ("乙.jpg", JPEG), **{field: "3"})
    assert answer.status_code == 302
    sheet = sheet_of(world.alice)
    assert [file.filename for file in sheet.evidence["party_meeting_count"]] == ["甲.pdf", "乙.jpg"]
    assert sheet.entries("party_meeting_count")[0].value == 3
    page = alice.get(FORM)
    assert "甲.pdf" in page.text and 'type="file"' in page.text and "image/*" in page.text


REFUSED = [
    ("毒.exe", b"MZ\x90\x00", "类型不被接受"),
    ("photo.heic", b"\0\0\0\x18ftypheic", "类型不被接受"),
    ("大.pdf", PDF + b"x" * 1024 * 1024, "超过 1 MB"),
    ("空.pdf", b"", "是空的"),
]


@pytest.mark.parametrize(("name", "content", "said"), REFUSED)
def test_a_refused_file_loses_nothing_else(app: Flask, world: World, name: str, content: bytes, said: str) -> None:
    alice, field = Browser(app, world.alice), f"party_meeting_count.{world.school}.value"
    bad = f"admin_meeting_count.{world.school}.value"
    answer = upload(alice, (name, content), ("好.pdf", PDF), **{field: "3", bad: "三"})
    assert answer.status_code == 422
    assert said in answer.text and name in answer.text and f"#{FILES}" in read(answer).links
    fields = form_in(answer, FORM).fields
    assert (fields[field], fields[bad]) == (["3"], ["三"])
    sheet = sheet_of(world.alice)
    assert sheet.entries("party_meeting_count")[0].value == 3
    assert [file.filename for file in sheet.evidence["party_meeting_count"]] == ["好.pdf"]
    assert alice.send(answer, FORM, **{bad: "3"}).status_code == 302


@pytest.mark.parametrize(
    "field", ["no_such.files", "party_meeting_count.value", "files", "org_life_meeting_done.files"]
)
def test_files_for_what_is_not_asked_change_nothing(app: Flask, world: World, field: str) -> None:
    before = sheet_of(world.alice)
    assert upload(Browser(app, world.alice), ("甲.pdf", PDF), field=field).status_code == 404
    assert sheet_of(world.alice) == before


def test_removing_is_part_of_the_save_and_harmless_twice(app: Flask, world: World) -> None:
    file, alice = given(app, world.alice), Browser(app, world.alice)
    page, field = alice.get(FORM), f"party_meeting_count.{world.school}.value"
    assert alice.send(page, FORM, remove=str(file.id), **{field: "5"}).status_code == 302
    sheet = sheet_of(world.alice)
    assert not sheet.evidence and sheet.entries("party_meeting_count")[0].value == 5
    assert alice.send(alice.get(FORM), FORM, remove=str(file.id)).status_code == 302
    assert alice.get(f"/evidence/{file.id}").status_code == 404


def test_nobody_removes_the_file_of_another_school(app: Flask, world: World) -> None:
    file = given(app, world.alice)
    for who in (world.carol, world.yan):
        browser = Browser(app, who)
        assert browser.send(browser.get(FORM), FORM, remove=str(file.id)).status_code == 404
    assert sheet_of(world.alice).evidence["party_meeting_count"] == (file,)


def test_who_may_have_it(app: Flask, world: World) -> None:
    file = given(app, world.alice)
    status = {who.person.login.split(".")[-1]: Browser(app, who).get(f"/evidence/{file.id}") for who in world.people}
    assert {login for login, answer in status.items() if answer.status_code == 200} == {
        "alice",
        "bob",
        "rita",
        "ada",
        "vera",
    }
    assert {login for login, answer in status.items() if answer.status_code == 404} == {"carol", "dave", "zoe", "yan"}
    assert {login for login, answer in status.items() if answer.status_code == 403} == {"chengshi", "oscar"}
    assert app.test_client().get(f"/evidence/{file.id}").status_code == 302
    assert Browser(app, world.alice).get(f"/evidence/{uuid4()}").status_code == 404


def test_it_is_given_out_harmlessly(app: Flask, world: World) -> None:
    file = given(app, world.alice, "../甲 乙.exe")
    answer = Browser(app, world.rita).get(f"/evidence/{file.id}")
    headers = answer.headers
    assert answer.data == PDF
    assert headers["Content-Type"] == "application/pdf"
    assert headers["Content-Disposition"].startswith("attachment") and "\n" not in headers["Content-Disposition"]
    assert (
        "甲 乙.exe.pdf" in unquote(headers["Content-Disposition"])
        and "filename*=UTF-8''" in headers["Content-Disposition"]
    )
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Content-Security-Policy"].startswith("sandbox;")
    assert headers["Cache-Control"] == "no-store" and "Set-Cookie" not in headers


def test_pictures_and_pdfs_are_shown_without_their_place(app: Flask, world: World) -> None:
    photo = given(app, world.alice, "照片.jpg", JPEG)
    bob = Browser(app, world.bob)
    shown = bob.get(f"/evidence/{photo.id}?inline=1")
    assert shown.headers["Content-Disposition"].startswith("inline")
    assert shown.headers["Content-Security-Policy"].startswith("sandbox;")
    assert b"GPS" not in shown.data and b"GPS" in bob.get(f"/evidence/{photo.id}").data


def test_office_files_are_never_shown_inline(app: Flask, world: World) -> None:
    file = given(app, world.alice, "台账.xlsx", XLSX)
    answer = Browser(app, world.ada).get(f"/evidence/{file.id}?inline=1")
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_reviewers_find_it_beside_the_number(app: Flask, world: World) -> None:
    file = given(app, world.alice)
    page = Browser(app, world.rita).get(f"/2026q2/review/{world.school}")
    assert f"/evidence/{file.id}" in read(page).links and "2.1 签到表.pdf" in page.text


def test_after_handing_in_files_neither_come_nor_go(app: Flask, world: World) -> None:
    file, alice = given(app, world.alice), Browser(app, world.alice)
    page = alice.get(FORM)
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school)
        actions.submit(world.alice.scope, world.school, QUARTER, NOW)
    fields: dict[str, Any] = {"version": form_in(page, FORM).fields["version"], "seen": "", "remove": str(file.id)}
    fields[FILES] = (BytesIO(PDF + b"2"), "新.pdf")
    answer = alice.post(FORM, fields, content_type="multipart/form-data")
    assert answer.status_code in (409, 422) and "审核" in answer.text
    assert sheet_of(world.alice).evidence["party_meeting_count"] == (file,)


def test_a_lost_file_is_a_page_in_words(app: Flask, world: World) -> None:
    file = given(app, world.alice)
    store = evidence.DiskStore(app.config["SETTINGS"].evidence_dir)
    next(store.root.rglob(file.sha256)).unlink()
    answer = Browser(app, world.alice).get(f"/evidence/{file.id}")
    assert answer.status_code == 404 and "缺失" in answer.text
