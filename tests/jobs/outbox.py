"""Owing mails in tests, reading the outbox as the schedule sees it, and servers that behave badly."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from jobs.deliver_mail import Desk
from jobs.mailer import Mailer, MemoryMailer, SmtpMailer, server_of
from tenants.db import session, transaction
from tenants.notices import actions as notices
from tenants.notices.models import Mail, MailState, Rule
from tenants.schools import queries as schools
from tenants.scope import Scope
from tests.world import NOW, QUARTER, Someone, World

BASE = "https://linghang.example"
SENDER = "linghang@xq.example"
CANARY = "只属于第一小学的事"


def desk(mailer: Mailer | None = None) -> Desk:
    return Desk(mailer or MemoryMailer(), BASE, SENDER)


def returned_facts(school: str = "第一小学", reason: str = CANARY) -> dict[str, Any]:
    items = [{"number": "1.2", "name": "党员大会次数", "reason": reason}]
    return {"school": school, "items": items, "until": "2026-07-20T10:00:00+00:00"}


def owe(
    world: World, *people: Someone, rule: Rule = Rule.RETURNED, cause: str = "return-1", now: datetime = NOW,
    facts: dict[str, Any] | None = None, scope: Scope | None = None,
) -> int:  # fmt: skip
    """Owe one mail to each of the people of one school (the first school's reporter unless told); committed."""
    people = people or (world.alice,)
    scope = scope or world.job
    school_id = people[0].scope.school
    with transaction(scope):
        there = schools.colleagues(scope, school_id=school_id)
        theirs = [each for each in there if each.account_id in {person.person.id for person in people}]
        return notices.owe(
            scope, rule, theirs, cause=cause, facts=facts or returned_facts(), now=now, school_id=school_id,
            quarter=QUARTER,
        )  # fmt: skip


def rows(scope: Scope) -> list[Mail]:
    """The district's outbox, oldest first."""
    with transaction(scope):
        return list(session().scalars(scope.select(Mail).order_by(Mail.created_at, Mail.id)))


def states(scope: Scope) -> list[MailState]:
    return [row.state for row in rows(scope)]


@dataclass
class Answers:
    """A handler of aiosmtpd that gives the answers it is told to, in turn, and then accepts."""

    rcpt: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.rcpt:
            return self.rcpt.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.data:
            return self.data.pop(0)
        assert isinstance(envelope.content, bytes)
        self.taken.append(envelope.content)
        return "250 OK"


@contextmanager
def smtp_server(handler: Answers) -> Iterator[str]:
    """A real SMTP server on a free port; its address."""
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{controller.port}"
    finally:
        controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


HANG, DROP = "hang", "drop"
DIALOGUE = ("220 hello", "250 hello", "250 sender ok", "250 recipient ok", "354 go on", "250 taken", "221 bye")
"""What a server says: on connect, to EHLO, MAIL, RCPT, DATA, the mail itself, QUIT."""
CONNECT, EHLO, MAIL, RCPT, DATA, BODY, QUIT = range(7)


@dataclass
class Rogue:
    """A server that follows `DIALOGUE` with other answers at some steps: HANG says nothing, DROP hangs up."""

    instead: dict[int, str]
    taken: list[bytes] = field(default_factory=list)

    def talk(self, client: socket.socket, ended: threading.Event) -> None:
        with client, client.makefile("rb") as lines:
            for step, usual in enumerate(DIALOGUE):
                if step and not self._listen(lines, step):
                    return
                answer = self.instead.get(step, usual)
                if answer == HANG:
                    ended.wait(10)
                if answer in (HANG, DROP):
                    return
                client.sendall(answer.encode() + b"\r\n")

    def _listen(self, lines: Any, step: int) -> bool:
        """Wait for what the client says next; False when it gives up (RSET) or is gone."""
        if step != BODY:
            line = lines.readline()
            return bool(line) and line != b"RSET\r\n"
        body = []
        while (line := lines.readline()) not in (b".\r\n", b""):
            body.append(line)
        self.taken.append(b"".join(body))
        return bool(line)


@contextmanager
def rogue_server(server: Rogue) -> Iterator[str]:
    """Let `server` talk to one client after another; its address."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)

        def serve() -> None:
            while not ended.is_set():
                try:
                    client, _ = listener.accept()
                except TimeoutError:
                    continue
                client.settimeout(10)
                try:
                    server.talk(client, ended)
                except OSError:
                    continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"smtp://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ended.set()
            thread.join()


def mailer(url: str, timeout: float = 0.4) -> SmtpMailer:
    return SmtpMailer(server_of(url), timeout)
