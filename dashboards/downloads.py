"""A table as a file: exactly what the page shows, numbers as numbers, and no cell that a spreadsheet would run."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import xlsxwriter

Cell = str | int | Decimal | None
TRIGGERS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Table:
    """What is written: a title, a line about it, the columns' names, and the rows."""

    title: str
    about: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def harmless(cell: Cell) -> Cell:
    """Text that begins as a formula does gets an apostrophe; numbers, negative ones too, stay numbers."""
    runs = isinstance(cell, str) and (cell.startswith(TRIGGERS) or cell.lstrip(" \u3000").startswith(TRIGGERS))
    return f"'{cell}" if runs else cell


def as_csv(table: Table) -> bytes:
    """UTF-8 with a mark, so that WPS and Excel read Chinese; CRLF."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([harmless(name) for name in table.columns])
    for row in table.rows:
        writer.writerow(["" if cell is None else harmless(cell) for cell in row])
    return out.getvalue().encode("utf-8-sig")


def as_xlsx(table: Table, made: datetime) -> bytes:
    """One sheet: title, what it is, a frozen header that repeats in print, the rows, A4 landscape."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"title": table.title, "created": made.replace(tzinfo=None)})
        sheet = book.add_worksheet()
        sheet.write_string(0, 0, str(harmless(table.title)), book.add_format({"bold": True, "font_size": 14}))
        sheet.write_string(1, 0, str(harmless(table.about)), book.add_format({"font_color": "#475467"}))
        head = book.add_format({"bold": True, "bg_color": "#F2F4F7", "border": 1})
        for column, name in enumerate(table.columns):
            sheet.write_string(2, column, str(harmless(name)), head)
            sheet.set_column(column, column, _width(table, column))
        _write_rows(sheet, table, book.add_format({"num_format": "0.00"}))
        sheet.freeze_panes(3, 0)
        sheet.repeat_rows(2)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
    return out.getvalue()


def _write_rows(sheet: xlsxwriter.worksheet.Worksheet, table: Table, points: object) -> None:
    for line, row in enumerate(table.rows, start=3):
        for column, cell in enumerate(row):
            if isinstance(cell, Decimal):
                sheet.write_number(line, column, float(cell), points)
            elif isinstance(cell, int):
                sheet.write_number(line, column, cell)
            elif cell is not None:
                sheet.write_string(line, column, str(harmless(cell)))


def _width(table: Table, column: int) -> float:
    """Wide enough for what stands in it, Chinese characters counting two."""
    texts = [table.columns[column], *(str(row[column]) for row in table.rows[:200] if row[column] is not None)]
    return float(min(48, 2 + max(sum(2 if ord(sign) > 0x2E80 else 1 for sign in text) for text in texts)))
