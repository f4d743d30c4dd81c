"""What a mail says: one small function and three templates (subject, text, html) for each rule.

Only facts that the outbox row holds are told, with the district's own name under them and links into this installation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

from css_inline import CSSInliner
from jinja2 import Environment, PackageLoader, StrictUndefined, TemplateError

from tenants import formats
from tenants.notices.actions import SECRET, Claimed, Content
from tenants.notices.models import Rule
from tenants.quarter import Quarter
from tenants.schools.queries import DistrictView
from tenants.words import N_, words

Facts = Mapping[str, Any]
LARGEST_HTML = 60_000
"""Bytes; more rows than fit are counted and left to the page that the mail links to."""
LONGEST_SUBJECT = 120
LONGEST_REASON = 500
ROWS = (60, 40, 25, 15, 8, 4)


class Unsendable(Exception):
    """The facts do not make a mail; trying again would not help."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What every mail stands in: the district, its zone, the quarter, the moment, and where links lead."""

    district: DistrictView
    quarter: Quarter | None
    now: datetime
    base_url: str

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.district.zone)

    def when(self, iso: str) -> str:
        """A moment as people of the district read it; midnight is 24:00 of the day that ends."""
        local = datetime.fromisoformat(iso).astimezone(self.zone)
        if (local.hour, local.minute) == (0, 0):
            return f"{formats.day((local - timedelta(minutes=1)).date())}24:00"
        return f"{formats.day(local.date())}{local:%H:%M}"

    def date(self, iso: str) -> str:
        return str(formats.day(datetime.fromisoformat(iso).astimezone(self.zone).date()))

    def link(self, path: str) -> str:
        """An address within this installation; Unsendable for any other."""
        base = self.base_url.rstrip("/")
        full = path if path.startswith(f"{base}/") else f"{base}{path}"
        if not path.startswith((f"{base}/", "/")) or path.startswith("//") or any(char.isspace() for char in path):
            raise Unsendable(words(N_("链接不在本系统的地址之内。")))
        return full

    def page(self, name: str) -> str:
        """A page of the quarter."""
        return self.link(f"/{self.quarter.slug}/{name}" if self.quarter else "/")


def reminder(facts: Facts, frame: Frame) -> dict[str, Any]:
    return {
        "school": facts["school"],
        "due": frame.when(facts["due_at"]),
        "due_day": frame.date(facts["due_at"]),
        "late": datetime.fromisoformat(facts["due_at"]) <= frame.now,
        "missing": facts.get("missing"),
        "link": frame.page("report"),
    }


def overdue(facts: Facts, frame: Frame) -> dict[str, Any]:
    return {
        "school": facts["school"],
        "due": frame.when(facts["due_at"]),
        "late_from": frame.date(facts["late_from"]) if facts.get("late_from") else "",
        "locks": frame.when(facts["locks_at"]) if facts.get("locks_at") else "",
        "link": frame.page("report"),
    }


def returned(facts: Facts, frame: Frame) -> dict[str, Any]:
    items = [
        {"number": item["number"], "name": item["name"], "reason": clipped(item["reason"])} for item in facts["items"]
    ]
    return {
        "school": facts["school"], "items": items, "until": frame.when(facts["until"]), "link": frame.page("report"),
    }  # fmt: skip


PLACES = {"district": N_("全区"), "stage": N_("同学段"), "kind": N_("同类党组织")}


def published(facts: Facts, frame: Frame) -> dict[str, Any]:
    ranks = [
        {"among": PLACES[within], "place": rank[0], "count": rank[1]}
        for within, rank in (facts.get("ranks") or {}).items()
        if within in PLACES
    ]
    previous = facts.get("previous")
    return {
        "school": facts["school"], "total": facts["total"], "grade": facts["grade"], "ranks": ranks,
        "tier": facts.get("tier"), "change": facts.get("change"),
        "previous": str(formats.quarter(Quarter.parse(previous))) if previous else "",
        "lights": [(name, facts[key]) for name, key in LIGHTS if facts.get(key) is not None],
        "corrected": facts.get("version", 1) > 1, "link": frame.page("results"),
    }  # fmt: skip


LIGHTS = ((N_("绿灯"), "green"), (N_("黄灯"), "yellow"), (N_("红灯"), "red"))


def red_digest(facts: Facts, frame: Frame) -> dict[str, Any]:
    most = max((Decimal(item["lost"]) for item in facts["items"]), default=Decimal(0))
    items = [
        {
            "number": item["number"], "name": item["name"], "lost": item["lost"], "short": clipped(item.get("short") or ""),
            "bar": int(Decimal(item["lost"]) * 100 / most) if most else 0,
        }
        for item in facts["items"]
    ]  # fmt: skip
    return {"school": facts["school"], "items": items, "link": frame.page("results")}


def invitation(facts: Facts, frame: Frame) -> dict[str, Any]:
    until = facts.get("until")
    return {
        "login": facts.get("login", ""), "until": frame.when(until) if until else "",
        "link": frame.link(str(facts[SECRET])),
    }  # fmt: skip


RULES: dict[Rule, Callable[[Facts, Frame], dict[str, Any]]] = {
    Rule.REMINDER: reminder,
    Rule.OVERDUE: overdue,
    Rule.RETURNED: returned,
    Rule.PUBLISHED: published,
    Rule.RED_DIGEST: red_digest,
    Rule.INVITATION: invitation,
}

_TEMPLATES = Environment(
    loader=PackageLoader("jobs"),
    autoescape=lambda name: name is not None and name.endswith(".html"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_INLINER = CSSInliner(load_remote_stylesheets=False)


def clipped(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"


def plain(text: str) -> str:
    """One line without control characters: what may stand in a header."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def compose(mail: Claimed, district: DistrictView, now: datetime, base_url: str) -> Content:
    """Render `mail`; Unsendable when its facts lack something or its link leads elsewhere."""
    frame = Frame(district, mail.quarter, now, base_url)
    try:
        told = RULES[mail.rule](mail.facts, frame)
        return _fitting(mail, frame, told)
    except (LookupError, TypeError, ValueError, ArithmeticError, TemplateError) as error:
        raise Unsendable(words(N_("邮件内容不完整（{fault}）。"), fault=type(error).__name__)) from error


def _fitting(mail: Claimed, frame: Frame, told: Mapping[str, Any]) -> Content:
    """With as many rows as keep the HTML small; text and HTML tell the same rows."""
    items = told.get("items", [])
    for rows in ROWS:
        content = _render(mail, frame, {**told, "items": items[:rows], "more": max(len(items) - rows, 0)})
        if len(content.html.encode()) <= LARGEST_HTML:
            return content
    raise Unsendable(words(N_("邮件过大。")))


def _render(mail: Claimed, frame: Frame, told: Mapping[str, Any]) -> Content:
    quarter = str(formats.quarter(mail.quarter)) if mail.quarter else ""
    context = {**told, "quarter": quarter, "district": frame.district, "title": ""}
    subject = plain(_TEMPLATES.get_template(f"{mail.rule}.subject").render(context))[:LONGEST_SUBJECT]
    context["title"] = subject
    text = _TEMPLATES.get_template(f"{mail.rule}.txt").render(context)
    html = _INLINER.inline(_TEMPLATES.get_template(f"{mail.rule}.html").render(context))
    return Content(subject, text.strip() + "\n", html)


def message_of(mail: Claimed, content: Content, office: str, sender: str) -> EmailMessage:
    """The message, the same to the byte however often it is made; Unsendable for an address that cannot be one."""
    message = _headed(mail.message_id, mail.created_at, (plain(office), sender), mail.address, content.subject)
    message.set_content(content.text, cte="base64")
    message.add_alternative(content.html, subtype="html", cte="base64")
    message.set_boundary(f"=={mail.id.hex}==")
    return message


def trial(address: str, sender: str, now: datetime, message_id: str) -> EmailMessage:
    """The mail of `linghang mail test`."""
    message = _headed(message_id, now, (N_("领航"), sender), address, N_("领航：测试邮件"))
    message.set_content("收到这封邮件，说明邮件服务已经设置好。\n", cte="base64")
    return message


def _headed(message_id: str, at: datetime, sender: tuple[str, str], address: str, subject: str) -> EmailMessage:
    try:
        message = EmailMessage(policy=SMTP)
        message["Message-ID"] = message_id
        message["Date"] = format_datetime(at)
        message["From"] = Address(sender[0], addr_spec=sender[1])
        message["To"] = Address(addr_spec=address)
        message["Subject"] = subject
        message["Auto-Submitted"] = "auto-generated"
        return message
    except (MessageError, LookupError, ValueError) as error:
        fault = type(error).__name__
        raise Unsendable(words(N_("收件地址或标题不能用于邮件（{fault}）。"), fault=fault)) from error
