"""Tables as files."""

import csv
import io
import re
from datetime import UTC, datetime
from decimal import Decimal
from zipfile import ZipFile

import pytest

from dashboards.downloads import Table, as_csv, as_xlsx, harmless

TABLE = Table(
    "=标题", "说明", ["学校", "总分", "变化"], [["=1+1", Decimal("98.65"), Decimal("-12.40")], ["二", 3, None]]
)


@pytest.mark.parametrize(
    "text", ["=1", "+1", "-1", "@x", "＝1", "＋1", "－1", "＠x", "\t=1", " =1", "\u3000=1", "\n=1"]
)
def test_what_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("cell", [Decimal("-12.40"), -3, None, "第一小学", "a=b"])
def test_what_is_harmless_stays(cell: object) -> None:
    assert harmless(cell) == cell  # type: ignore[arg-type]


def test_csv_is_read_by_offices() -> None:
    made = as_csv(TABLE)
    assert made.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(made.decode("utf-8-sig"))))
    assert rows == [["学校", "总分", "变化"], ["'=1+1", "98.65", "-12.40"], ["二", "3", ""]]


def test_xlsx_has_numbers_and_no_formula() -> None:
    with ZipFile(io.BytesIO(as_xlsx(TABLE, datetime(2026, 7, 5, tzinfo=UTC)))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        strings = book.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in sheet
    numbers = [round(Decimal(text), 2) for text in re.findall(r'<c r="[A-Z]+\d+"(?: s="\d+")?><v>(.*?)</v>', sheet)]
    assert numbers == [Decimal("98.65"), Decimal("-12.40"), 3]
    assert "'=1+1" in strings
    assert "'=标题" in strings
