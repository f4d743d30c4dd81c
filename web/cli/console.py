"""What the operator's commands over districts share: whose scope they act in, and how they read a file."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from tenants.db import transaction
from tenants.errors import Invalid, NotFound
from tenants.quarter import Quarter
from tenants.schools import queries as schools
from tenants.schools.queries import DistrictView
from tenants.scope import Role, Scope
from tenants.words import N_, words

ACTOR = "命令行"
LARGEST_FILE = 16 * 1024 * 1024
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class QuarterParam(click.ParamType[Quarter]):
    """`2026Q2` on the command line."""

    name = "QUARTER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Quarter:
        if isinstance(value, Quarter):
            return value
        try:
            return Quarter.parse(value)
        except ValueError:
            self.fail(f"“{value}”不是季度，请写成 2026Q2 的形式。", param, ctx)


QUARTER = QuarterParam()


def now() -> datetime:
    return datetime.now(UTC)


def scope_of(district: DistrictView) -> Scope:
    """The operator at the console, at work in one district as a job would be."""
    return Scope(role=Role.JOB, actor=ACTOR, district_id=district.id, whole_district=True)


def districts(code: str | None = None) -> tuple[DistrictView, ...]:
    """Every district, or the one with this code; NotFound names the codes that there are."""
    scope = Scope(role=Role.JOB, actor=ACTOR)
    with transaction(scope):
        found = schools.districts(scope)
    if code is None:
        return found
    chosen = tuple(each for each in found if each.code == code.lower())
    if not chosen:
        known = "、".join(each.code for each in found) or "—"
        raise NotFound(words(N_("没有代码为 {code} 的区县，现有：{known}。"), code=code, known=known))
    return chosen


def district(code: str) -> DistrictView:
    return districts(code)[0]


def school_by_code(scope: Scope, code: str) -> schools.SchoolView:
    """A school of the scope's district by its 标识码; NotFound says so. Within a transaction of the caller."""
    for school in schools.schools(scope, closed=True):
        if school.code == code:
            return school
    raise NotFound(words(N_("这个区县没有标识码为 {code} 的学校。"), code=code))


def read_text(path: Path) -> str:
    """The text of a file; Invalid for one that is too large or not UTF-8."""
    if path.stat().st_size > LARGEST_FILE:
        raise _bad_file(N_("文件超过 {limit} MB，不像是这里要的文件。"), limit=LARGEST_FILE // 1024**2)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _bad_file(N_("文件不是 UTF-8 编码，请另存为 UTF-8 后再试。")) from None


def _bad_file(text: str, **params: int) -> Invalid:
    return Invalid({"file": words(text, **params)}, words(text, **params))
