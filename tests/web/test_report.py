"""The form through a browser's eyes: whole loop, bad input, other people's fields, two people at once, the closed window."""

from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tenants.db import transaction
from tenants.reporting import actions, queries
from tenants.reporting import form as forms
from tenants.reporting.actions import Given
from tenants.reporting.queries import Sheet
from tenants.reporting.validation import Entry
from tenants.reporting.workflow import State
from tenants.schools import actions as schools
from tenants.schools.models import Disclosure
from tenants.scoring.values import Ratio
from tests.web.browser import Browser, form_in, read
from tests.world import NOW, QUARTER, Someone, World, dates, fill, good_entry, send

FORM, CHECK, SUBMIT = "/2026q2/report", "/2026q2/report/check", "/2026q2/report/submit"
APPROVE = "/2026q2/approve"


def sheet_of(someone: Someone) -> Sheet:
    with transaction(someone.scope):
        return queries.sheet(someone.scope, someone.scope.school, QUARTER)


def name(sheet: Sheet, code: str, part: str = "value") -> str:
    return forms.name_of(code, sheet.units[code][0].id, part)


def full(sheet: Sheet) -> dict[str, list[str]]:
    """What a person types who meets every target."""
    typed: dict[str, list[str]] = {}
    for code, unit in forms.keys(sheet):
        indicator = sheet.scheme.indicator(code)
        stored = queries.Stored(good_entry(indicator, QUARTER.number), "", unit, NOW)
        typed |= {forms.name_of(code, unit, part): list(t) for part, t in forms.texts_of(indicator, stored).items()}
    return typed


def post_fields(browser: Browser, **changes: object) -> TestResponse:
    """Open the form and send it with `changes`, as the page would."""
    return browser.send(browser.get(FORM), FORM, **changes)


# ---- the whole loop ------------------------------------------------------------------------------------------------


def test_a_quarter_from_first_field_to_acceptance_by_forms_alone(app: Flask, world: World) -> None:
    alice, sheet = Browser(app, world.alice), sheet_of(world.alice)
    assert post_fields(alice, **full(sheet)).status_code == 302
    check = alice.get(CHECK)
    assert "全部 36 项都已填好" in check.text
    assert alice.send(check, "submit").status_code == 422  # the statement of truth is not ticked
    assert alice.send(check, "submit", truth="yes").status_code == 302
    bob = Browser(app, world.bob)
    assert bob.send(bob.get(APPROVE), APPROVE, decision="approve").status_code == 302
    rita = Browser(app, world.rita)
    item = f"/2026q2/review/{world.school}"
    returned = rita.send(
        rita.get(item),
        item,
        verdict="return",
        **{"return": "party_meeting_count", "reason.party_meeting_count": "缺纪要"},
    )
    assert returned.status_code == 302
    later = alice.later(NOW + timedelta(hours=2))
    page = later.get(FORM)
    assert "缺纪要" in page.text
    assert name(sheet, "party_meeting_count") in form_in(page, FORM).fields
    assert name(sheet, "admin_meeting_count") not in form_in(page, FORM).fields
    assert later.send(page, FORM, **{name(sheet, "party_meeting_count", "note"): "已补 6 月纪要"}).status_code == 302
    assert later.send(later.get(CHECK), "submit", truth="yes").status_code == 302
    bob = bob.later(NOW + timedelta(hours=3))
    assert bob.send(bob.get(APPROVE), APPROVE, decision="approve").status_code == 302
    rita = rita.later(NOW + timedelta(hours=4))
    page = rita.get(item)
    assert "已修改" in page.text and "已补 6 月纪要" in page.text
    assert rita.send(page, item, verdict="accept").status_code == 302
    assert sheet_of(world.alice).report.state is State.ACCEPTED
    assert "审核通过" in later.get(FORM).text


def test_what_is_typed_is_what_is_stored(app: Flask, world: World) -> None:
    alice, sheet = Browser(app, world.alice), sheet_of(world.alice)
    typed = full(sheet)
    assert post_fields(alice, **typed).status_code == 302
    after = sheet_of(world.alice)
    for indicator in after.asked():
        assert after.entries(indicator.code) == (good_entry(indicator, QUARTER.number),)
    again = form_in(alice.get(FORM), FORM).fields
    for field, texts in typed.items():
        assert sorted(filter(None, again.get(field, []))) == sorted(filter(None, texts)), field


def test_saving_an_untouched_form_changes_nothing(app: Flask, world: World) -> None:
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school)
    before = sheet_of(world.alice)
    assert post_fields(Browser(app, world.alice)).status_code == 302
    after = sheet_of(world.alice)
    assert (after.stored, after.report.version) == (before.stored, before.report.version)


# ---- what is shown -------------------------------------------------------------------------------------------------


def test_form_shows_every_item_once_with_its_question(app: Flask, world: World) -> None:
    page = Browser(app, world.alice).get(FORM)
    reader, sheet = read(page), sheet_of(world.alice)
    assert reader.headings == 2  # one on the screen, one on paper
    assert len(reader.ids) == len(set(reader.ids))
    for indicator in sheet.due:
        assert f"i-{indicator.code}" in reader.ids
        assert indicator.name_zh in page.text
    for group in sheet.scheme.groups:
        assert f"#g-{group.code}" in reader.links
    assert "不少于 3 次" in page.text and "1 月 1 日至季末累计" in page.text
    for word in ("填表人", "审核人", "书记签字", "盖章"):
        assert word in page.text
    assert " style=" not in page.text and "<script>" not in page.text


def test_last_quarter_stands_beside_the_field(app: Flask, world: World) -> None:
    with transaction(world.ada.scope):
        version = queries.quarter_view(world.ada.scope, QUARTER).scheme_version_id
        actions.set_dates(
            world.ada.scope, QUARTER.previous, **dates(QUARTER.previous), scheme_version_id=version, now=NOW
        )
        actions.open_quarter(world.ada.scope, QUARTER.previous, NOW)
    then = NOW - timedelta(days=88)
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school, QUARTER.previous, then, party_meeting_count=Entry(Decimal(77)))
    assert "上季度：77 次" in Browser(app, world.alice).get(FORM).text


def test_one_row_for_each_branch(app: Flask, world: World) -> None:
    with transaction(world.ada.scope):
        schools.create_branches(world.ada.scope, world.school, ["离退休支部"], has_committee=False)
    alice, sheet = Browser(app, world.alice), sheet_of(world.alice)
    units = sheet.units["party_lecture_count"]
    assert len(units) == 2 and len(sheet.units["branch_committee_count"]) == 1
    page = alice.get(FORM)
    fields = {forms.name_of("party_lecture_count", unit.id, "value"): str(n) for n, unit in enumerate(units, 1)}
    assert set(fields) <= set(form_in(page, FORM).fields)
    assert alice.send(page, FORM, **fields).status_code == 302
    entries = sheet_of(world.alice).entries("party_lecture_count")
    assert [entry.value for entry in entries] == [1, 2]
    bad = {forms.name_of("party_lecture_count", units[1].id, "value"): "x"}
    assert "4.4 党课次数（离退休支部）" in alice.send(alice.get(FORM), FORM, **bad).text


def test_page_is_light(app: Flask, world: World) -> None:
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school)
    answer = Browser(app, world.alice).client.get(FORM, headers={"Accept-Encoding": "gzip"})
    assert answer.headers.get("Content-Encoding") == "gzip"
    assert len(answer.data) < 60_000


# ---- bad input -----------------------------------------------------------------------------------------------------

NUMBERS = [
    ("NaN", None), ("inf", None), ("-inf", None), ("1e309", None), ("-1", None), ("−0", None), ("-0", None), ("10^30", None),
    ("1" + "0" * 30, None), ("2%", None), ("105 %", None), ("3\0", None), ("\0", None), ("9" * 2000, None), ("<b>3</b>", None),
    ("３", Decimal(3)), ("1,234", Decimal(1234)), ("3次", Decimal(3)), (" 3 ", Decimal(3)),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "value"), NUMBERS)
def test_a_number_is_exact_or_refused_at_its_field(app: Flask, world: World, raw: str, value: Decimal | None) -> None:
    alice, sheet = Browser(app, world.alice), sheet_of(world.alice)
    field, other = name(sheet, "party_meeting_count"), name(sheet, "admin_meeting_count")
    answer = post_fields(alice, **{field: raw, other: "2"})
    after = sheet_of(world.alice)
    assert after.entries("admin_meeting_count")[0].value == 2, "the good fields of the same post are saved"
    assert after.entries("party_meeting_count")[0].value == value
    if value is None:
        _refused_at(answer, field)
    else:
        assert answer.status_code == 302


def _refused_at(answer: TestResponse, field: str) -> None:
    assert answer.status_code == 422
    reader = read(answer)
    assert f"#{field}" in reader.links and field in reader.ids
    assert "错误：" in answer.text and "已经保存" in answer.text
    assert f"{field.rsplit('.', 1)[0]}.fault" in reader.ids


FAULTS = [
    ("cross_appointment_rate", {"num": "9", "den": ""}, "den"),
    ("cross_appointment_rate", {"num": "", "den": "9"}, "num"),
    ("cross_appointment_rate", {"num": "105", "den": "100"}, "num"),
    ("cross_appointment_rate", {"num": "NaN", "den": "1"}, "num"),
    ("party_fund_ratio", {"num": "0", "den": "0"}, "den"),
    ("secretary_principal_config", {"value": "maybe"}, "value"),
    ("procedure_rules_items", {"tick": ["不在清单里的制度"]}, "tick"),
    ("party_meeting_count", {"value": "", "na": "长" * 2000}, "na"),
    ("party_meeting_count", {"value": "", "na": "停\0课"}, "na"),
    ("party_meeting_count", {"value": "3", "na": "停课"}, "na"),
    ("party_meeting_count", {"value": "3", "note": "长" * 2000}, "note"),
    ("party_meeting_count", {"value": "3", "note": "a\0b"}, "note"),
]


@pytest.mark.parametrize(("code", "texts", "part"), FAULTS)
def test_a_fault_names_its_field_and_keeps_what_was_typed(
    app: Flask, world: World, code: str, texts: dict[str, str | list[str]], part: str
) -> None:
    alice, sheet = Browser(app, world.alice), sheet_of(world.alice)
    answer = post_fields(alice, **{name(sheet, code, each): text for each, text in texts.items()})
    _refused_at(answer, name(sheet, code, part))
    kept = form_in(answer, FORM).fields
    for each, text in texts.items():
        if each not in ("tick",) and text not in ("maybe",) and "\0" not in text:
            assert kept[name(sheet, code, each)][0].strip() == text
    assert sheet_of(world.alice).entries(code)[0].empty


def test_mended_after_a_fault_the_second_save_goes_through(app: Flask, world: World) -> None:
    alice, sheet = Browser(app, world.alice), sheet_of(world.alice)
    field = name(sheet, "party_meeting_count")
    answer = post_fields(alice, **{field: "三", name(sheet, "admin_meeting_count"): "3"})
    assert alice.send(answer, FORM, **{field: "3"}).status_code == 302
    assert sheet_of(world.alice).entries("party_meeting_count")[0].value == 3


# ---- other people's fields -----------------------------------------------------------------------------------------


def _smuggled(world: World, sheet: Sheet) -> list[tuple[dict[str, object], int]]:
    mine = name(sheet, "party_meeting_count")
    return [
        ({f"party_meeting_count.{world.second_school}.value": "9"}, 404),
        ({f"party_meeting_count.{world.other_school}.value": "9"}, 404),
        ({f"no_such_code.{world.school}.value": "9"}, 404),
        ({f"org_life_meeting_done.{world.school}.value": "9"}, 404),  # not due in this quarter
        ({f"party_meeting_count.{world.school}.score": "9"}, 404),
        ({f"party_meeting_count.{world.school}.num": "9"}, 404),
        ({f"party_meeting_count.{str(world.school).upper()}.value": "9"}, 404),
        ({f"{mine}.more": "9"}, 404),
        ({mine: ["9", "8"]}, 404),
        ({"remove": str(world.school)}, 404),
        ({"remove": "x"}, 404),
        ({"school_id": str(world.second_school)}, 400),
        ({"role": "secretary"}, 400),
        ({"status": "accepted"}, 400),
        ({"score": "100"}, 400),
        ({"version": ""}, 400),
        ({"version": "NaN"}, 400),
    ]


@pytest.mark.parametrize("case", range(17))
def test_smuggled_fields_change_nothing(app: Flask, world: World, case: int) -> None:
    alice, before = Browser(app, world.alice), sheet_of(world.alice)
    fields, status = _smuggled(world, before)[case]
    changes = {name(before, "admin_meeting_count"): "1", **fields}
    answer = post_fields(alice, **changes)
    assert answer.status_code == status
    assert sheet_of(world.alice) == before
    assert sheet_of(world.carol).report.version == 0


# ---- who comes in --------------------------------------------------------------------------------------------------

PATHS = [
    ("GET", FORM, {"alice", "bob", "carol", "dave", "yan"}),
    ("POST", FORM, {"alice", "bob", "carol", "dave", "yan"}),
    ("GET", CHECK, {"alice", "bob", "carol", "dave", "yan"}),
    ("POST", SUBMIT, {"alice", "bob", "carol", "dave", "yan"}),
    ("POST", "/2026q2/report/recall", {"alice", "bob", "carol", "dave", "yan"}),
    ("GET", APPROVE, {"bob", "dave"}),
    ("POST", APPROVE, {"bob", "dave"}),
]


@pytest.mark.parametrize(("method", "path", "admitted"), PATHS)
def test_each_role_and_every_outsider(app: Flask, world: World, method: str, path: str, admitted: set[str]) -> None:
    for who in world.people:
        login = who.person.login.split(".")[-1]
        answer = Browser(app, who)._ask(method, path)
        assert (answer.status_code != 403) is (login in admitted), login
        assert answer.status_code < 500
    anonymous = app.test_client().open(path, method=method)
    assert anonymous.status_code == 302 and "/login" in anonymous.location
    assert sheet_of(world.alice).report.version == 0


def test_a_reporter_sees_only_their_own_school(app: Flask, world: World) -> None:
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school, party_meeting_count=Entry(na_reason="金丝雀甲"))
    assert "金丝雀甲" in Browser(app, world.bob).get(FORM).text
    for outsider in (world.carol, world.dave, world.yan):
        assert "金丝雀甲" not in Browser(app, outsider).get(FORM).text


# ---- two people at once --------------------------------------------------------------------------------------------


def test_someone_else_saved_nothing_is_overwritten_and_both_values_are_seen(app: Flask, world: World) -> None:
    alice, bob, sheet = Browser(app, world.alice), Browser(app, world.bob), sheet_of(world.alice)
    meetings, talks = name(sheet, "party_meeting_count"), name(sheet, "admin_meeting_count")
    mine, theirs = alice.get(FORM), bob.get(FORM)
    assert bob.send(theirs, FORM, **{meetings: "21", talks: "31"}).status_code == 302
    answer = alice.send(mine, FORM, **{meetings: "22"})
    assert answer.status_code == 409
    assert sheet_of(world.alice).entries("party_meeting_count")[0].value == 21
    assert "21 次" in answer.text and "鲍书记" in answer.text
    fields = form_in(answer, FORM).fields
    assert (fields[meetings], fields[talks]) == (["22"], ["31"]), "mine stays; what only he changed is his"
    assert alice.send(answer, FORM).status_code == 302
    after = sheet_of(world.alice)
    assert [after.entries(code)[0].value for code in ("party_meeting_count", "admin_meeting_count")] == [22, 31]


def test_a_second_click_is_no_conflict(app: Flask, world: World) -> None:
    alice, sheet = Browser(app, world.alice), sheet_of(world.alice)
    page, change = alice.get(FORM), {name(sheet, "party_meeting_count"): "3"}
    assert [alice.send(page, FORM, **change).status_code for _ in range(2)] == [302, 302]


# ---- before, after and between -------------------------------------------------------------------------------------


def test_before_the_opening_the_form_says_when_and_what_to_prepare(app: Flask, world: World) -> None:
    later = QUARTER.next
    with transaction(world.ada.scope):
        version = queries.quarter_view(world.ada.scope, QUARTER).scheme_version_id
        actions.set_dates(world.ada.scope, later, **dates(later), scheme_version_id=version, now=NOW)
    for path in ("/2026q3/report",):
        answer = Browser(app, world.alice).get(path)
        assert answer.status_code == 200
        assert "2026 年 9 月 21 日" in answer.text and "签到表" in answer.text
    assert Browser(app, world.alice).get("/2027q1/report").status_code == 404


def test_locked_says_why_since_when_and_who_can_open_it(app: Flask, world: World) -> None:
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school, party_meeting_count=Entry(Decimal(7)))
    with transaction(world.ada.scope):
        schools.change_district(
            world.ada.scope,
            office="西区教育工委",
            contact_name="王老师",
            contact_phone="5555",
            disclosure=Disclosure.OWN,
        )
    alice = Browser(app, world.alice, dates(QUARTER)["locks_at"] + timedelta(hours=1))
    page = alice.get(FORM)
    assert "已于 2026-07-20 00:00 锁定" in page.text and "王老师 5555" in page.text and "7 次" in page.text
    assert not [form for form in read(page).forms if form.action.endswith("/report")]


def test_the_lock_falls_while_typing_and_nothing_typed_is_lost(app: Flask, world: World) -> None:
    alice, sheet = Browser(app, world.alice), sheet_of(world.alice)
    page = alice.get(FORM)
    alice = alice.later(dates(QUARTER)["locks_at"])
    answer = alice.send(page, FORM, **{name(sheet, "party_meeting_count"): "3"})
    assert answer.status_code == 409 and "已锁定" in answer.text
    assert form_in(answer, FORM).fields[name(sheet, "party_meeting_count")] == ["3"]
    assert sheet_of(world.alice).report.version == 0


def test_submitted_is_read_only_until_recalled(app: Flask, world: World) -> None:
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school)
        actions.submit(world.alice.scope, world.school, QUARTER, NOW)
    alice = Browser(app, world.alice)
    page = alice.get(FORM)
    assert "审核期间不能修改" in page.text
    assert alice.send(page, "recall").status_code == 302
    assert sheet_of(world.alice).report.state is State.FILLING
    assert alice.post("/2026q2/report/recall").status_code == 409


def test_submitting_an_incomplete_report_lists_what_lacks(app: Flask, world: World) -> None:
    alice, sheet = Browser(app, world.alice), sheet_of(world.alice)
    page = alice.get(CHECK)
    assert "还有 36 项要补" in page.text
    links = [link for link in read(page).links if "/report#" in link]
    assert links[0].endswith(name(sheet, "secretary_principal_config"))
    assert alice.post(SUBMIT, {"truth": "yes"}).status_code == 409
    assert post_fields(alice, **{name(sheet, "party_meeting_count"): "3"}).status_code == 302
    answer = alice.post(SUBMIT, {"truth": "yes"})
    assert answer.status_code == 409 and "还有 35 项没有填好" in answer.text


def test_a_returned_report_asks_for_the_returned_items_only(app: Flask, world: World) -> None:
    send(world, world.alice, world.bob)
    with transaction(world.rita.scope):
        actions.return_items(world.rita.scope, world.school, QUARTER, {"party_meeting_count": "缺纪要"}, NOW)
    alice = Browser(app, world.alice, NOW + timedelta(hours=1))
    assert "i-admin_meeting_count" not in read(alice.get(FORM)).ids
    everything = alice.get(f"{FORM}?all=1")
    assert "i-admin_meeting_count" in read(everything).ids
    before = sheet_of(world.alice)
    page = alice.get(FORM)
    assert alice.send(page, FORM, **{name(before, "party_meeting_count"): "4"}).status_code == 302
    after = sheet_of(world.alice)
    changed = {key for key in after.stored if after.stored[key] != before.stored[key]}
    assert changed == {("party_meeting_count", world.school)}
    assert not after.to_mend


# ---- approval ------------------------------------------------------------------------------------------------------


def submitted(world: World, **given: Entry) -> None:
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school, **given)
        actions.submit(world.alice.scope, world.school, QUARTER, NOW)


def test_approval_shows_the_decision_on_one_card(app: Flask, world: World) -> None:
    submitted(
        world,
        party_meeting_count=Entry(na_reason="暑期停课"),
        cross_appointment_rate=Entry(Ratio(Decimal(1), Decimal(3))),
    )
    page = Browser(app, world.bob).get(APPROVE)
    assert read(page).headings == 1
    assert "第一小学" in page.text and "7 月 10 日" in page.text and "暑期停课" in page.text and "33.33%" in page.text


def test_return_needs_a_reason_and_keeps_it(app: Flask, world: World) -> None:
    submitted(world)
    bob = Browser(app, world.bob)
    answer = bob.send(bob.get(APPROVE), APPROVE, decision="return", reason=" ")
    assert answer.status_code == 422 and "#reason" in read(answer).links
    answer = bob.send(answer, APPROVE, decision="return", reason="长" * 2000)
    assert answer.status_code == 422 and form_in(answer, APPROVE).fields["reason"][0].strip() == "长" * 2000
    assert bob.send(answer, APPROVE, decision="return", reason="a\0b").status_code == 422
    assert bob.send(answer, APPROVE, decision="return", reason="第 2.1 项请核对").status_code == 302
    assert "第 2.1 项请核对" in Browser(app, world.alice).get(FORM).text


def test_nobody_approves_what_they_alone_filled(app: Flask, world: World) -> None:
    with transaction(world.bob.scope):
        fill(world.bob.scope, world.school)
        actions.submit(world.bob.scope, world.school, QUARTER, NOW)
    bob = Browser(app, world.bob)
    page = bob.get(APPROVE)
    assert "另一位同志" in page.text and ("decision", "approve") not in form_in(page, APPROVE).buttons
    answer = bob.send(page, APPROVE, decision="approve")
    assert answer.status_code == 409 and "另一位同志" in answer.text
    assert sheet_of(world.bob).report.state is State.AWAITING_SECRETARY


def test_what_changed_after_reading_is_not_approved(app: Flask, world: World) -> None:
    submitted(world)
    bob = Browser(app, world.bob)
    page = bob.get(APPROVE)
    with transaction(world.alice.scope):
        actions.recall(world.alice.scope, world.school, QUARTER, NOW)
        key = ("party_meeting_count", world.school)
        actions.save(world.alice.scope, world.school, QUARTER, {key: Given(Entry(Decimal(0)))}, now=NOW)
        actions.submit(world.alice.scope, world.school, QUARTER, NOW)
    answer = bob.send(page, APPROVE, decision="approve")
    assert answer.status_code == 409 and "刚刚被他人改动" in answer.text
    assert sheet_of(world.bob).report.state is State.AWAITING_SECRETARY
    assert bob.send(answer, APPROVE, decision="approve").status_code == 302
