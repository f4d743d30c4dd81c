"""Making and changing districts, schools, branches and people. Flushes, never commits."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import combinations, product
from uuid import UUID

import sqlalchemy as sa
from pypinyin import Style, lazy_pinyin, pinyin

from tenants import audit
from tenants.db import new_id, session
from tenants.errors import Conflict, Forbidden, Invalid, NotFound
from tenants.schools import queries, sessions
from tenants.schools.models import (
    Account,
    Branch,
    City,
    CredentialLink,
    Disclosure,
    District,
    Membership,
    OrgKind,
    Purpose,
    School,
    Stage,
)
from tenants.schools.passwords import fault_of, hash_password, matches, new_token, token_hash
from tenants.scope import SCHOOL_ROLES, Right, Role, Scope
from tenants.words import N_, Words, words

LINK_LIFE = {
    Purpose.INVITE: timedelta(days=7),
    Purpose.RESET: timedelta(minutes=30),
    Purpose.SETUP: timedelta(hours=24),
}
DEAD_LINK = N_("这个链接已经用过或已过期，请向管理员要一个新的。")
SEARCH_FORMS = 128


def search_key(*names: str) -> str:
    """Every reading of Chinese names, whole and as initials, for search: heteronyms give several.

    The usual reading comes first, then those with one unusual character, then two…, up to `SEARCH_FORMS` for a name.
    """
    forms = [form for name in names if name for form in _readings(name)]
    whole = ["".join(form) for form in forms]
    initials = ["".join(part[0] for part in form if part) for form in forms]
    return " ".join(dict.fromkeys([*whole, *initials]))


def _readings(name: str) -> list[tuple[str, ...]]:
    name = name.lower()
    usual = lazy_pinyin(name, errors=list)  # type: ignore[arg-type]  # one entry for each character
    others = [_unusual(char, reading) for char, reading in zip(name, usual, strict=True)]
    spots = [spot for spot, more in enumerate(others) if more]
    forms = [tuple(usual)]
    for count in range(1, len(spots) + 1):
        for chosen in combinations(spots, count):
            for readings in product(*(others[spot] for spot in chosen)):
                if len(forms) == SEARCH_FORMS:
                    return forms
                changed = dict(zip(chosen, readings, strict=True))
                forms.append(tuple(changed.get(spot, reading) for spot, reading in enumerate(usual)))
    return forms


def _unusual(char: str, usual: str) -> list[str]:
    return [each for each in dict.fromkeys(pinyin(char, style=Style.NORMAL, heteronym=True)[0]) if each != usual]


def create_city(scope: Scope, name: str) -> UUID:
    scope.require(Right.OPERATE)
    name = name.strip()
    if not name or len(name) > 40:
        raise Invalid({"name": words(N_("请填写城市名称，不超过 40 字。"))})
    if session().scalar(sa.select(City.id).where(City.name == name)):
        raise Invalid({"name": words(N_("“{name}”已经有了。"), name=name)})
    city = City(name=name)
    session().add(city)
    session().flush()
    audit.record(scope, "create", "city", city.id, new={"name": city.name})
    return city.id


def create_district(scope: Scope, *, code: str, name: str, office: str, city_id: UUID | None = None) -> UUID:
    """Make a district; `code` begins the sign-in name of its people. Invalid names the field.

    A scope that already names a district founds that one, so that its first people come in the same transaction.
    """
    scope.require(Right.OPERATE)
    code = code.strip().lower()
    problems = district_faults(scope, code=code, name=name)
    if problems:
        raise Invalid(problems)
    district = District(
        id=scope.district_id or new_id(), code=code, name=name.strip(), office=office.strip() or name.strip(),
        city_id=city_id,
    )  # fmt: skip
    session().add(district)
    session().flush()
    audit.record(scope, "create", "district", district.id, new={"code": code, "name": district.name})
    return district.id


def district_faults(scope: Scope, *, code: str, name: str) -> dict[str, Words]:
    """What is wrong with a new district's own fields, by name."""
    problems: dict[str, Words] = {}
    if not (2 <= len(code) <= 12 and code.isascii() and code.isalnum() and code[0].isalpha()):
        problems["code"] = words(N_("区县代码请用 2—12 位小写字母或数字，以字母开头。"))
    elif session().scalar(scope.over(sa.select(District.id).where(District.code == code))):
        problems["code"] = words(N_("代码 {code} 已被使用，请换一个。"), code=code)
    if not name.strip() or len(name) > 40:
        problems["name"] = words(N_("请填写区县名称，不超过 40 字。"))
    return problems


def assign_city(scope: Scope, district_id: UUID, city_id: UUID | None) -> None:
    """Put a district under a city, whose viewers then see its published results, or under none."""
    scope.require(Right.OPERATE)
    row = session().scalar(scope.over(sa.select(District).where(District.id == district_id)))
    if row is None or (city_id and session().scalar(sa.select(City.id).where(City.id == city_id)) is None):
        raise NotFound
    old, row.city_id = row.city_id, city_id
    new = {"city_id": str(city_id or "")}
    audit.record(scope, "assign_city", "district", district_id, old={"city_id": str(old or "")}, new=new)


def change_district(
    scope: Scope, *, office: str, contact_name: str, contact_phone: str, disclosure: Disclosure
) -> None:
    """What the district says of itself, and what its schools learn of each other."""
    scope.require(Right.MANAGE)
    row = session().scalar(scope.over(sa.select(District).where(District.id == scope.district)))
    if row is None:
        raise NotFound
    problems = _contact_faults(office, contact_name, contact_phone)
    if problems:
        raise Invalid(problems)
    old = {"office": row.office, "disclosure": row.disclosure}
    row.office, row.contact_name, row.contact_phone = office.strip(), contact_name.strip(), contact_phone.strip()
    row.disclosure = disclosure
    audit.record(scope, "change", "district", row.id, old=old, new={"office": row.office, "disclosure": row.disclosure})


def _contact_faults(office: str, name: str, phone: str) -> dict[str, Words]:
    problems: dict[str, Words] = {}
    if not office.strip() or len(office) > 60:
        problems["office"] = words(N_("请填写单位全称，不超过 60 字，邮件和页面会用到。"))
    if len(name) > 40:
        problems["contact_name"] = words(N_("联系人姓名不超过 40 字。"))
    if phone.strip() and not is_phone(phone.strip()):
        problems["contact_phone"] = words(N_("电话“{phone}”不像电话号码，应像 021-12345678。"), phone=phone)
    return problems


def is_phone(text: str) -> bool:
    """Digits with what people write between them."""
    digits = sum(char.isdigit() for char in text)
    return 3 <= digits <= 20 and len(text) <= 40 and text.isascii() and all(c.isdigit() or c in " +-()," for c in text)


def school_faults(*, code: str, name: str, short_name: str = "", group_name: str = "") -> dict[str, Words]:
    """What is wrong with a school's own fields, by name."""
    problems: dict[str, Words] = {}
    if not (len(code) == 10 and code.isascii() and code.isdigit()):
        problems["code"] = words(N_("学校标识码应为 10 位数字，您填的是“{code}”。"), code=code)
    if not name.strip() or len(name) > 60:
        problems["name"] = words(N_("请填写学校名称，不超过 60 字。"))
    for field, text in (("short_name", short_name), ("group_name", group_name)):
        if len(text) > 30:
            problems[field] = words(N_("这里不超过 30 字。"))
    return problems


def create_school(
    scope: Scope,
    *,
    code: str,
    name: str,
    stage: Stage,
    org_kind: OrgKind,
    short_name: str = "",
    group_name: str = "",
    one_leader: bool = False,
    position: int = 0,
    branches: Sequence[str] = (),
) -> UUID:
    """Make a school with its branches, a 党支部 school at least with one. Invalid names the fields."""
    scope.require(Right.MANAGE)
    code = code.strip()
    problems = school_faults(code=code, name=name, short_name=short_name, group_name=group_name)
    if "code" not in problems and session().scalar(scope.over(sa.select(School.id).where(School.code == code), School)):
        problems["code"] = words(N_("标识码 {code} 的学校已经存在。"), code=code)
    if problems:
        raise Invalid(problems)
    school = School(
        district_id=scope.district, code=code, name=name.strip(), short_name=short_name.strip(), stage=stage,
        org_kind=org_kind, group_name=group_name.strip(), one_leader=one_leader, position=position,
        pinyin=search_key(name.strip(), short_name.strip()),
    )  # fmt: skip
    session().add(school)
    session().flush()
    audit.record(scope, "create", "school", school.id, school_id=school.id, new={"code": code, "name": school.name})
    if branches or org_kind is OrgKind.BRANCH:
        create_branches(scope, school.id, branches or (f"{school.name}党支部",))
    return school.id


def change_school(
    scope: Scope, school_id: UUID, *, code: str, name: str, short_name: str, stage: Stage, org_kind: OrgKind,
    group_name: str, one_leader: bool, position: int,
) -> None:  # fmt: skip
    """Change what a school is. Invalid names the fields."""
    scope.require(Right.MANAGE)
    row = _school(scope, school_id)
    code = code.strip()
    problems = school_faults(code=code, name=name, short_name=short_name, group_name=group_name)
    same = scope.over(sa.select(School.id).where(School.code == code, School.id != school_id), School)
    if "code" not in problems and session().scalar(same):
        problems["code"] = words(N_("标识码 {code} 的学校已经存在。"), code=code)
    if problems:
        raise Invalid(problems)
    old = _told(row)
    row.code, row.name, row.short_name, row.stage, row.org_kind = (
        code,
        name.strip(),
        short_name.strip(),
        stage,
        org_kind,
    )
    row.group_name, row.one_leader, row.position = group_name.strip(), one_leader, position
    row.pinyin = search_key(row.name, row.short_name)
    audit.record(scope, "change", "school", school_id, school_id=school_id, old=old, new=_told(row))


def _told(row: School) -> dict[str, object]:
    """A school as the log keeps it."""
    return {
        "code": row.code, "name": row.name, "short_name": row.short_name, "stage": row.stage, "org_kind": row.org_kind,
        "group": row.group_name, "one_leader": row.one_leader,
    }  # fmt: skip


def close_school(scope: Scope, school_id: UUID, reason: str, now: datetime) -> None:
    """A closed school owes no further report; its history stays."""
    scope.require(Right.MANAGE)
    row = _school(scope, school_id)
    if not reason.strip() or len(reason) > 200:
        raise Invalid({"reason": words(N_("请写明停用的原因，不超过 200 字，会记入日志。"))})
    if row.closed_at is not None:
        raise Conflict(words(N_("这所学校已经停用。")))
    row.closed_at = now
    audit.record(scope, "close", "school", school_id, school_id=school_id, new={"reason": reason.strip()}, now=now)


def reopen_school(scope: Scope, school_id: UUID, now: datetime) -> None:
    """Take a closing back; the school owes reports from the next quarter that opens."""
    scope.require(Right.MANAGE)
    _school(scope, school_id).closed_at = None
    audit.record(scope, "reopen", "school", school_id, school_id=school_id, now=now)


def _school(scope: Scope, school_id: UUID) -> School:
    row = session().scalar(scope.select(School).where(School.id == school_id))
    if row is None:
        raise NotFound
    return row


def create_branches(
    scope: Scope, school_id: UUID, names: Sequence[str], *, has_committee: bool = True, has_groups: bool = True
) -> tuple[UUID, ...]:
    """Make 党支部 of a school, in order, after those that it has. Invalid for a name that is missing or taken."""
    scope.require(Right.MANAGE)
    _school(scope, school_id)
    there = queries.branches(scope, [school_id])[school_id]
    for name in names:
        _check_branch_name(name, {branch.name for branch in there})
    rows = [
        Branch(
            district_id=scope.district, school_id=school_id, name=name.strip(), position=len(there) + position,
            has_committee=has_committee, has_groups=has_groups,
        )
        for position, name in enumerate(names)
    ]  # fmt: skip
    session().add_all(rows)
    session().flush()
    audit.record(scope, "create", "branch", school_id, school_id=school_id, new={"names": [row.name for row in rows]})
    return tuple(row.id for row in rows)


def _check_branch_name(name: str, taken: set[str]) -> None:
    if not name.strip() or len(name) > 60:
        raise Invalid({"branch_name": words(N_("请填写党支部名称，不超过 60 字。"))})
    if name.strip() in taken:
        raise Invalid({"branch_name": words(N_("本校已有“{name}”，请换一个名称。"), name=name.strip())})


def change_branch(
    scope: Scope, school_id: UUID, branch_id: UUID, *, name: str, has_committee: bool, has_groups: bool
) -> None:
    scope.require(Right.MANAGE)
    row = _branch(scope, school_id, branch_id)
    others = {branch.name for branch in queries.branches(scope, [school_id])[school_id] if branch.id != branch_id}
    _check_branch_name(name, others)
    old = {"name": row.name, "has_committee": row.has_committee, "has_groups": row.has_groups}
    row.name, row.has_committee, row.has_groups = name.strip(), has_committee, has_groups
    new = {"name": row.name, "has_committee": has_committee, "has_groups": has_groups}
    audit.record(scope, "change", "branch", branch_id, school_id=school_id, old=old, new=new)


def end_branch(scope: Scope, school_id: UUID, branch_id: UUID, reason: str, now: datetime) -> None:
    """A 党支部 that is no more gives no further values; what it gave stays."""
    scope.require(Right.MANAGE)
    row = _branch(scope, school_id, branch_id)
    if not reason.strip() or len(reason) > 200:
        raise Invalid({"reason": words(N_("请写明撤销的原因，不超过 200 字，会记入日志。"))})
    row.ended_at = now
    new = {"name": row.name, "reason": reason.strip()}
    audit.record(scope, "end", "branch", branch_id, school_id=school_id, new=new, now=now)


def _branch(scope: Scope, school_id: UUID, branch_id: UUID) -> Branch:
    row = session().scalar(
        scope.select(Branch).where(Branch.id == branch_id, Branch.school_id == school_id, Branch.ended_at.is_(None))
    )
    if row is None:
        raise NotFound
    return row


def create_account(
    scope: Scope, *, login: str, name: str, email: str = "", phone: str = "", operator: bool = False,
    city_id: UUID | None = None, district_code: str = "", demo: bool = False, password_hash: str = "",
) -> UUID:  # fmt: skip
    """Make an account without a password; its holder sets one by an invitation. Invalid names the fields.

    A district's account is called `<district code>.<login>`, so that no other district's names can be probed.
    """
    scope.require(Right.OPERATE if operator or city_id else Right.MANAGE)
    full = f"{district_code}.{login.strip().lower()}" if district_code else login.strip().lower()
    problems = account_faults(full, name, email, phone)
    taken = session().scalar(scope.over(sa.select(Account.id).where(Account.login == full)))
    if taken and "login" not in problems:
        problems["login"] = words(N_("登录名 {login} 已被使用，请换一个。"), login=full)
    if problems:
        raise Invalid(problems)
    account = Account(
        district_id=scope.district_id, login=full, name=name.strip(), email=email.strip(), phone=phone.strip(),
        operator=operator, city_id=city_id, demo=demo, password_hash=password_hash,
    )  # fmt: skip
    session().add(account)
    session().flush()
    audit.record(scope, "create", "account", account.id, new={"login": full})
    return account.id


def change_account(scope: Scope, account_id: UUID, *, name: str, email: str, phone: str) -> None:
    """Correct how a person of this district is called and reached."""
    scope.require(Right.MANAGE)
    row = _account(scope, account_id)
    problems = account_faults(row.login, name, email, phone)
    if problems:
        raise Invalid(problems)
    changed = [
        field for field, new in (("name", name), ("email", email), ("phone", phone)) if getattr(row, field) != new
    ]
    row.name, row.email, row.phone = name.strip(), email.strip(), phone.strip()
    audit.record(scope, "change", "account", account_id, new={"fields": changed})


def _account(scope: Scope, account_id: UUID) -> Account:
    """A living account that `scope` manages: of its district, or of the installation for an operator."""
    row = session().scalar(scope.over(sa.select(Account).where(Account.id == account_id)))
    if row is None or row.district_id != scope.district_id or row.disabled_at is not None:
        raise NotFound
    return row


def disable_account(scope: Scope, account_id: UUID, now: datetime) -> None:
    """End an operator's or a city viewer's account; nobody ends their own."""
    scope.require(Right.OPERATE)
    row = _account(scope, account_id)
    if account_id == scope.account_id:
        raise Conflict(words(N_("不能停用自己的账号，请由另一位运维办理。")))
    row.disabled_at = now
    sessions.end_all_sessions(account_id, now)
    audit.record(scope, "disable", "account", account_id, old={"login": row.login}, now=now)


def account_faults(login: str, name: str, email: str, phone: str = "") -> dict[str, Words]:
    """What is wrong with a person's own fields, by name."""
    problems: dict[str, Words] = {}
    if not (2 <= len(login) <= 60 and login.isascii() and all(char.isalnum() or char in "._-" for char in login)):
        problems["login"] = words(N_("登录名请用字母、数字、点或短横，至少 2 位。"))
    if not name.strip() or len(name) > 40:
        problems["name"] = words(N_("请填写姓名，不超过 40 字。"))
    if phone.strip() and not is_phone(phone.strip()):
        problems["phone"] = words(N_("电话“{phone}”不像电话号码，应像 13812345678。"), phone=phone)
    if email.strip() and not is_address(email.strip()):
        problems["email"] = words(N_("邮箱“{email}”格式不对，应像 name@example.cn。"), email=email)
    return problems


def is_address(text: str) -> bool:
    """Whether mail could be sent there: one @ between two plain parts, nothing that could break a header."""
    local, at, host = text.partition("@")
    plain = all(char.isalnum() or char in "._%+-" for char in local + host)
    return bool(text.isascii() and local and at and "." in host.strip(".") and plain and len(text) <= 120)


def add_post(
    scope: Scope, account_id: UUID, role: Role, *, school_id: UUID | None = None, own_school_id: UUID | None = None
) -> UUID:
    """Give an account of this district a post; a school's post names its school."""
    scope.require(Right.MANAGE)
    if (role in SCHOOL_ROLES) != (school_id is not None):
        raise Invalid({"school_id": words(N_("学校的岗位要选学校，区里的岗位不选。"))})
    for each in (school_id, own_school_id):
        if each is not None:
            _school(scope, each)
    if role in (Role.CITY_VIEWER, Role.OPERATOR, Role.JOB):
        raise Forbidden
    owner = session().scalar(scope.over(sa.select(Account.district_id).where(Account.id == account_id)))
    if owner != scope.district:
        raise NotFound
    for post in queries.colleagues(scope, account_id=account_id):
        if (post.role, post.school_id) == (role, school_id):
            raise Invalid({"role": words(N_("这个人已经有这个岗位。"))})
    row = Membership(
        district_id=scope.district, account_id=account_id, role=role, school_id=school_id, own_school_id=own_school_id
    )
    session().add(row)
    session().flush()
    audit.record(scope, "add_post", "account", account_id, school_id=school_id, new={"role": role})
    return row.id


def end_post(scope: Scope, membership_id: UUID, now: datetime, *, reason: str) -> None:
    """End a post and with it every session of the account; one's own, and the last administrator's, stay."""
    scope.require(Right.MANAGE)
    if not reason.strip() or len(reason) > 200:
        raise Invalid({"reason": words(N_("请写明结束岗位的原因，不超过 200 字，会记入日志。"))})
    row = session().scalar(
        scope.select(Membership).where(Membership.id == membership_id, Membership.ended_at.is_(None))
    )
    if row is None:
        raise NotFound
    if row.account_id == scope.account_id:
        raise Conflict(words(N_("不能结束自己的岗位，请由另一位管理员办理。")))
    if row.role is Role.ADMIN and len(queries.colleagues(scope, role=Role.ADMIN)) == 1:
        raise Conflict(words(N_("这是本区唯一的管理员，请先增加另一位管理员。")))
    row.ended_at = now
    sessions.end_all_sessions(row.account_id, now)
    told = {"role": row.role, "reason": reason.strip()}
    audit.record(scope, "end_post", "account", row.account_id, school_id=row.school_id, new=told, now=now)


def invite(scope: Scope, account_id: UUID, purpose: Purpose, now: datetime) -> str:
    """A one-time token with which the account's holder sets a password; earlier ones stop working."""
    scope.require(Right.OPERATE if scope.district_id is None else Right.MANAGE)
    _account(scope, account_id)
    token = issue_link(account_id, purpose, now)
    audit.record(scope, purpose, "account", account_id, now=now)
    return token


def issue_link(account_id: UUID | None, purpose: Purpose, now: datetime) -> str:
    """Write a one-time link; only its hash is kept."""
    token = new_token()
    same = (CredentialLink.account_id == account_id, CredentialLink.purpose == purpose)
    session().execute(sa.update(CredentialLink).where(*same, CredentialLink.used_at.is_(None)).values(used_at=now))
    session().add(
        CredentialLink(
            token_hash=token_hash(token), account_id=account_id, purpose=purpose, expires_at=now + LINK_LIFE[purpose]
        )
    )
    session().flush()
    return token


def living_link(token: str, now: datetime) -> CredentialLink:
    """The unused, unexpired link of `token`; NotFound otherwise."""
    row = session().scalar(sa.select(CredentialLink).where(CredentialLink.token_hash == token_hash(token)))
    if row is None or row.used_at is not None or row.expires_at <= now:
        raise NotFound(DEAD_LINK)
    return row


def use_link(scope: Scope, token: str, password: str, now: datetime) -> UUID:
    """Set the password by a one-time link and end all sessions; `scope.account_id` must be the link's account."""
    link = living_link(token, now)
    account = session().scalar(scope.over(sa.select(Account).where(Account.id == scope.account_id)))
    if account is None or link.account_id != account.id or account.disabled_at:
        raise NotFound
    _set_password(account, password, now)
    _use_up(link, now)
    audit.record(scope, "set_password", "account", account.id, now=now)
    return account.id


def _use_up(link: CredentialLink, now: datetime) -> None:
    """Of two who use one link at the same moment, the second finds nothing."""
    used = session().execute(
        sa.update(CredentialLink)
        .where(CredentialLink.token_hash == link.token_hash, CredentialLink.used_at.is_(None))
        .values(used_at=now)
    )
    if used.rowcount != 1:  # type: ignore[attr-defined]
        raise NotFound(DEAD_LINK)


def change_password(scope: Scope, old: str, new: str, now: datetime) -> None:
    """Change one's own password; every session ends, the present one included."""
    account = session().scalar(scope.over(sa.select(Account).where(Account.id == scope.account_id)))
    if account is None or not matches(account.password_hash, old):
        raise Invalid({"old": words(N_("原密码不对，请再输一次。"))})
    _set_password(account, new, now)
    audit.record(scope, "set_password", "account", account.id, now=now)


def _set_password(account: Account, password: str, now: datetime) -> None:
    fault = fault_of(password, account.login)
    if fault:
        raise Invalid({"password": fault})
    account.password_hash, account.password_at = hash_password(password), now
    sessions.end_all_sessions(account.id, now)


def first_operator(scope: Scope, token: str, *, login: str, name: str, password: str, now: datetime) -> UUID:
    """The installation's first operator, by the one-time code from the console; NotFound once there is one."""
    try:
        link = living_link(token.strip(), now)
    except NotFound:
        raise Invalid({"code": words(N_("安装码不对或已过期，请运行 linghang init 再取一个。"))}) from None
    if link.purpose is not Purpose.SETUP or queries.has_operator(scope):
        raise NotFound
    fault = fault_of(password, login)
    if fault:
        raise Invalid({"password": fault})
    account_id = create_account(scope, login=login, name=name, operator=True)
    account = session().scalar(scope.over(sa.select(Account).where(Account.id == account_id)))
    if account is None:
        raise NotFound
    account.password_hash, account.password_at = hash_password(password), now
    _use_up(link, now)
    return account_id


def set_locale(scope: Scope, locale: str) -> None:
    account = session().scalar(scope.over(sa.select(Account).where(Account.id == scope.account_id)))
    if account is not None:
        account.locale = locale
