"""A table as a file: .xlsx for offices, .csv with a byte order mark for WPS and Excel."""

import csv
from collections.abc import Sequence
from io import BytesIO, StringIO
from urllib.parse import quote

import xlsxwriter
from flask import Response

Cell = str | int | None
KINDS = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
_ACTIVE = tuple("=+-@＝＋－＠\t\r\n")


def harmless(cell: Cell) -> Cell:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it; numbers stay numbers."""
    if isinstance(cell, str) and cell.lstrip(" \u3000").startswith(_ACTIVE):
        return "'" + cell
    return cell


def table(kind: str, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Response:
    """`rows` under `columns` as a file of `kind` ("xlsx" or "csv") called `name`."""
    safe = [[harmless(cell) for cell in row] for row in rows]
    content = _xlsx(name, columns, safe) if kind == "xlsx" else _csv(columns, safe)
    answer = Response(content, content_type=KINDS[kind])
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}.{kind}"
    return answer


def _csv(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bytes:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
    return out.getvalue().encode("utf-8-sig")


def _xlsx(name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bytes:
    out = BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet(name[:31])
        bold = book.add_format({"bold": True, "bg_color": "#F2F4F7", "border": 1})
        sheet.write_row(0, 0, columns, bold)
        for place, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                _write(sheet, place, column, cell)
        sheet.freeze_panes(1, 0)
        sheet.autofit()
    return out.getvalue()


def _write(sheet: xlsxwriter.worksheet.Worksheet, row: int, column: int, cell: Cell) -> None:
    if isinstance(cell, int):
        sheet.write_number(row, column, cell)
    else:
        sheet.write_string(row, column, cell or "")
