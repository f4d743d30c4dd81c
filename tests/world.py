"""One world of people for every test: two districts of one city, and an outsider for every insider.

Alice reports for the first school, Bob is its secretary; Carol reports for the second school of the same district,
where Rita the reviewer comes from; Ada administers, Vera looks. Zoe and Yan belong to the other district.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from uuid import UUID

from flask.testing import FlaskClient

from tenants.db import transaction
from tenants.quarter import Quarter
from tenants.reporting import actions as reporting
from tenants.reporting import queries
from tenants.reporting.actions import Given
from tenants.reporting.validation import Entry
from tenants.schemes import actions as schemes
from tenants.schools import actions, sessions
from tenants.schools.models import OrgKind, Stage
from tenants.schools.sessions import Person, Post
from tenants.scope import DISTRICT_ROLES, Role, Scope
from tenants.scoring.values import Indicator, Kind, Ratio

NOW = datetime(2026, 7, 5, 2, 0, tzinfo=UTC)
QUARTER = Quarter(2026, 2)
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Someone:
    """A person of the world: the scope they get at sign-in, and what a session is opened with."""

    name: str
    scope: Scope
    person: Person
    post: Post

    def sign_in(self, client: FlaskClient) -> FlaskClient:
        """Give `client` a living session of this person, as the sign-in page would."""
        with transaction(self.scope):
            token = sessions.open_session(self.person, self.post, "127.0.0.1", NOW)
        with client.session_transaction() as cookie:
            cookie.clear()
            cookie["_user_id"] = token
            cookie["_fresh"] = True
        return client


@dataclass(frozen=True)
class World:
    district: UUID
    other_district: UUID
    city: UUID
    school: UUID
    second_school: UUID
    other_school: UUID
    alice: Someone
    bob: Someone
    carol: Someone
    dave: Someone
    rita: Someone
    ada: Someone
    vera: Someone
    zoe: Someone
    yan: Someone
    city_viewer: Someone
    oscar: Someone
    job: Scope
    other_job: Scope

    @property
    def people(self) -> tuple[Someone, ...]:
        return (
            self.alice, self.bob, self.carol, self.dave, self.rita, self.ada, self.vera, self.zoe, self.yan,
            self.city_viewer, self.oscar,
        )  # fmt: skip


def scheme_text() -> str:
    return (files("tenants.schemes") / "default_scheme.yaml").read_text("utf-8")


def job_scope(district_id: UUID | None) -> Scope:
    return Scope(role=Role.JOB, actor="系统", district_id=district_id, whole_district=district_id is not None)


def build() -> World:
    """Make the world through the product's own actions, committed."""
    install = Scope(role=Role.OPERATOR, actor="install")
    with transaction(install):
        oscar_id = actions.create_account(install, login="oscar", name="欧运维", operator=True)
        city = actions.create_city(install, "江州市")
        district = actions.create_district(install, code="xq", name="西区", office="中共西区委教育工委", city_id=city)
        other = actions.create_district(install, code="dq", name="东区", office="中共东区委教育工委", city_id=city)
        city_id = actions.create_account(install, login="chengshi", name="程市长", city_id=city)
    first = _district(district, "xq", (("1234567801", "第一小学"), ("1234567802", "第二中学")))
    second = _district(other, "dq", (("1234567901", "东风小学"),))
    (school, second_school), (other_school,) = first, second
    return World(
        district, other, city, school, second_school, other_school,
        alice=_person(district, "xq", "alice", "艾丽思", Role.REPORTER, school),
        bob=_person(district, "xq", "bob", "鲍书记", Role.SECRETARY, school),
        carol=_person(district, "xq", "carol", "卡罗尔", Role.REPORTER, second_school),
        dave=_person(district, "xq", "dave", "戴书记", Role.SECRETARY, second_school),
        rita=_person(district, "xq", "rita", "李审核", Role.REVIEWER, own=second_school),
        ada=_person(district, "xq", "ada", "安管理", Role.ADMIN),
        vera=_person(district, "xq", "vera", "魏领导", Role.VIEWER),
        zoe=_person(other, "dq", "zoe", "左管理", Role.ADMIN),
        yan=_person(other, "dq", "yan", "严干事", Role.REPORTER, other_school),
        city_viewer=_installation(city_id, "chengshi", "程市长", Post(Role.CITY_VIEWER, city_id=city), {district, other}),
        oscar=_installation(oscar_id, "oscar", "欧运维", Post(Role.OPERATOR), set()),
        job=job_scope(district), other_job=job_scope(other),
    )  # fmt: skip


def admin_scope(district_id: UUID) -> Scope:
    return Scope(role=Role.ADMIN, actor="install", district_id=district_id, whole_district=True)


def _district(district_id: UUID, _code: str, schools: tuple[tuple[str, str], ...]) -> tuple[UUID, ...]:
    scope = admin_scope(district_id)
    with transaction(scope):
        version = schemes.import_scheme(scope, scheme_text(), NOW)
        made = tuple(
            actions.create_school(
                scope, code=code, name=name, stage=Stage.PRIMARY if "小学" in name else Stage.JUNIOR,
                org_kind=OrgKind.BRANCH, group_name="城区片", position=position,
            )
            for position, (code, name) in enumerate(schools)
        )  # fmt: skip
        reporting.set_dates(scope, QUARTER, **dates(QUARTER), scheme_version_id=version, now=NOW)
        reporting.open_quarter(scope, QUARTER, NOW)
    return made


def dates(quarter: Quarter) -> dict[str, datetime]:
    """Opens ten days before the quarter's end, due ten days after it, late from the 13th, locked on the 20th."""
    from zoneinfo import ZoneInfo

    end = quarter.ends(ZoneInfo("Asia/Shanghai"))
    return {
        "opens_at": end - timedelta(days=10), "due_at": end + timedelta(days=10), "late_from": end + timedelta(days=12),
        "locks_at": end + timedelta(days=19),
    }  # fmt: skip


def _person(
    district_id: UUID,
    code: str,
    login: str,
    name: str,
    role: Role,
    school_id: UUID | None = None,
    *,
    own: UUID | None = None,
) -> Someone:
    scope = admin_scope(district_id)
    with transaction(scope):
        account = actions.create_account(
            scope, login=login, name=name, email=f"{login}@{code}.example", district_code=code
        )
        membership = actions.add_post(scope, account, role, school_id=school_id, own_school_id=own)
    mine = Scope(
        role=role, account_id=account, actor=name, district_id=district_id, whole_district=role in DISTRICT_ROLES,
        schools=frozenset({school_id} if school_id else ()), own_school_id=own,
    )  # fmt: skip
    person = Person(account, f"{code}.{login}", name, "zh", operator=False, city_id=None, district_id=district_id)
    return Someone(name, mine, person, Post(role, district_id, membership, school_id, own_school_id=own))


def _installation(account: UUID, login: str, name: str, post: Post, districts: set[UUID]) -> Someone:
    scope = Scope(role=post.role, account_id=account, actor=name, published_in=frozenset(districts))
    person = Person(
        account, login, name, "zh", operator=post.role is Role.OPERATOR, city_id=post.city_id, district_id=None
    )
    return Someone(name, scope, person, post)


def good_entry(indicator: Indicator, quarter: int) -> Entry:
    """A value with which the indicator earns all its points."""
    target = indicator.target_in(quarter)
    if indicator.kind is Kind.BOOLEAN:
        return Entry(value=True)
    if indicator.checklist:
        return Entry(ticked=indicator.checklist)
    if indicator.kind is Kind.RATIO:
        assert isinstance(target, Decimal)
        return Entry(value=Ratio(target * 100, Decimal(100)))
    return Entry(value=target if isinstance(target, Decimal) else Decimal(0))


def fill(scope: Scope, school_id: UUID, quarter: Quarter = QUARTER, now: datetime = NOW, **given: Entry) -> None:
    """Save a whole report with full points, but for `given` (code → entry); within a transaction of the caller."""
    sheet = queries.sheet(scope, school_id, quarter)
    entries = {
        (indicator.code, unit.id): Given(given.get(indicator.code, good_entry(indicator, quarter.number)))
        for indicator in sheet.asked()
        for unit in sheet.units[indicator.code]
    }
    reporting.save(scope, school_id, quarter, entries, now=now)


def send(world: World, reporter: Someone, secretary: Someone, now: datetime = NOW, **given: Entry) -> None:
    """A school's report, filled, handed in and approved: it waits for the district. Committed."""
    school_id = reporter.scope.school
    with transaction(reporter.scope):
        fill(reporter.scope, school_id, now=now, **given)
        reporting.submit(reporter.scope, school_id, QUARTER, now)
    with transaction(secretary.scope):
        reporting.approve(secretary.scope, school_id, QUARTER, now)
