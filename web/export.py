"""A list of a page as a file, written as the dashboards write theirs."""

from datetime import datetime
from urllib.parse import quote

from flask import Response

from dashboards.downloads import CSV, XLSX, Table, as_csv, as_xlsx


def answer(kind: str, name: str, table: Table, made: datetime) -> Response:
    """`table` as a file of `kind` ("xlsx" or "csv") called `name`."""
    content, media_type = (as_xlsx(table, made), XLSX) if kind == "xlsx" else (as_csv(table), CSV)
    found = Response(content, content_type=media_type)
    found.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}.{kind}"
    return found
