"""The district's log: who did what, and when."""

import re
from datetime import datetime
from typing import Any

from tenants import audit, formats
from tenants.audit import EventView
from tenants.reporting.workflow import STATE_NAMES
from tenants.schools import queries
from tenants.schools.models import DISCLOSURE_NAMES, ORG_KIND_NAMES, STAGE_NAMES
from tenants.scope import ROLE_NAMES, Right, Scope
from tenants.words import N_
from web.auth import current_scope
from web.forms import asked
from web.policy import access, needs
from web.shell import page
from web.views.manage.common import blueprint, filter_id

PAGE = 50
BEFORE = re.compile(r"[0-9]{1,18}")
DEEDS: dict[tuple[str, str], str] = {
    ("account", "sign_in"): N_("登录"),
    ("account", "sign_out"): N_("退出登录"),
    ("account", "create"): N_("新增人员"),
    ("account", "change"): N_("修改人员信息"),
    ("account", "disable"): N_("停用账号"),
    ("account", "add_post"): N_("增加岗位"),
    ("account", "end_post"): N_("结束岗位"),
    ("account", "invite"): N_("发出邀请"),
    ("account", "reset"): N_("发出重置密码链接"),
    ("account", "set_password"): N_("设置密码"),
    ("branch", "create"): N_("新增党支部"),
    ("branch", "change"): N_("修改党支部"),
    ("branch", "end"): N_("撤销党支部"),
    ("city", "create"): N_("新增城市"),
    ("district", "create"): N_("新建区县"),
    ("district", "change"): N_("修改本区信息"),
    ("district", "assign_city"): N_("调整所属城市"),
    ("evidence", "attach"): N_("上传佐证材料"),
    ("evidence", "remove"): N_("移除佐证材料"),
    ("mail", "resend"): N_("重发邮件"),
    ("objection", "raise"): N_("提出申诉"),
    ("objection", "withdraw"): N_("撤回申诉"),
    ("objection", "answer"): N_("答复申诉"),
    ("phones", "see"): N_("查看电话"),
    ("quarter", "set_dates"): N_("设定季度日期"),
    ("quarter", "open_appeal"): N_("进入申诉期"),
    ("quarter", "publish"): N_("公布结果"),
    ("quarter", "open"): N_("开放季度填报"),
    ("report", "save"): N_("填报数据"),
    ("report", "submit"): N_("提交书记审核"),
    ("report", "recall"): N_("撤回修改"),
    ("report", "approve"): N_("书记同意报送"),
    ("report", "secretary_return"): N_("书记退回"),
    ("report", "accept"): N_("审核通过"),
    ("report", "return"): N_("审核退回"),
    ("report", "score"): N_("计分"),
    ("report", "open_appeal"): N_("进入申诉期"),
    ("report", "publish"): N_("公布结果"),
    ("report", "reopen"): N_("重新开放填报"),
    ("report", "remind"): N_("催报"),
    ("score_run", "compute"): N_("计算得分"),
    ("route", "refused"): N_("越权访问被拒绝"),
    ("school", "create"): N_("新增学校"),
    ("school", "change"): N_("修改学校信息"),
    ("school", "close"): N_("停用学校"),
    ("school", "reopen"): N_("恢复学校"),
    ("scheme", "publish"): N_("发布指标体系"),
}
"""What is done, by (kind, action), in plain words."""
FIELD_NAMES = {
    "name": N_("名称"), "names": N_("名称"), "code": N_("代码"), "reason": N_("原因"), "role": N_("身份"), "login": N_("登录名"),
    "state": N_("状态"), "version": N_("版本"), "office": N_("单位"), "disclosure": N_("公布方式"), "stage": N_("学段"),
    "org_kind": N_("组织类型"), "group": N_("片区"), "short_name": N_("简称"), "opens_at": N_("开放填报"),
    "due_at": N_("填报截止"), "late_from": N_("逾期起算"), "locks_at": N_("锁定"), "one_leader": N_("一人担任"),
    "has_committee": N_("设委员会"), "has_groups": N_("划分党小组"), "reports": N_("报表数"), "fields": N_("项目"),
}  # fmt: skip
VALUES: dict[str, str] = {
    str(value): name
    for table in (ROLE_NAMES, STAGE_NAMES, ORG_KIND_NAMES, DISCLOSURE_NAMES, STATE_NAMES)
    for value, name in table.items()
} | {"email": N_("邮箱"), "phone": N_("电话")}
MOMENT = re.compile(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d[+]00:00")


@blueprint.get("/manage/log")
@access(needs(Right.MANAGE))
def log() -> str:
    scope, given = current_scope(), asked("actor", "deed", "before")
    kind, _dot, action = given["deed"].partition(".")
    before = int(given["before"]) if BEFORE.fullmatch(given["before"]) else None
    events = audit.events(
        scope, actor=given["actor"], action=(kind, action) if action else None, before=before, most=PAGE + 1
    )
    return page(
        "manage/log.html",
        events=events[:PAGE],
        older=events[PAGE - 1].seq if len(events) > PAGE else None,
        given=given,
        filtered=bool(given["actor"] or given["deed"]),
        deeds=DEEDS,
        changes=changes,
        people=_people(scope, events),
        schools={school.id: school.name for school in queries.schools(scope, closed=True)},
    )


def _people(scope: Scope, events: tuple[EventView, ...]) -> dict[str, str]:
    """The names of the people whom events are about, by the id as the log keeps it."""
    ids = {filter_id(event.object_id) for event in events if event.kind == "account"} - {None}
    return {str(id): name for id, name in queries.names_of(scope, {id for id in ids if id}).items()}


def changes(event: EventView) -> list[tuple[str, str, str]]:
    """(what, before, after) of the plain values that an event changed; values of reports are counted, not shown."""
    old, new = event.old or {}, event.new or {}
    known = [name for name in FIELD_NAMES if name in old or name in new]
    rows = [(FIELD_NAMES[name], _text(old.get(name)), _text(new.get(name))) for name in known]
    return [row for row in rows if row[1] != row[2]]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "、".join(map(str, value))
    if isinstance(value, bool):
        return N_("是") if value else N_("否")
    if isinstance(value, str) and MOMENT.fullmatch(value):
        return formats.moment(datetime.fromisoformat(value))
    return "" if value is None else VALUES.get(str(value), str(value))
