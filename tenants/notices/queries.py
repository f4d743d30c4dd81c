"""Reading the outbox: a district's mails for its administrator, and counts for the operator."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from tenants.db import session
from tenants.notices.models import Mail, MailState, Rule
from tenants.quarter import Quarter
from tenants.schools import queries as schools
from tenants.scope import Right, Scope
from tenants.words import N_

STATE_NAMES: dict[MailState, str] = {
    MailState.WAITING: N_("等待发送"),
    MailState.SENT: N_("已发送"),
    MailState.FAILED: N_("发送失败"),
    MailState.SUPPRESSED: N_("不再发送"),
}
RULE_NAMES: dict[Rule, str] = {
    Rule.REMINDER: N_("催报提醒"),
    Rule.OVERDUE: N_("逾期提醒"),
    Rule.RETURNED: N_("退回修改"),
    Rule.PUBLISHED: N_("结果公布"),
    Rule.RED_DIGEST: N_("红灯清单"),
    Rule.INVITATION: N_("账号开通"),
}


@dataclass(frozen=True, slots=True)
class MailView:
    """A mail without its content; `address` is masked, `recipient` empty when the account is gone."""

    id: UUID
    state: MailState
    rule: Rule
    quarter: Quarter | None
    cause: str
    school_id: UUID | None
    school: str
    recipient: str
    address: str
    created_at: datetime
    next_try_at: datetime
    sent_at: datetime | None
    attempts: int
    last_error: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How many mails of a district are in which state, and since when the oldest has been waiting."""

    district_id: UUID
    by_state: Mapping[MailState, int]
    waiting_since: datetime | None


def masked(address: str) -> str:
    """`a***@x.cn`: enough to recognise one's own, too little to write to."""
    name, at, host = address.partition("@")
    return f"{name[:1]}***{at}{host}"


def mails(
    scope: Scope, *, state: MailState | None = None, school_id: UUID | None = None, limit: int = 200, offset: int = 0
) -> tuple[MailView, ...]:
    """The district's mails, newest first, for whoever administers it."""
    scope.require(Right.MANAGE)
    statement = scope.select(Mail).order_by(Mail.created_at.desc(), Mail.id.desc()).limit(limit).offset(offset)
    if state is not None:
        statement = statement.where(Mail.state == state)
    if school_id is not None:
        statement = statement.where(Mail.school_id == school_id)
    rows = session().scalars(statement).all()
    people = schools.names_of(scope, {row.account_id for row in rows})
    names = {school.id: school.name for school in schools.schools(scope, closed=True)}
    return tuple(_view(row, names, people) for row in rows)


def _view(row: Mail, names: Mapping[UUID, str], people: Mapping[UUID, str]) -> MailView:
    return MailView(
        row.id, row.state, row.rule, row.quarter, row.cause, row.school_id,
        names.get(row.school_id, "") if row.school_id else "", people.get(row.account_id, ""), masked(row.address),
        row.created_at, row.next_try_at, row.sent_at, row.attempts, row.last_error,
    )  # fmt: skip


def counts(scope: Scope) -> tuple[Counts, ...]:
    """Counts of each district that the scope may know of: all for operator and schedule, one's own for an administrator."""
    scope.require(Right.MANAGE if scope.district_id else Right.OPERATE)
    statement = sa.select(Mail.district_id, Mail.state, sa.func.count(), sa.func.min(Mail.created_at)).group_by(
        Mail.district_id, Mail.state
    )
    rows = session().execute(scope.over(statement, Mail) if scope.district_id else scope.over(statement)).all()
    found: dict[UUID, dict[MailState, int]] = {}
    since: dict[UUID, datetime] = {}
    for district_id, state, count, oldest in rows:
        found.setdefault(district_id, {})[state] = count
        if state is MailState.WAITING:
            since[district_id] = oldest
    return tuple(Counts(district_id, by_state, since.get(district_id)) for district_id, by_state in found.items())


def superseded(scope: Scope, mail_id: UUID) -> bool:
    """Whether a newer mail of the same rule, quarter, school and recipient is owed or was sent."""
    mine, newer = sa.orm.aliased(Mail), sa.orm.aliased(Mail)
    same = [
        getattr(newer, name).is_not_distinct_from(getattr(mine, name))
        for name in ("district_id", "rule", "school_id", "quarter", "account_id")
    ]
    statement = sa.select(newer.id).join(mine, sa.and_(*same)).where(mine.id == mail_id, newer.id != mine.id)
    statement = statement.where(newer.created_at > mine.created_at, newer.state != MailState.SUPPRESSED).limit(1)
    return session().scalar(scope.over(statement, mine, newer)) is not None
