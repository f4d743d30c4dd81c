"""What is read of a quarter: whose units answer, who has got how far, how it is put into words, and forms both ways."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from tenants.db import transaction
from tenants.errors import NotFound
from tenants.reporting import actions, asking, progress, queries
from tenants.reporting import form as forms
from tenants.reporting.actions import Given
from tenants.reporting.progress import Filters
from tenants.reporting.queries import Sheet, Stored
from tenants.reporting.validation import Entry
from tenants.schemes.format import load_scheme
from tenants.schools import actions as schools
from tenants.scoring.values import Ratio
from tests.world import NOW, QUARTER, World, dates, fill, good_entry, scheme_text, send

SCHEME = load_scheme(scheme_text())
CODE = "party_meeting_count"


def sheet_of(world: World) -> Sheet:
    with transaction(world.alice.scope):
        return queries.sheet(world.alice.scope, world.school, QUARTER)


# ---- units and problems --------------------------------------------------------------------------------------------


def test_branches_answer_where_they_are_concerned(world: World) -> None:
    with transaction(world.ada.scope):
        scope = world.ada.scope
        schools.create_branches(scope, world.school, ["离退休支部"], has_committee=False, has_groups=False)
    sheet = sheet_of(world)
    counts = {
        code: len(sheet.units[code])
        for code in (CODE, "party_lecture_count", "branch_committee_count", "group_meeting_count")
    }
    assert counts == {CODE: 1, "party_lecture_count": 2, "branch_committee_count": 1, "group_meeting_count": 1}
    assert not sheet.is_answered("party_lecture_count")


def test_a_report_is_answered_item_by_item(world: World) -> None:
    assert len(sheet_of(world).problems()) == len(sheet_of(world).asked()) == 36
    assert sheet_of(world).saved_at is None
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school)
    sheet = sheet_of(world)
    assert not sheet.problems() and sheet.is_answered(CODE) and sheet.saved_at == NOW


def test_finding_tells_none_and_getting_raises(world: World) -> None:
    for who in (world.carol, world.zoe, world.yan):
        with transaction(who.scope):
            assert queries.find_report(who.scope, world.school, QUARTER) is None
            with pytest.raises(NotFound):
                queries.report(who.scope, world.school, QUARTER)
    with transaction(world.alice.scope):
        assert queries.find_dates(world.alice.scope, QUARTER.previous) is None
        assert queries.find_dates(world.alice.scope, QUARTER) == queries.quarter_view(world.alice.scope, QUARTER)


def test_last_approval_is_the_persons_own(world: World) -> None:
    send(world, world.alice, world.bob)
    for who, at in ((world.bob, NOW), (world.dave, None)):
        with transaction(who.scope):
            assert queries.last_approval(who.scope, who.person.id) == at


# ---- progress ------------------------------------------------------------------------------------------------------


def test_overview_counts_each_school_once(world: World) -> None:
    send(world, world.alice, world.bob)
    late = dates(QUARTER)["late_from"]
    with transaction(world.ada.scope):
        found = progress.overview(world.ada.scope, QUARTER, NOW)
        assert (found.schools, found.sent, found.punctual, found.late, found.waiting, found.judged) == (
            2,
            1,
            1,
            0,
            1,
            1,
        )
        found = progress.overview(world.ada.scope, QUARTER, late)
        assert (found.punctual, found.late, found.judged) == (1, 1, 2)
        found = progress.overview(world.ada.scope, QUARTER, late - timedelta(microseconds=1))
        assert found.late == 0


def test_closed_schools_are_not_followed(world: World) -> None:
    with transaction(world.ada.scope):
        schools.close_school(world.ada.scope, world.second_school, "并入第一小学", NOW)
        assert progress.overview(world.ada.scope, QUARTER, NOW).schools == 1
        assert [row.school.name for row in progress.rows(world.ada.scope, QUARTER, Filters(), NOW)] == ["第一小学"]


def test_rows_count_items_not_branches(world: World) -> None:
    with transaction(world.ada.scope):
        schools.create_branches(world.ada.scope, world.school, ["离退休支部"])
    sheet = sheet_of(world)
    first, second = sheet.units["party_lecture_count"]
    for unit, filled in ((first, 0), (second, 1)):
        with transaction(world.alice.scope):
            given = {("party_lecture_count", unit.id): Given(Entry(na_reason="停课") if filled else Entry(Decimal(0)))}
            actions.save(world.alice.scope, world.school, QUARTER, given, now=NOW)
        with transaction(world.ada.scope):
            row = progress.rows(world.ada.scope, QUARTER, Filters(), NOW)[0]
            assert (row.filled, row.asked) == (filled, 36)


def test_rows_are_the_scopes_own(world: World) -> None:
    with transaction(world.zoe.scope):
        assert [row.school.name for row in progress.rows(world.zoe.scope, QUARTER, Filters(), NOW)] == ["东风小学"]
        assert progress.queue(world.zoe.scope, QUARTER) == ()


def test_judged_today(world: World) -> None:
    send(world, world.alice, world.bob)
    with transaction(world.rita.scope):
        actions.accept(world.rita.scope, world.school, QUARTER, NOW)
        counts = [progress.judged_today(world.rita.scope, QUARTER, NOW + timedelta(hours=h)) for h in (-1, 1)]
    assert counts == [1, 0]


# ---- forms both ways -----------------------------------------------------------------------------------------------


def test_every_entry_comes_back_from_its_fields(world: World) -> None:
    sheet = sheet_of(world)
    for code, unit in forms.keys(sheet):
        indicator = sheet.scheme.indicator(code)
        for entry in (Entry(), Entry(na_reason="停课"), good_entry(indicator, 2)):
            texts = forms.texts_of(indicator, Stored(entry, "备注", unit, NOW))
            posted = {forms.name_of(code, unit, part): list(given) for part, given in texts.items()}
            reading = forms.understand(sheet, forms.read(sheet, posted))
            assert reading.faults == {} and reading.given == {(code, unit): Given(entry, "备注")}


def test_fields_that_are_not_posted_stay(world: World) -> None:
    with transaction(world.alice.scope):
        given = {(CODE, world.school): Given(Entry(Decimal(3)), "旧备注")}
        actions.save(world.alice.scope, world.school, QUARTER, given, now=NOW)
    sheet = sheet_of(world)
    reading = forms.understand(sheet, forms.read(sheet, {forms.name_of(CODE, world.school, "value"): ["4"]}))
    assert reading.given == {(CODE, world.school): Given(Entry(Decimal(4)), "旧备注")}


def test_fields_of_others_are_not_found(world: World) -> None:
    sheet, school = sheet_of(world), str(world.school)
    for name in (
        f"{CODE}.{uuid4()}.value",
        f"x.{school}.value",
        f"{CODE}.{school}.num",
        f"{CODE}.{school}",
        f"{CODE}",
        "",
        ".",
    ):
        with pytest.raises(NotFound):
            forms.read(sheet, {name: ["1"]})


def test_merging_tells_mine_from_theirs(world: World) -> None:
    before = sheet_of(world)
    seen = forms.seen(before)
    field = lambda code: forms.name_of(code, world.school, "value")  # noqa: E731
    with transaction(world.bob.scope):
        given = {
            (code, world.school): Given(Entry(Decimal(7)))
            for code in (CODE, "admin_meeting_count", "warning_education_count")
        }
        actions.save(world.bob.scope, world.school, QUARTER, given, now=NOW)
    posted = {CODE: "8", "admin_meeting_count": "", "integrity_review_count": "5", "warning_education_count": "7"}
    typed = forms.read(before, {field(code): [text] for code, text in posted.items()})
    merged = forms.merge(sheet_of(world), typed, seen)
    assert {code for code, _ in merged.mine} == {CODE, "integrity_review_count"}
    assert merged.clashes == {(CODE, world.school)}
    unknown = forms.merge(sheet_of(world), typed, "tampered")
    assert {code for code, _ in unknown.clashes} == {CODE, "admin_meeting_count", "integrity_review_count"}


# ---- words ---------------------------------------------------------------------------------------------------------

DEMANDS = [
    (CODE, 2, "不少于 3 次"), ("quorum_violation_count", 2, "应为 0 次"), ("cross_appointment_rate", 1, "达到 100%"),
    ("member_study_hours", 2, "人均不少于 16 学时"), ("election_overdue_months", 1, "不超期；宽限 2 个月"),
    ("procedure_rules_items", 1, "应齐备 4 项"), ("secretary_principal_config", 1, "应为“是”"),
    ("three_major_collective_rate", 1, "达到 100%"), ("leader_appraisal_done", 1, "本季度不考核"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "quarter", "said"), DEMANDS)
def test_demands_in_words(code: str, quarter: int, said: str) -> None:
    assert str(asking.asked(SCHEME.indicator(code), quarter)) == said


def ratio(num: int, den: int) -> Entry:
    return Entry(Ratio(Decimal(num), Decimal(den)))


LIST = SCHEME.indicator("procedure_rules_items").checklist
CHANGES = [
    (CODE, Entry(Decimal(2)), Entry(Decimal(3)), "增加 1 次"), (CODE, Entry(Decimal(3)), Entry(Decimal("1.5")), "减少 1.5 次"),
    (CODE, Entry(Decimal(3)), Entry(Decimal(3)), None), (CODE, None, Entry(Decimal(3)), None), (CODE, Entry(), Entry(Decimal(3)), None),
    (CODE, Entry(Decimal(3)), Entry(na_reason="停课"), "由“3 次”改为“不适用：停课”"),
    ("cross_appointment_rate", ratio(1, 2), ratio(2, 3), "增加 16.67 个百分点"), ("cross_appointment_rate", ratio(1, 2), ratio(2, 4), None),
    ("cross_appointment_rate", ratio(1, 2), ratio(0, 0), "由“50%"), ("member_study_hours", ratio(16, 1), ratio(8, 1), "减少 8 学时"),
    ("procedure_rules_items", Entry(ticked=LIST), Entry(ticked=LIST[:1]), "减少 3 项"),
    ("secretary_principal_config", Entry(value=True), Entry(value=False), "由“是”改为“否”"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "before", "now", "said"), CHANGES)
def test_changes_in_words(code: str, before: Entry | None, now: Entry, said: str | None) -> None:
    found = asking.change(SCHEME.indicator(code), before, now)
    assert (found is None) if said is None else str(found).startswith(said)


SHOWN = [
    (CODE, None, "未填"), (CODE, Entry(), "未填"), (CODE, Entry(Decimal(3)), "3 次"), (CODE, Entry(na_reason="停课"), "不适用：停课"),
    ("cross_appointment_rate", ratio(9, 10), "90%（9/10）"), ("cross_appointment_rate", ratio(0, 0), "—（0/0）"),
    ("procedure_rules_items", Entry(ticked=()), "以上均无"), ("procedure_rules_items", Entry(ticked=LIST[:1]), f"1/4 项：{LIST[0]}"),
    ("secretary_principal_config", Entry(value=False), "否"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "entry", "said"), SHOWN)
def test_answers_in_words(code: str, entry: Entry | None, said: str) -> None:
    assert str(asking.brief(SCHEME.indicator(code), entry)) == said
