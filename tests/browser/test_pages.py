"""Every page that a role can reach, in both languages and at both widths; without JavaScript; by keyboard alone."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tenants.db import transaction
from tenants.quarter import Quarter
from tenants.reporting import actions as reporting
from tenants.reporting.queries import quarter_view
from tenants.reporting.validation import Entry
from tenants.results import actions as results
from tenants.schemes.format import default_scheme
from tenants.schools import actions as schools
from tenants.schools.models import OrgKind, Purpose, Stage
from tenants.scope import Role, Scope
from tests.browser.conftest import served_copy
from tests.browser.site import Site, Visitor, Window, give_passwords
from tests.browser.test_loop import fill_everything
from tests.web.operations.machine import eventually
from tests.world import PASSWORD, QUARTER, Someone, World, fill, send
from web.operations.postgres import Cluster

pytestmark = pytest.mark.browser
Q = QUARTER.slug
LAST = QUARTER.previous
BEFORE = LAST.previous
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 360, "height": 740}
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
}
PEOPLE = ("alice", "carol", "xq.frank", "rita", "ada", "vera", "city_viewer", "oscar")
FILES = re.compile(r"\.(xlsx|csv|yaml|docx|pdf)$|/evidence/|/export")
UNFILLED = re.compile(r"%\(\w+\)|\{\w+\}|\bUndefined\b|N_\(")
CODE = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")
CHINESE = re.compile(r"[\u4e00-\u9fff]+")
SHELL = (
    "header.top, nav, footer, h1, h2, h3, thead th, main button, main label, main legend, main summary, main caption"
)
"""Where the product's own words stand; the rest may be what people and schemes say."""


# ---- a district in the middle of its work --------------------------------------------------------------------------


def at_work(world: World, now: datetime) -> None:
    """Two quarters are published, the last without any fault; in this one a school waits for the district, one is
    filling, one waits for its secretary."""
    give_passwords(world, (world.alice,))
    frank = third_school(world)
    publish(world, BEFORE, now - timedelta(days=100), party_meeting_count=Entry(value=Decimal(1)))
    publish(world, LAST, now - timedelta(days=50))
    with transaction(world.ada.scope):
        reporting.open_quarter(world.ada.scope, QUARTER, now)
    send(world, world.alice, world.bob, now)
    with transaction(frank):
        fill(frank, frank.school, QUARTER, now)
        reporting.submit(frank, frank.school, QUARTER, now)


def publish(world: World, quarter: Quarter, past: datetime, **lacking: Entry) -> None:
    """The whole way of two schools through a quarter; the second one's report is `lacking`."""
    ada = world.ada.scope
    with transaction(ada):
        reporting.set_dates(
            ada, quarter, opens_at=past - timedelta(days=20), due_at=past + timedelta(days=5),
            late_from=past + timedelta(days=6), locks_at=past + timedelta(days=7),
            scheme_version_id=quarter_view(ada, QUARTER).scheme_version_id, now=past,
        )  # fmt: skip
        reporting.open_quarter(ada, quarter, past)
    for reporter, secretary, given in ((world.alice, world.bob, {}), (world.carol, world.dave, lacking)):
        school = reporter.scope.school
        with transaction(reporter.scope):
            fill(reporter.scope, school, quarter, past, **given)
            reporting.submit(reporter.scope, school, quarter, past)
        with transaction(secretary.scope):
            reporting.approve(secretary.scope, school, quarter, past)
        with transaction(ada):
            reporting.accept(ada, school, quarter, past + timedelta(days=1))
        with transaction(world.job):
            results.compute(world.job, school, quarter, now=past + timedelta(days=2))
    with transaction(ada):
        results.open_appeal(ada, quarter, past + timedelta(days=8))
    with transaction(ada):
        results.publish(ada, quarter, past + timedelta(days=14), partial=True)


def third_school(world: World) -> Scope:
    """A school whose reporter is Erin and whose secretary is Frank; the scope of Erin."""
    ada = world.ada.scope
    with transaction(ada):
        school = schools.create_school(
            ada, code="1234567803", name="第三幼儿园", stage=Stage.KINDERGARTEN, org_kind=OrgKind.BRANCH, group_name="城区片",
            position=3,
        )  # fmt: skip
        ids = {}
        for login, name, role in (("erin", "艾林", Role.REPORTER), ("frank", "方书记", Role.SECRETARY)):
            ids[login] = schools.create_account(
                ada, login=login, name=name, email=f"{login}@xq.example", district_code="xq"
            )
            schools.add_post(ada, ids[login], role, school_id=school)
        token = schools.invite(ada, ids["frank"], Purpose.INVITE, datetime.now().astimezone())
    door = Scope(role=Role.VIEWER, account_id=ids["frank"], district_id=ada.district_id)
    with transaction(door):
        schools.use_link(door, token, PASSWORD, datetime.now().astimezone())
    return Scope(
        role=Role.REPORTER,
        account_id=ids["erin"],
        actor="艾林",
        district_id=ada.district_id,
        schools=frozenset({school}),
    )


@pytest.fixture(scope="module")
def served(
    chromium: Browser, cluster: Cluster, template: tuple[Flask, World], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with served_copy(cluster, template, tmp_path_factory.mktemp("served"), at_work) as site:
        yield site


# ---- every page ----------------------------------------------------------------------------------------------------


def reachable(visitor: Visitor) -> list[str]:
    """The menu's pages, a published ranking and gaps, and what the pages' own parts link to: one of each kind."""
    start = [
        *links(visitor.page, "nav.menu a, .tile"),
        f"/dash/{BEFORE.slug}/ranking",
        f"/dash/{BEFORE.slug}/gaps",
        "/account/password",
    ]
    if visitor.page.url.endswith("/ops/status"):
        start = [path for path in start if not path.startswith("/dash/")]
    found = {kind(path): path for path in reversed(start)}
    for path in list(found.values()):
        visitor.open(path)
        for linked in links(visitor.page, "main a"):
            found.setdefault(kind(linked), linked)
    return sorted(found.values())


def links(page: Page, selector: str) -> list[str]:
    """Paths on this site, without query and fragment, that are pages."""
    script = "(all) => all.filter(a => a.origin === location.origin).map(a => a.pathname)"
    return [path for path in page.locator(selector).evaluate_all(script) if not FILES.search(path)]


def kind(path: str) -> str:
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", path)


@pytest.fixture(scope="module")
def data() -> list[str]:
    """What schemes and people say, longest first: it may be Chinese on an English page."""
    found = texts(default_scheme()) | {
        "西区", "东区", "江州市", "城区片", "第一小学", "第二中学", "第三幼儿园", "东风小学", "中共西区委教育工委", "中共东区委教育工委",
        "艾丽思", "鲍书记", "卡罗尔", "戴书记", "李审核", "安管理", "魏领导", "左管理", "严干事", "程市长", "欧运维", "艾林", "方书记", "中文",
    }  # fmt: skip
    return sorted((text for text in found if CHINESE.search(text)), key=len, reverse=True)


def texts(value: object) -> set[str]:
    """Every text in a value."""
    if isinstance(value, str):
        return {value}
    if is_dataclass(value):
        return set().union(*(texts(getattr(value, field.name)) for field in fields(value)))
    return set().union(*map(texts, value)) if isinstance(value, tuple) else set()


@pytest.mark.parametrize("name", PEOPLE)
def test_every_page_of_a_role(window: Window, served: Site, data: list[str], name: str) -> None:
    someone: Someone | str = getattr(served.world, name, name)
    visitor = window().sign_in(someone)
    paths = reachable(visitor)
    assert len(paths) >= 4
    faults = []
    for locale in ("zh", "en"):
        visitor.speak(locale)
        for path in paths:
            faults += [f"{name} {locale} {path}: {fault}" for fault in faults_of(visitor, path, locale, data)]
    visitor.speak("zh")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("path", ["/login", "/invite/", "/nowhere"])
def test_pages_before_the_door(window: Window, served: Site, data: list[str], path: str) -> None:
    window.watch.refusals.add(404)
    visitor = window()
    visitor.open("/login")
    path = served.invitation(served.world.alice) if path == "/invite/" else path
    for locale in ("zh", "en"):
        visitor.speak(locale)
        assert faults_of(visitor, path, locale, data) == []


def faults_of(visitor: Visitor, path: str, locale: str, data: list[str]) -> list[str]:
    """What is wrong with a page, at both widths."""
    visitor.page.set_viewport_size(WIDE if locale == "zh" else NARROW)  # type: ignore[arg-type]
    visitor.open(path)
    if visitor.page.locator("a[href='#react-entry-point']").count():
        visitor.drawn()
    faults = [*wording(visitor, locale, data), *axe(visitor.page)]
    visitor.page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    if not eventually(lambda: visitor.scrolls_sideways() <= 0):  # a chart draws itself anew
        faults.append(f"{visitor.scrolls_sideways()} px wider than 360")
    return faults


def wording(visitor: Visitor, locale: str, data: list[str]) -> Iterator[str]:
    headings = visitor.page.locator("h1:visible").all_inner_texts()
    if len(headings) != 1:
        yield f"headings of the first level: {headings}"
    text = visitor.page.locator("body").inner_text()
    for quoted in set(visitor.page.locator("code").all_inner_texts()):  # for a command line, not for reading
        text = text.replace(quoted, "")
    yield from (f"unfilled: {found}" for found in sorted(set(UNFILLED.findall(text))))
    yield from (f"a code: {found}" for found in sorted(set(CODE.findall(text))))
    if locale == "zh" and re.search(r"\b(None|True|False)\b", text):
        yield "a value of Python's"
    if locale == "en":
        own = "\n".join(visitor.page.locator(SHELL).all_inner_texts())
        for each in data:
            own = own.replace(each, "")
        yield from (f"Chinese in English: {found}" for found in sorted(set(CHINESE.findall(own))))


def axe(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 A and AA."""
    response = Axe().run(page, options=RULES).response
    assert len(response["passes"]) > 5, "axe-core looked at nothing"
    found = response["violations"]
    return [f"axe {rule['id']}: {node['target']} {node['html'][:120]}" for rule in found for node in rule["nodes"][:3]]


# ---- without JavaScript --------------------------------------------------------------------------------------------


def test_without_javascript_sign_in_fill_and_hand_in(window: Window, served: Site) -> None:
    carol = window(java_script_enabled=False).sign_in(served.world.carol)
    carol.menu("填报")
    fill_everything(carol)
    carol.press("保存")
    assert "已保存" in carol.said()
    carol.press("保存并检查")
    carol.page.check("#truth")
    carol.press("提交书记审核")
    assert "已提交书记审核" in carol.said()
    carol.page.locator(".me summary").click()
    carol.page.get_by_role("button", name="退出登录").click()
    expect(carol.page.locator("#account")).to_be_visible()


def test_without_javascript_the_ranking_and_another_quarter(window: Window, served: Site) -> None:
    vera = window(java_script_enabled=False).sign_in(served.world.vera)
    vera.page.select_option("#quarter", LAST.slug)
    vera.page.get_by_role("button", name="切换").first.click()
    vera.menu("排名")
    assert "第一小学" in vera.text and "第二中学" in vera.text
    expect(vera.page.locator("table.ranking tbody tr")).to_have_count(2)


# ---- by keyboard alone ---------------------------------------------------------------------------------------------

FOCUS = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
  const bar = document.querySelector('.savebar');
  const covered = bar && !bar.contains(one) && getComputedStyle(bar).position === 'sticky'
    && box.top >= bar.getBoundingClientRect().top;
  const ring = style.outlineStyle !== 'none' && style.outlineWidth !== '0px' || style.boxShadow !== 'none';
  return {text: one.innerText || '', name: one.name || '', ring, covered: !!covered};
}"""


def test_by_keyboard_alone_skip_link_menu_and_form(window: Window, served: Site) -> None:
    frank = window()
    frank.open("/login")
    page = frank.page
    press_until(page, "account")
    page.keyboard.type("xq.frank")
    press_until(page, "password")
    page.keyboard.type(PASSWORD)
    go(page)
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUS)["text"] == "跳到正文"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    frank.open("/")
    press_until(page, "本校结果")
    go(page)
    page.locator("nav.menu a[aria-current]", has_text="本校结果").wait_for()
    frank.open("/")
    press_until(page, "审批")
    go(page)
    press_until(page, "reason")
    page.keyboard.type("请再核对党员人数")
    press_until(page, "退回修改")
    go(page)
    assert "已退回修改" in frank.said() and "请再核对党员人数" in frank.text
    press_until(page, "填报")
    go(page)
    type_a_number(page)
    assert frank.said() == "已保存。"


def go(page: Page) -> None:
    """Enter, and the page that comes."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def type_a_number(page: Page) -> None:
    """Into the first field of the form, sent by Enter."""
    page.locator("form[data-report]").wait_for()
    box = page.locator(".one input.num").first
    press_until(page, str(box.get_attribute("name")))
    page.keyboard.press("Control+a")
    page.keyboard.type("7")
    go(page)
    expect(box).to_have_value("7")


def press_until(page: Page, wanted: str) -> None:
    """Tab until the focus is on what has that name or text; it is seen at every stop, and never under the save bar."""
    for _ in range(200):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        assert focus["ring"], f"the focus cannot be seen on {focus}"
        assert not focus["covered"], f"the save bar covers {focus}"
        if wanted in (focus["name"], focus["text"].strip()):
            return
    raise AssertionError(f"no way by Tab to {wanted}")
