"""Loading the demo: every number goes through the actions that people use, at the times at which they would."""

import multiprocessing
import secrets
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Flask

from jobs import compute_scores, mark_overdue, remind
from jobs.deliver_mail import Desk, deliver_all
from jobs.mailer import MemoryMailer
from tenants.db import db, transaction
from tenants.quarter import Quarter
from tenants.reporting import actions as reporting
from tenants.reporting import evidence, queries
from tenants.reporting.actions import Given
from tenants.reporting.evidence import DiskStore
from tenants.reporting.validation import Entry
from tenants.reporting.workflow import State
from tenants.results import actions as results
from tenants.schemes import actions as schemes
from tenants.schemes.format import default_text
from tenants.schools import actions as schools
from tenants.schools.passwords import hash_password
from tenants.scope import ROLE_NAMES, Role, Scope
from web import database
from web.config import Settings
from web.demo import behaviour, names
from web.demo.behaviour import Character, Times
from web.demo.names import DistrictPlan, SchoolPlan

SEED = "linghang"
PAST_QUARTERS = 7
ZONE = ZoneInfo("Asia/Shanghai")
STAFF = {Role.ADMIN: "admin", Role.REVIEWER: "reviewer", Role.VIEWER: "leader"}
WITH_MAIL = 6
"""Schools of a district whose people have an address; the others are told at meetings."""
MORE_TIME = timedelta(days=5)
"""The running quarter of the demo is due so long after loading."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """One person whom the demo's visitor may be."""

    who: str
    login: str
    password: str
    account_id: UUID


@dataclass(slots=True)
class Team:
    """The scopes of one school's two people."""

    plan: SchoolPlan
    school_id: UUID
    reporter: Scope
    secretary: Scope
    who: Character


@dataclass(slots=True)
class District:
    plan: DistrictPlan
    id: UUID
    admin: Scope
    reviewer: Scope
    version: UUID
    teams: list[Team] = field(default_factory=list)

    @property
    def job(self) -> Scope:
        return Scope(role=Role.JOB, actor="系统", district_id=self.id, whole_district=True)


def load(app: Flask, settings: Settings, now: datetime, say: Callable[[str], None]) -> list[SignIn]:
    """Load everything and return the sign-ins of one person for each role; a minute's work at most."""
    hidden = hash_password(secrets.token_urlsafe(24))
    with app.app_context():
        signs, districts = _people(now, hidden)
        db.session.remove()
        db.engine.dispose()
    say("正在载入演示数据：两个区、87 所学校、八个季度（约一分钟）…")
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_live_through, args=(app, settings, each, now)) for each in districts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise RuntimeError("the demo could not be loaded; see the messages above")
    return signs


def _people(now: datetime, hidden: str) -> tuple[list[SignIn], list[District]]:
    install = Scope(role=Role.OPERATOR, actor="演示")
    signs: list[SignIn] = []
    with transaction(install):
        city = schools.create_city(install, names.CITY)
        signs.append(_sign_in(install, "运维", "operator", "欧阳运维", operator=True))
        signs.append(_sign_in(install, "市级领导", "city", "市教育工委领导", city_id=city))
        ids = [
            schools.create_district(install, code=plan.code, name=plan.name, office=plan.office, city_id=city)
            for plan in names.districts()
        ]
    districts = [
        _district(plan, district_id, now, hidden, signs)
        for plan, district_id in zip(names.districts(), ids, strict=True)
    ]
    return signs, districts


def _sign_in(
    scope: Scope, who: str, login: str, name: str, *, district_code: str = "", email: str = "", phone: str = "",
    operator: bool = False, city_id: UUID | None = None,
) -> SignIn:  # fmt: skip
    """An account with a fresh password, known to the visitor alone."""
    password = secrets.token_urlsafe(9)
    account = schools.create_account(
        scope, login=login, name=name, district_code=district_code, email=email, phone=phone, operator=operator, city_id=city_id,
        demo=True, password_hash=hash_password(password),
    )  # fmt: skip
    return SignIn(who, f"{district_code}.{login}" if district_code else login, password, account)


def _district(plan: DistrictPlan, district_id: UUID, now: datetime, hidden: str, signs: list[SignIn]) -> District:
    random = Random(f"{SEED}/{plan.code}")
    setup = Scope(role=Role.ADMIN, actor="演示", district_id=district_id, whole_district=True)
    with transaction(setup):
        schools.change_district(
            setup, office=plan.office, contact_name=plan.contact[0], contact_phone=plan.contact[1],
            disclosure=plan.disclosure,
        )  # fmt: skip
        version = schemes.import_scheme(setup, default_text(), now - timedelta(days=900))
        staff: dict[Role, Scope] = {}
        for role, login in STAFF.items():
            name, email = names.person(random), f"{login}@{plan.code}.example"
            sign = _sign_in(setup, f"{plan.name}{ROLE_NAMES[role]}", login, name, district_code=plan.code, email=email)
            signs.append(sign)
            schools.add_post(setup, sign.account_id, role)
            staff[role] = Scope(
                role=role, account_id=sign.account_id, actor=name, district_id=district_id, whole_district=True
            )
        district = District(plan, district_id, staff[Role.ADMIN], staff[Role.REVIEWER], version)
        for position, school in enumerate(plan.schools):
            district.teams.append(_team(setup, plan, school, position, hidden, random, signs))
    return district


def _team(
    setup: Scope, plan: DistrictPlan, school: SchoolPlan, position: int, hidden: str, random: Random,
    signs: list[SignIn],
) -> Team:  # fmt: skip
    school_id = schools.create_school(
        setup, code=school.code, name=school.name, short_name=school.short_name, stage=school.stage,
        org_kind=school.org_kind, group_name=school.group_name, one_leader=school.one_leader, position=position,
        branches=school.branches,
    )  # fmt: skip
    shown = position == 0 or school.name.endswith(names.TRIAL_SCHOOL)
    scopes: dict[Role, Scope] = {}
    for role, short, title in ((Role.REPORTER, "gs", "党务干事"), (Role.SECRETARY, "sj", "书记")):
        name, login = names.person(random), f"{short}{position + 1:02d}"
        email = f"{login}@{plan.code}.example" if position < WITH_MAIL or shown else ""
        phone = f"1390000{position * 2 + len(scopes):04d}"
        if shown:
            sign = _sign_in(
                setup, f"{school.name}{title}", login, name, district_code=plan.code, email=email, phone=phone
            )
            signs.append(sign)
            account = sign.account_id
        else:
            account = schools.create_account(
                setup, login=login, name=name, district_code=plan.code, email=email, phone=phone, demo=True,
                password_hash=hidden,
            )  # fmt: skip
        schools.add_post(setup, account, role, school_id=school_id)
        scopes[role] = Scope(
            role=role, account_id=account, actor=name, district_id=setup.district, schools=frozenset({school_id})
        )
    who = behaviour.character(f"{SEED}/{school.code}", staff=220 if school.name.endswith(names.TRIAL_SCHOOL) else 0)
    return Team(school, school_id, scopes[Role.REPORTER], scopes[Role.SECRETARY], who)


def _live_through(app: Flask, settings: Settings, district: District, now: datetime) -> None:
    """One district's seven past quarters and the running one, step by step in the order of time."""
    with app.app_context():
        database.hasten(app)
        running = Quarter.of(now).previous
        for quarters_on in range(PAST_QUARTERS):
            _past_quarter(district, running.plus(quarters_on - PAST_QUARTERS), quarters_on, settings, now)
        _running_quarter(district, running, settings, now)
        deliver_all(district.job, now, Desk(MemoryMailer(), settings.public_base_url, settings.mail_from))
        db.session.remove()
        db.engine.dispose()


def _past_quarter(district: District, quarter: Quarter, quarters_on: int, settings: Settings, now: datetime) -> None:
    end = quarter.ends(ZONE)
    opens, due = end - timedelta(days=10), end + timedelta(days=9, hours=18)
    late_from, locks = end + timedelta(days=12), end + timedelta(days=19)
    _open(district, quarter, opens, due, late_from, locks)
    recent = quarters_on >= PAST_QUARTERS - 1
    steps: list[tuple[datetime, Callable[[datetime], None]]] = []
    for team in district.teams:
        random = Random(f"{SEED}/{team.plan.code}/{quarter}")
        times = behaviour.times(team.who, opens, due, late_from, random)
        steps += _steps(district, team, quarter, quarters_on, times, random, settings, with_evidence=recent)
    for at, step in sorted(steps, key=lambda pair: pair[0]):
        step(at)
    if recent:
        for at in (due - timedelta(days=3), due + timedelta(days=1)):
            remind.run(district.job, at)
            mark_overdue.run(district.job, at)
    compute_scores.run(district.job, locks + timedelta(days=1))
    with transaction(district.admin):
        results.open_appeal(district.admin, quarter, locks + timedelta(days=2))
    with transaction(district.admin):
        results.publish(district.admin, quarter, locks + timedelta(days=6))


def _running_quarter(district: District, quarter: Quarter, settings: Settings, now: datetime) -> None:
    opens = now - timedelta(days=20)
    due = datetime.combine((now + MORE_TIME).astimezone(ZONE).date(), datetime.min.time(), ZONE) + timedelta(hours=18)
    _open(district, quarter, opens, due.astimezone(UTC), due + timedelta(days=3), due + timedelta(days=10))
    steps: list[tuple[datetime, Callable[[datetime], None]]] = []
    for team in district.teams:
        random = Random(f"{SEED}/{team.plan.code}/{quarter}")
        times = behaviour.live_times(opens, now, random, _shown(team))
        steps += _steps(district, team, quarter, PAST_QUARTERS, times, random, settings, with_evidence=True)
    for at, step in sorted(steps, key=lambda pair: pair[0]):
        step(at)
    compute_scores.run(district.job, now)


def _shown(team: Team) -> str:
    """Visitors who sign in at a school find something to do: a secretary to approve, a reporter to fill."""
    name = team.plan.name
    return "submitted" if name.endswith("区第一小学") else "filled" if name.endswith(names.TRIAL_SCHOOL) else ""


def _open(
    district: District, quarter: Quarter, opens: datetime, due: datetime, late: datetime, locks: datetime
) -> None:
    with transaction(district.admin):
        reporting.set_dates(
            district.admin, quarter, opens_at=opens, due_at=due, late_from=late, locks_at=locks,
            scheme_version_id=district.version, now=opens - timedelta(days=10),
        )  # fmt: skip
    with transaction(district.job):
        reporting.open_quarter(district.job, quarter, opens)


def _steps(
    district: District, team: Team, quarter: Quarter, quarters_on: int, times: Times, random: Random, settings: Settings,
    *, with_evidence: bool,
) -> Iterator[tuple[datetime, Callable[[datetime], None]]]:  # fmt: skip
    """What one school and its reviewer do in a quarter, each with its time."""
    strength = team.who.strength(quarters_on, random)
    sent = times.submitted is not None

    def fill(at: datetime) -> None:
        with transaction(team.reporter):
            _fill(team, quarter, strength, Random(f"{SEED}/{team.plan.code}/{quarter}/fill"), at, whole=sent)
            if with_evidence:
                _attach(team, quarter, settings, at)
            if times.submitted:
                reporting.submit(team.reporter, team.school_id, quarter, times.submitted)

    def approve(at: datetime) -> None:
        with transaction(team.secretary):
            reporting.approve(team.secretary, team.school_id, quarter, at)

    def send_back(at: datetime) -> None:
        _return(district, team, quarter, random, at)

    def mend(at: datetime) -> None:
        _mend(team, quarter, at)

    def accept(at: datetime) -> None:
        with transaction(district.reviewer):
            reporting.accept(district.reviewer, team.school_id, quarter, at)

    plan = (
        (times.filled, fill), (times.approved, approve), (times.returned, send_back),
        (times.mended, mend), (times.accepted, accept),
    )  # fmt: skip
    return ((at, step) for at, step in plan if at is not None)


def _fill(team: Team, quarter: Quarter, strength: float, random: Random, at: datetime, *, whole: bool) -> None:
    scope = team.reporter
    sheet = queries.sheet(scope, team.school_id, quarter)
    given: dict[reporting.Key, Given] = {}
    for indicator in sheet.asked():
        trial = behaviour.trial_entry(indicator, quarter) if team.plan.name.endswith(names.TRIAL_SCHOOL) else None
        for unit in sheet.units[indicator.code]:
            entry = trial or behaviour.entry(indicator, quarter, team.who, strength, random)
            if whole or random.random() < 0.6:
                given[indicator.code, unit.id] = Given(entry)
    if whole and random.random() < 0.08:
        _not_applicable(given, random)
    reporting.save(scope, team.school_id, quarter, given, now=at)


def _not_applicable(given: dict[reporting.Key, Given], random: Random) -> None:
    """Now and then an indicator does not concern a school, with its reason."""
    for key in given:
        if key[0] == "recruit_violation_count":
            reason = random.choice(("本季度没有发展党员工作", "本季度未开展发展党员，无相关程序"))
            given[key] = Given(Entry(na_reason=reason))


def _attach(team: Team, quarter: Quarter, settings: Settings, at: datetime) -> None:
    scope, store = team.reporter, DiskStore(settings.evidence_dir)
    for code, title in (("party_meeting_count", "党组织会议纪要"), ("theme_party_day_count", "主题党日签到表")):
        evidence.attach(
            scope, store, team.school_id, quarter, code, f"{title}-{at:%Y-%m-%d}.png",
            picture(f"{team.plan.code}/{quarter}/{code}"), limit_mb=settings.upload_limit_mb, now=at,
        )  # fmt: skip


def picture(seed: str) -> bytes:
    """A small PNG that differs for each seed: a page with lines, as a scanned sheet looks from afar."""
    random = Random(seed)
    width, height = 120, 170
    rows = []
    for y in range(height):
        inked = y % 12 in (3, 4) and y > 20
        end = random.randint(60, 110) if inked else 0
        rows.append(b"\x00" + bytes(90 if inked and 10 <= x < end else 250 for x in range(width)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"),
            _chunk(b"IDAT", zlib.compress(b"".join(rows))),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def _return(district: District, team: Team, quarter: Quarter, random: Random, at: datetime) -> None:
    with transaction(district.reviewer):
        sheet = queries.sheet(district.reviewer, team.school_id, quarter)
        if sheet.report.state is not State.AWAITING_REVIEW:
            return
        codes = random.sample([indicator.code for indicator in sheet.asked()], k=random.randint(1, 3))
        reasons = {code: random.choice(behaviour.REASONS) for code in codes}
        reporting.return_items(district.reviewer, team.school_id, quarter, reasons, at)


def _mend(team: Team, quarter: Quarter, at: datetime) -> None:
    """The school answers each returned item, and the report goes up again."""
    scope = team.reporter
    with transaction(scope):
        sheet = queries.sheet(scope, team.school_id, quarter)
        given = {
            (code, unit.id): Given(sheet.stored[code, unit.id].entry, note="已按要求补充材料，数据核对无误。")
            for code in sheet.to_mend
            for unit in sheet.units[code]
        }
        reporting.save(scope, team.school_id, quarter, given, now=at)
        reporting.submit(scope, team.school_id, quarter, at)
    with transaction(team.secretary):
        reporting.approve(team.secretary, team.school_id, quarter, at + timedelta(hours=2))
