"""What each mail says: its facts in both parts, nothing more, and headers that nobody can bend."""

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest

from jobs.mail import LARGEST_HTML, RULES, Unsendable, compose, message_of, plain
from tenants.notices.actions import Claimed, Content
from tenants.notices.models import Rule
from tenants.schools.models import Disclosure
from tenants.schools.queries import DistrictView
from tests.jobs.outbox import BASE
from tests.world import NOW, QUARTER

DISTRICT = DistrictView(
    UUID(int=1), "xq", "西区", "中共西区委教育工委", "Asia/Shanghai", Disclosure.OWN, "李老师", "010-1234", None
)
HEAD = {"school": "第一小学", "quarter": "2026Q2", "version": 1}
FACTS: dict[Rule, dict[str, Any]] = {
    Rule.REMINDER: {"school": "第一小学", "due_at": "2026-07-10T10:00:00+00:00", "missing": 12, "days": 5},
    Rule.OVERDUE: {
        "school": "第一小学",
        "due_at": "2026-07-10T16:00:00+00:00",
        "late_from": "2026-07-12T16:00:00+00:00",
        "locks_at": "2026-07-19T16:00:00+00:00",
    },
    Rule.RETURNED: {
        "school": "第一小学",
        "until": "2026-07-20T10:00:00+00:00",
        "items": [{"number": "2.3", "name": "党员大会次数", "reason": "缺 6 月纪要 <b>&"}],
    },
    Rule.PUBLISHED: {
        **HEAD, "total": "87.65", "grade": "良好", "change": "+1.80", "previous": "2026Q1", "green": 30, "yellow": 7,
        "red": 4, "ranks": {"district": [5, 60], "stage": [2, 20], "kind": [1, 9]}, "tier": None,
    },
    Rule.RED_DIGEST: {
        **HEAD,
        "items": [
            {"number": "2.3", "name": "党员大会次数", "lost": "3.00", "short": "还差 2 次"},
            {"number": "4.1", "name": "党建经费占比", "lost": "1.50", "short": ""},
        ],
    },
    Rule.INVITATION: {"link": f"{BASE}/invite/abc-DEF_1", "login": "xq.alice", "until": "2026-07-12T02:00:00+00:00"},
}  # fmt: skip

SAID: dict[Rule, list[str]] = {
    Rule.REMINDER: ["第一小学", "2026 年第二季度", "2026 年 7 月 10 日（周五）18:00", "12 项", f"{BASE}/2026q2/report"],
    Rule.OVERDUE: ["2026 年 7 月 10 日（周五）24:00", "2026 年 7 月 13 日（周一）", "2026 年 7 月 19 日（周日）24:00", f"{BASE}/2026q2/report"],
    Rule.RETURNED: ["2.3", "党员大会次数", "缺 6 月纪要 <b>&", "2026 年 7 月 20 日（周一）18:00", f"{BASE}/2026q2/report"],
    Rule.PUBLISHED: [
        "87.65", "良好", "+1.80", "2026 年第一季度", "第 5 名（共 60 所）", "第 2 名（共 20 所）", "第 1 名（共 9 所）", "30 项",
        "7 项", "4 项", f"{BASE}/2026q2/results",
    ],
    Rule.RED_DIGEST: ["2.3", "党员大会次数", "3.00", "还差 2 次", "4.1", "党建经费占比", "1.50", f"{BASE}/2026q2/results"],
    Rule.INVITATION: [f"{BASE}/invite/abc-DEF_1", "xq.alice", "2026 年 7 月 12 日（周日）10:00"],
}  # fmt: skip


def claimed(rule: Rule, **facts: Any) -> Claimed:
    return Claimed(
        UUID(int=2), UUID(int=3), rule, QUARTER, UUID(int=4), "cause", "alice@xq.example", FACTS[rule] | facts,
        "<1@linghang>", NOW, 1, NOW, None,
    )  # fmt: skip


def composed(rule: Rule, **facts: Any) -> Content:
    return compose(claimed(rule, **facts), DISTRICT, NOW, BASE)


class Reader(HTMLParser):
    """The words of an HTML part, and the addresses in its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "background", "action")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def test_every_rule_has_its_function_and_its_case() -> None:
    assert set(RULES) == set(Rule) == set(FACTS)


@pytest.mark.parametrize("rule", Rule)
def test_both_parts_tell_the_same_facts(rule: Rule) -> None:
    content = composed(rule)
    shown = Reader(content.html).text
    for fact in [*SAID[rule], "中共西区委教育工委", "李老师"]:
        assert fact in content.text
        assert fact in shown


@pytest.mark.parametrize("rule", Rule)
def test_html_is_small_and_leads_nowhere_else(rule: Rule) -> None:
    content = composed(rule)
    page = Reader(content.html)
    assert len(content.html.encode()) <= LARGEST_HTML
    assert page.addresses
    assert all(address.startswith(f"{BASE}/") for address in page.addresses)
    assert page.tags.isdisjoint({"img", "script", "link", "style", "iframe", "form", "svg"})
    assert "url(" not in content.html
    assert set(re.findall(r"https?://[^/\s\"<]+", content.html + content.text)) == {BASE}


@pytest.mark.parametrize("rule", Rule)
def test_subjects_hold_no_score_and_no_person(rule: Rule) -> None:
    subject = composed(rule).subject
    assert subject.startswith("【")
    assert not re.search(r"\d\.\d|名次|第 \d+ 名|良好|李老师|alice", subject)


def test_reminder_by_hand_after_the_deadline_does_not_promise_it() -> None:
    content = compose(claimed(Rule.REMINDER), DISTRICT, NOW + timedelta(days=9), BASE)
    assert "已过" in content.subject
    assert "已过" in content.text


def test_correction_and_tiers_are_said() -> None:
    content = composed(Rule.PUBLISHED, version=2, ranks=None, tier="第一档", change=None, previous=None)
    assert "更正" in content.subject
    assert "第一档" in content.text
    assert "名次" not in content.text


def test_bars_are_cells_in_proportion() -> None:
    html = composed(Rule.RED_DIGEST).html
    assert re.findall(r'width="(\d+)%" bgcolor', html) == ["100", "50"]


@pytest.mark.parametrize("rule", [Rule.RETURNED, Rule.RED_DIGEST])
def test_long_lists_are_cut_alike_in_both_parts_and_counted(rule: Rule) -> None:
    row = {"number": "9.9", "name": "指标" * 30, "reason": "原因" * 4000, "lost": "1.00", "short": "还差" * 4000}
    items = [{**row, "number": f"9.{number}"} for number in range(200)]
    content = composed(rule, items=items)
    assert len(content.html.encode()) <= LARGEST_HTML
    shown = len(re.findall(r"9\.\d+ ", content.text))
    assert 0 < shown < 200
    assert Reader(content.html).text.count("…") == content.text.count("…") == shown
    for part in (content.text, content.html):
        assert f"另有 {200 - shown} 项" in part
    assert "200 项" in content.subject


def test_markup_in_facts_stays_text() -> None:
    content = composed(Rule.RETURNED, school="<script>alert(1)</script>")
    assert "script" not in Reader(content.html).tags


NASTY = "第一小学\r\nBcc: victim@x.cn\n\nbody\x00\u2028x"


@pytest.mark.parametrize("rule", [rule for rule in Rule if rule is not Rule.INVITATION])
def test_name_with_line_breaks_bends_no_header(rule: Rule) -> None:
    mail = claimed(rule, school=NASTY)
    content = compose(mail, DISTRICT, NOW, BASE)
    raw = bytes(message_of(mail, content, NASTY, "linghang@xq.example"))
    head = raw.split(b"\r\n\r\n")[0].decode("ascii")
    names = [line.split(":")[0] for line in head.split("\r\n") if not line.startswith((" ", "\t"))]
    assert names == ["Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type"]


@pytest.mark.parametrize("address", ["a@x.cn\r\nBcc: b@x.cn", "a@x.cn, b@x.cn", "<a@x.cn>", "", "nobody", "甲@x.cn"])
def test_bent_addresses_are_no_addresses(address: str) -> None:
    mail = replace(claimed(Rule.REMINDER), address=address)
    with pytest.raises(Unsendable):
        message_of(mail, composed(Rule.REMINDER), "西区", "linghang@xq.example")


LINKS = [
    "https://evil.example/invite/a",
    f"{BASE}.evil.example/a",
    "//evil.example/a",
    "javascript:alert(1)",
    "/a b",
    "x",
]


@pytest.mark.parametrize("link", LINKS)
def test_links_to_elsewhere_are_not_sent(link: str) -> None:
    with pytest.raises(Unsendable):
        composed(Rule.INVITATION, link=link)


def test_link_may_be_a_path_of_this_installation() -> None:
    assert f"{BASE}/invite/abc" in composed(Rule.INVITATION, link="/invite/abc").text
    content = compose(claimed(Rule.REMINDER), DISTRICT, NOW, f"{BASE}/")
    assert f"{BASE}/2026q2/report" in content.text


@pytest.mark.parametrize("rule", Rule)
def test_missing_facts_are_refused(rule: Rule) -> None:
    with pytest.raises(Unsendable):
        compose(replace(claimed(rule), facts={}), DISTRICT, NOW, BASE)


def test_the_same_mail_is_the_same_to_the_byte() -> None:
    mail, content = claimed(Rule.RETURNED), composed(Rule.RETURNED)
    first, second = (bytes(message_of(mail, content, "西区", "a@x.cn")) for _ in range(2))
    assert first == second
    assert max(map(len, first.split(b"\r\n"))) < 998


def test_headers_in_one_line() -> None:
    assert plain(" a\r\n\tb\x00c ") == "a b c"
