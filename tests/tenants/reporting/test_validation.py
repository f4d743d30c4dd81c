"""What people type becomes exactly that number, or one sentence: never a guess."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.reporting.validation import (
    LONGEST_REASON,
    NONE_TICKED,
    Entry,
    entry_of,
    number_of,
    problems_of,
    text_of,
)
from tenants.schemes.format import load_scheme
from tenants.scoring.values import Ratio
from tenants.words import Words
from tests.world import scheme_text

SCHEME = load_scheme(scheme_text())
COUNT, SHARE, HOURS = (
    SCHEME.indicator(code) for code in ("party_meeting_count", "cross_appointment_rate", "secretary_training_hours")
)
YES_NO, LIST, FUNDS = (
    SCHEME.indicator(code) for code in ("secretary_principal_config", "procedure_rules_items", "party_fund_ratio")
)

EXACT = [
    ("0", "0"), ("3", "3"), ("03", "3"), (" 3 ", "3"), ("３", "3"), ("３．５", "3.5"), ("　12", "12"), ("3次", "3"), ("3 次", "3"),
    ("1,234", "1234"), ("1，234", "1234"), ("1,234,567.5", "1234567.5"), ("2.5学时", "2.5"), ("0.0001", "0.0001"),
    ("999999999999", "999999999999"), ("3.0000", "3"),
]  # fmt: skip
REFUSED = [
    "NaN", "nan", "inf", "-inf", "Infinity", "1e309", "1E3", "-1", "−0", "-0", "+3", "10^30", "1" + "0" * 30, "1000000000000",
    "0.00001", "2%", "105 %", "105%", "12,34", "1,2345", "3.", ".5", "1 2", "三", "无", "/", "—", "0x10", "1_000", "3次4",
    "3\0", "\0", "3²", "①", "٣", "½", "3万元", "=1+1", "1/2", "2024.3.5", "１ｅ５", "1" * 5000,
]  # fmt: skip


@pytest.mark.parametrize(("raw", "value"), EXACT)
def test_numbers_are_exact(raw: str, value: str) -> None:
    assert number_of(raw, "次") == Decimal(value)


@pytest.mark.parametrize("raw", REFUSED)
def test_what_is_no_number_is_refused_in_words(raw: str) -> None:
    said = number_of(raw, "次")
    assert isinstance(said, Words)
    assert "\0" not in str(said) and len(str(said)) < 120


@given(st.text(max_size=30))
def test_anything_typed_is_a_plain_number_or_a_sentence(raw: str) -> None:
    value = number_of(raw, "次")
    assert isinstance(value, Words) or (value.is_finite() and 0 <= value < 10**12 and not value.is_signed())


@given(st.decimals(min_value=0, max_value=Decimal("999999999999.9999"), places=4))
def test_every_storable_number_comes_back(value: Decimal) -> None:
    assert number_of(f"{value:f}") == value


ENTRIES = [
    (COUNT, {"value": ["3"]}, Entry(Decimal(3))),
    (COUNT, {"value": [""]}, Entry()),
    (COUNT, {}, Entry()),
    (COUNT, {"value": [""], "na": ["停课一季度"]}, Entry(na_reason="停课一季度")),
    (HOURS, {"value": ["2.5"]}, Entry(Decimal("2.5"))),
    (SHARE, {"num": ["9"], "den": ["10"]}, Entry(Ratio(Decimal(9), Decimal(10)))),
    (SHARE, {"num": ["0"], "den": ["0"]}, Entry(Ratio(Decimal(0), Decimal(0)))),
    (SHARE, {"num": [""], "den": [""]}, Entry()),
    (YES_NO, {"value": ["yes"]}, Entry(value=True)),
    (YES_NO, {"value": ["no"]}, Entry(value=False)),
    (YES_NO, {"value": [""]}, Entry()),
    (LIST, {"tick": [""]}, Entry()),
    (LIST, {"tick": [NONE_TICKED, ""]}, Entry(ticked=())),
    (LIST, {"tick": [LIST.checklist[1], LIST.checklist[0], ""]}, Entry(ticked=LIST.checklist[:2])),
]


@pytest.mark.parametrize(("indicator", "raw", "entry"), ENTRIES)
def test_fields_become_an_entry(indicator: object, raw: dict[str, list[str]], entry: Entry) -> None:
    assert entry_of(indicator, raw) == entry  # type: ignore[arg-type]


FAULTS = [
    (COUNT, {"value": ["2.5"]}, "应为整数"),
    (COUNT, {"value": ["三"]}, "不是数字"),
    (COUNT, {"value": ["3"], "na": ["没有开会"]}, "只保留一种"),
    (COUNT, {"value": [""], "na": ["长" * 2000]}, "500 字以内"),
    (COUNT, {"value": [""], "na": ["停\0课"]}, "控制字符"),
    (SHARE, {"num": ["9"], "den": [""]}, "还缺“行政班子党员数”"),
    (SHARE, {"num": [""], "den": ["9"]}, "还缺“进入党组织班子的行政班子党员数”"),
    (SHARE, {"num": ["11"], "den": ["10"]}, "不能大于"),
    (SHARE, {"num": ["105 %"], "den": ["100"]}, "不是数字"),
    (FUNDS, {"num": ["0"], "den": ["0"]}, "不能为 0"),
    (YES_NO, {"value": ["maybe"]}, "请选择"),
    (LIST, {"tick": ["不在清单里"]}, "清单里没有"),
    (LIST, {"tick": [LIST.checklist[0], NONE_TICKED]}, "只留一种"),
]


@pytest.mark.parametrize(("indicator", "raw", "said"), FAULTS)
def test_faults_are_one_sentence(indicator: object, raw: dict[str, list[str]], said: str) -> None:
    found = entry_of(indicator, raw)  # type: ignore[arg-type]
    assert isinstance(found, Words) and said in str(found)


TEXTS = [("", ""), (" 好 ", "好"), ("一\r\n二", "一\n二"), ("字" * LONGEST_REASON, "字" * LONGEST_REASON)]


@pytest.mark.parametrize(("raw", "text"), TEXTS)
def test_notes_are_kept_as_written(raw: str, text: str) -> None:
    assert text_of(raw) == text


@pytest.mark.parametrize("raw", ["字" * (LONGEST_REASON + 1), "a\0b", "a\x1bb", "a\x85b"])
def test_notes_that_cannot_be_kept(raw: str) -> None:
    assert isinstance(text_of(raw), Words)


BLANK, THREE = Entry(), Entry(Decimal(3))
OPEN = [
    ([THREE], None), ([Entry(na_reason="停课")], None), ([BLANK], "还没有填"), ([], "还没有填"), ([THREE, THREE], None),
    ([THREE, BLANK], "还有 1 个支部"), ([BLANK, BLANK], "还有 2 个支部"),
]  # fmt: skip


@pytest.mark.parametrize(("given_entries", "said"), OPEN)
def test_what_keeps_a_report_from_being_handed_in(given_entries: list[Entry], said: str | None) -> None:
    found = problems_of([COUNT], {COUNT.code: given_entries})
    assert (said is None and not found) or (said is not None and said in str(found[COUNT.code]))
