"""The loop in real browsers, each role at its own window: report, review, score, publication, mail."""

import re
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Locator, expect

from tenants.db import transaction
from tenants.reporting import actions as reporting
from tests.browser.conftest import served_copy
from tests.browser.site import Site, Visitor, Window, wait_until
from tests.world import PASSWORD, QUARTER, Someone, World, send
from web.demo.load import picture
from web.operations.postgres import Cluster

pytestmark = pytest.mark.browser
SHEET = picture("纪要")
LINK = re.compile(r"https?://[^\s\"'<>]+")
Q = QUARTER.slug


def second_school(world: World, now: datetime) -> None:
    """The other school of the district is through already; so there is a ranking of two."""
    send(world, world.carol, world.dave, now)
    with transaction(world.ada.scope):
        reporting.accept(world.ada.scope, world.second_school, QUARTER, now)


@pytest.fixture(scope="module")
def served(
    chromium: Browser, cluster: Cluster, template: tuple[Flask, World], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with served_copy(cluster, template, tmp_path_factory.mktemp("served"), second_school) as site:
        yield site


def fill_everything(visitor: Visitor) -> None:
    """Whatever the page asks for: fives, a hundred of a hundred, yes, and every box of a checklist."""
    form = visitor.page.locator("form[data-report]")
    for box in form.locator(".one input.num").all():
        box.fill("5")
    for box in form.locator(".ratio input.num").all():
        box.fill("100")
    for choice in form.locator("input[type=radio][value=yes]").all():
        choice.check()
    for tick in form.locator("input[type=checkbox][name$='.tick']:not([value='-'])").all():
        tick.check()


def item_of(visitor: Visitor, field: Locator) -> Locator:
    return visitor.page.locator("[data-item]").filter(has=field)


def hand_in(visitor: Visitor) -> None:
    visitor.press("保存并检查")
    expect(visitor.page.locator("main .note.good", has_text="项都已填好")).to_be_visible()
    visitor.page.check("#truth")
    visitor.press("提交书记审核")
    assert "已提交书记审核" in visitor.said()


def approve_on_the_phone(window: Window, secretary: Someone) -> None:
    """Two taps after the sign-in, and nothing to be pushed sideways."""
    phone = window.phone().sign_in(secretary)
    phone.page.get_by_role("link", name="去审批").tap()
    expect(phone.page.get_by_role("button", name="同意报送")).to_be_visible()
    assert phone.scrolls_sideways() == 0
    phone.page.get_by_role("button", name="同意报送").tap()
    assert "已报送区教育工委" in phone.said()


def test_a_quarter_from_the_first_field_to_the_mails(window: Window, served: Site) -> None:
    world = served.world
    alice = accept_invitation(window, world.alice)
    spoiled = fill_the_quarter(window, alice)
    approve_on_the_phone(window, world.bob)
    returned = return_one_item(window, world)
    mend_it(alice, returned)
    approve_on_the_phone(window, world.bob)
    accept(window, world)
    publish(window, world)
    look_at_the_ranking(window, world)
    see_own_result(alice)
    read_the_mails(served, alice, returned)
    assert spoiled
    others_see_what_they_may(window, world)


def accept_invitation(window: Window, someone: Someone) -> Visitor:
    """The one-time link, a password, and in."""
    visitor = window()
    visitor.open(window.site.invitation(someone))
    visitor.page.fill("#password", PASSWORD)
    visitor.page.fill("#again", PASSWORD)
    visitor.press("设置密码")
    assert someone.person.login in visitor.said()
    return visitor.sign_in(someone)


def fill_the_quarter(window: Window, alice: Visitor) -> str:
    """All of it, with one bad input on the way, a file, and an item that does not apply; its name is returned."""
    alice.page.get_by_role("link", name="开始填报").click()
    fill_everything(alice)
    bad = alice.page.locator(".one input.num").first
    name = str(bad.get_attribute("name"))
    spoil_and_mend(window, alice, name)
    item = item_of(alice, alice.page.locator(f"[name='{name}']"))
    item.get_by_text("佐证材料").click()
    item.locator("input[type=file]").set_input_files(
        {"name": "党组织会议纪要.png", "mimeType": "image/png", "buffer": SHEET}
    )
    last = alice.page.locator("[data-item]").filter(has=alice.page.locator(".one input.num")).last
    last.locator(".one input.num").fill("")
    last.get_by_text("不适用或备注").click()
    last.locator("input[name$='.na']").fill("本季度没有发生此类事项")
    alice.press("保存")
    assert "佐证材料已上传" in alice.said()
    check_the_file(alice)
    hand_in(alice)
    return name


def spoil_and_mend(window: Window, alice: Visitor, name: str) -> None:
    """A word where a number belongs: the sentence stands at the field, the word in it, and the rest is saved."""
    window.watch.refusals.add(422)
    box = alice.page.locator(f"[name='{name}']")
    box.fill("三次吧")
    alice.press("保存")
    expect(alice.page.locator(f"[id='{name.removesuffix('value')}fault']")).to_have_text(
        "“三次吧”不是数字，请只填 0 或正数，例如 3。"
    )
    expect(box).to_have_value("三次吧")
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(alice.page.locator("#faults")).to_be_focused()
    assert alice.page.title().startswith("错误")
    expect(alice.page.locator(".one input.num").nth(1)).to_have_value("5")
    window.watch.refusals.clear()
    box.fill("5")


def check_the_file(alice: Visitor) -> None:
    with alice.page.expect_download() as coming:
        alice.page.locator("ul.files a", has_text="党组织会议纪要.png").evaluate("link => link.click()")
    assert coming.value.suggested_filename == "党组织会议纪要.png"
    assert Path(coming.value.path()).read_bytes() == SHEET


def return_one_item(window: Window, world: World) -> str:
    """The reviewer sends back one item with a reason; its name and number."""
    rita = window().sign_in(world.rita)
    rita.menu("审核队列")
    assert "第一小学" in rita.text and "第二中学" not in rita.text
    rita.page.get_by_role("link", name="审核", exact=True).click()
    row = rita.page.locator("tbody tr").filter(has=rita.page.locator("input[name=return]")).nth(3)
    row.locator("input[name=return]").check()
    row.locator("input[name^='reason.']").fill("次数与会议纪要不符，请核对")
    code = str(row.locator("input[name=return]").get_attribute("value"))
    rita.press("退回勾选的项")
    assert "已退回第一小学 1 项" in rita.said()
    return code


def mend_it(alice: Visitor, code: str) -> None:
    """The reporter sees exactly the item that came back, answers it, and hands in again."""
    alice.open("/")
    alice.page.get_by_role("link", name="去修改").click()
    items = alice.page.locator("[data-item]")
    expect(items).to_have_count(1)
    assert items.get_attribute("id") == f"i-{code}"
    assert "次数与会议纪要不符，请核对" in items.inner_text()
    items.get_by_text("不适用或备注").click()
    items.locator("textarea").fill("已按会议纪要核对，数字无误。")
    hand_in(alice)


def accept(window: Window, world: World) -> None:
    rita = window().sign_in(world.rita, f"/{Q}/review/{world.school}")
    assert "已修改" in rita.text and "已按会议纪要核对" in rita.text
    rita.press("通过")
    assert "第一小学已通过审核" in rita.said()


def publish(window: Window, world: World) -> None:
    """The worker scores by itself; the administrator opens the appeals and publishes, both with a box to tick."""
    ada = window().sign_in(world.ada)
    ada.menu("计分与公布")

    def scored() -> bool:
        ada.page.reload()
        return ada.heading == "已计分 2 所，共 2 所"

    wait_until(scored, "the worker to score both schools")
    window.watch.refusals.add(422)
    ada.press("让 2 所学校进入申诉期")
    expect(ada.page.locator("main .fault", has_text="请先勾选")).to_be_visible()
    window.watch.refusals.clear()
    ada.page.check("#confirm-appeal")
    ada.press("让 2 所学校进入申诉期")
    assert "2 所学校的成绩已进入申诉期" in ada.said()
    ada.page.check("#confirm-publish")
    ada.press("公布 2 所学校的结果")
    assert "本季度结果已公布" in ada.said()


def look_at_the_ranking(window: Window, world: World) -> None:
    """Names and totals stand in the first HTML; charts come after; from a school to the reason for each lost point."""
    vera = window().sign_in(world.vera)
    first = vera.open(f"/dash/{Q}/ranking")
    assert "第一小学" in first and "第二中学" in first and "100.00" in first
    vera.drawn()
    expect(vera.page.locator("figure figcaption")).to_contain_text("第二中学")
    vera.page.get_by_role("link", name="第一小学").click()
    explain(vera)
    vera.menu("差距")
    assert "第一小学" in vera.open(f"/dash/{Q}/gaps")
    vera.drawn()
    vera.page.locator("table").last.get_by_role("link").first.click()
    explain(vera)
    vera.open(f"/dash/{Q}/ranking")
    vera.drawn()
    vera.page.locator(".barlayer .point path").last.click(force=True)
    vera.page.wait_for_url("**/score")
    explain(vera)


def explain(visitor: Visitor) -> None:
    """Every item that lost something says why; the total is that of the heading."""
    expect(visitor.page.locator("table.items")).to_be_visible()
    assert visitor.heading.startswith("第一小学 ")
    rows = visitor.page.locator("table.items tr[id^='i-']")
    lossy = rows.filter(has=visitor.page.locator("td[data-label='失分'] strong"))
    assert lossy.count() > 0
    for text in lossy.locator("td.why").all_inner_texts():
        assert len(text.strip()) > 3


def see_own_result(alice: Visitor) -> None:
    alice.open("/")
    alice.menu("本校结果")
    assert "本校第 2 名" in alice.open(f"/dash/{Q}/ranking") or "第一小学" in alice.text
    alice.menu("本校结果")
    assert alice.heading.startswith("本校 ")
    assert "名，共 2 所" in alice.text
    alice.page.get_by_role("link", name="逐项说明").click()
    explain(alice)
    assert "本季度没有发生此类事项" in alice.text and "党组织会议纪要.png" in alice.text


def mails_to(site: Site, someone: Someone) -> dict[str, EmailMessage]:
    return {
        str(mail["Subject"]): mail
        for mail in site.mails
        if str(mail["To"]).startswith(f"{someone.person.login.split('.')[1]}@")
    }


def read_the_mails(served: Site, alice: Visitor, code: str) -> None:
    """What came by SMTP: in Chinese, with links to this site only, and the links open."""
    world = served.world
    red = "【红灯提醒】第一小学2026 年第二季度"

    def arrived() -> bool:
        return any(subject.startswith("【红灯提醒】") for subject in mails_to(served, world.alice))

    wait_until(arrived, "the mails")
    mails = mails_to(served, world.alice)
    kinds = sorted(subject[:6] for subject in mails)
    assert kinds == ["【红灯提醒】", "【结果公布】", "【退回修改】"], red
    for mail in mails.values():
        parts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
        assert len(parts) == 2
        for part in parts:
            assert "第一小学" in part and "中共西区委教育工委" in part and "\ufffd" not in part
            links = [link for link in LINK.findall(part) if "w3.org" not in link]
            assert links and all(link.startswith(f"{served.base}/") for link in links)
        assert LINK.findall(parts[0])[0].removeprefix(served.base) != ""
        alice.open(LINK.findall(parts[0])[0].removeprefix(served.base))
        assert alice.page.locator("main h1:visible").count() == 1
    returned = next(mail for subject, mail in mails.items() if subject.startswith("【退回修改】"))
    assert "次数与会议纪要不符，请核对" in str(returned.get_body(("plain",)).get_content())  # type: ignore[union-attr]


def others_see_what_they_may(window: Window, world: World) -> None:
    """Who only looks has no button that acts; a city sees the published ranking; an operator sees no school."""
    window.watch.refusals.add(403)
    for someone, menu, closed in (
        (world.vera, ["首页", "填报进度", "排名", "差距"], "manage"),
        (world.city_viewer, ["首页", "排名", "差距"], f"{Q}/progress"),
        (world.oscar, ["首页", "运行状态", "区县"], f"{Q}/review/{world.school}"),
    ):
        visitor = window().sign_in(someone)
        assert visitor.page.locator("nav.menu a").all_inner_texts() == menu
        visitor.open(f"/{closed}")
        assert "您现在的身份是" in visitor.text
        if someone is world.oscar:
            continue
        visitor.open(f"/dash/{Q}/ranking")
        visitor.drawn()
        assert "第一小学" in visitor.text
    window.watch.refusals.clear()
