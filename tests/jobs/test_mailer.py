"""Every way in which a mail server fails: nothing is lost, nothing comes twice but for a lost answer, all within a bound."""

import logging
import shutil
import socket
import ssl
import subprocess
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from time import monotonic

import pytest
from aiosmtpd.controller import Controller
from flask import Flask

from jobs.deliver_mail import BACK_OFF, TRIES, deliver_all
from jobs.mail import trial
from jobs.mailer import (
    ConsoleMailer,
    MailError,
    MemoryMailer,
    Refused,
    Server,
    SmtpMailer,
    Unreachable,
    mailer_of,
    server_of,
)
from tenants.errors import NotReady
from tenants.notices.models import MailState
from tests.jobs import outbox
from tests.jobs.outbox import (
    BODY,
    CONNECT,
    DATA,
    DROP,
    EHLO,
    HANG,
    MAIL,
    QUIT,
    RCPT,
    Answers,
    Rogue,
    desk,
    free_port,
    mailer,
    rogue_server,
    rows,
    smtp_server,
)
from tests.world import NOW, World

MESSAGE = trial("alice@xq.example", "linghang@xq.example", NOW, "<1@linghang>")

URLS = [
    ("smtp://mail.example.cn", Server("smtp", "mail.example.cn", 25)),
    ("smtp://u:p%40ss@mail.example.cn:2525", Server("smtp", "mail.example.cn", 2525, "u", "p@ss")),
    ("smtps://u:p@mail.example.cn", Server("smtps", "mail.example.cn", 465, "u", "p")),
    ("smtp+starttls://u%40x.cn:p@mail.example.cn", Server("smtp+starttls", "mail.example.cn", 587, "u@x.cn", "p")),
]


@pytest.mark.parametrize(("url", "server"), URLS)
def test_addresses(url: str, server: Server) -> None:
    assert server_of(url) == server
    assert "p@ss" not in repr(server)


@pytest.mark.parametrize(
    "url", ["", "mail.example.cn", "http://mail.example.cn", "smtp://", "smtp://mail:no", "console"]
)
def test_wrong_addresses(url: str) -> None:
    with pytest.raises(NotReady, match="SMTP_URL"):
        mailer_of(url)


def test_mailer_that_is_asked_for() -> None:
    assert isinstance(mailer_of("console:"), ConsoleMailer)
    found = mailer_of("smtp://mail.example.cn", 3)
    assert isinstance(found, SmtpMailer)
    assert found.timeout == 3


def test_console_mailer_writes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        ConsoleMailer().send(MESSAGE)
    assert "alice@xq.example" in caplog.text
    assert "邮件服务已经设置好" in caplog.text


def test_mail_arrives(world: World) -> None:
    handler = Answers()
    with smtp_server(handler) as url:
        outbox.owe(world)
        assert deliver_all(world.job, NOW, desk(mailer(url, 5))) == 1
    arrived = message_from_bytes(handler.taken[0])
    assert arrived["To"] == "alice@xq.example"
    assert [part.get_content_type() for part in arrived.walk()] == ["multipart/alternative", "text/plain", "text/html"]


ONCE: list[tuple[str, dict[int, str], type[MailError]]] = [
    ("421 on connect", {CONNECT: "421 busy"}, Unreachable),
    ("554 on connect", {CONNECT: "554 go away"}, Unreachable),
    ("hang on connect", {CONNECT: HANG}, Unreachable),
    ("drop on connect", {CONNECT: DROP}, Unreachable),
    ("garbage on connect", {CONNECT: "what do you want"}, Unreachable),
    ("hang on EHLO", {EHLO: HANG}, Unreachable),
    ("drop on EHLO", {EHLO: DROP}, Unreachable),
    ("451 to MAIL", {MAIL: "451 later"}, MailError),
    ("550 to MAIL", {MAIL: "550 not you"}, Refused),
    ("hang on MAIL", {MAIL: HANG}, MailError),
    ("450 to RCPT", {RCPT: "450 greylisted"}, MailError),
    ("421 to RCPT", {RCPT: "421 closing"}, MailError),
    ("550 to RCPT", {RCPT: "550 5.1.1 no such user"}, Refused),
    ("552 to RCPT", {RCPT: "552 mailbox full"}, Refused),
    ("drop on RCPT", {RCPT: DROP}, MailError),
    ("hang on RCPT", {RCPT: HANG}, MailError),
    ("451 to DATA", {DATA: "451 later"}, MailError),
    ("554 to DATA", {DATA: "554 no"}, Refused),
    ("hang on DATA", {DATA: HANG}, MailError),
    ("452 to the mail", {BODY: "452 disk full"}, MailError),
    ("554 to the mail", {BODY: "554 spam"}, Refused),
    ("hang after the mail", {BODY: HANG}, MailError),
    ("drop after the mail", {BODY: DROP}, MailError),
]


@pytest.mark.parametrize(("instead", "error"), [case[1:] for case in ONCE], ids=[case[0] for case in ONCE])
def test_failures_are_told_apart_in_bounded_time(instead: dict[int, str], error: type[MailError]) -> None:
    began = monotonic()
    with rogue_server(Rogue(instead)) as url, pytest.raises(MailError) as caught:
        mailer(url, 0.2).send(MESSAGE)
    assert type(caught.value) is error
    assert str(caught.value)
    assert monotonic() - began < 2


@pytest.mark.parametrize("instead", [HANG, DROP, "500 what?", "421 sorry"])
def test_how_the_server_says_goodbye_does_not_matter(instead: str) -> None:
    server = Rogue({QUIT: instead})
    with rogue_server(server) as url:
        mailer(url, 0.2).send(MESSAGE)
    assert len(server.taken) == 1


def test_nobody_listens() -> None:
    with pytest.raises(Unreachable, match="ConnectionRefused"):
        mailer(f"smtp://127.0.0.1:{free_port()}").send(MESSAGE)


def test_unknown_host() -> None:
    with pytest.raises(Unreachable):
        mailer("smtp://no-such-host.invalid").send(MESSAGE)


def test_address_that_the_server_cannot_write_is_final() -> None:
    message = trial("alice@例子.中国", "linghang@xq.example", NOW, "<1@linghang>")
    with rogue_server(Rogue({})) as url, pytest.raises(Refused, match="SMTPUTF8"):
        mailer(url).send(message)


def test_server_that_drips_is_cut_off() -> None:
    class Drip(Rogue):
        def talk(self, client, ended) -> None:  # type: ignore[no-untyped-def]
            with client:
                while not ended.wait(0.1):
                    client.sendall(b"2")

    began = monotonic()
    with rogue_server(Drip({})) as url, pytest.raises(Unreachable):
        mailer(url, 0.2).send(MESSAGE)
    assert monotonic() - began < 2


def test_wrong_password_is_no_fault_of_the_mail() -> None:
    server = Rogue({EHLO: "250-hello\r\n250 AUTH PLAIN", MAIL: "535 wrong password"})
    with rogue_server(server) as url, pytest.raises(Unreachable, match="535 wrong password"):
        mailer(url.replace("smtp://", "smtp://user:wrong@")).send(MESSAGE)


# ---- from the outbox -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("instead", "error"), [case[1:] for case in ONCE], ids=[case[0] for case in ONCE])
def test_nothing_is_lost_and_nothing_comes_twice(world: World, instead: dict[int, str], error: type[MailError]) -> None:
    outbox.owe(world)
    bad, good = Rogue(instead), Rogue({})
    with rogue_server(bad) as url:
        assert deliver_all(world.job, NOW, desk(mailer(url, 0.2))) == 0
    row = rows(world.job)[0]
    assert row.last_error
    assert row.state is (MailState.FAILED if error is Refused else MailState.WAITING)
    with rogue_server(good) as url:
        assert deliver_all(world.job, NOW + timedelta(seconds=59), desk(mailer(url))) == 0
        assert deliver_all(world.job, NOW + BACK_OFF[0], desk(mailer(url))) == (error is not Refused)
        assert deliver_all(world.job, NOW + timedelta(days=1), desk(mailer(url))) == 0
    accepted = bad.taken if instead in ({BODY: DROP}, {BODY: HANG}) else []
    assert len(good.taken) == (error is not Refused)
    if accepted:  # the answer was lost, so it comes again, and is the same to the byte
        assert accepted == good.taken


def test_back_off_and_the_visible_end(world: World) -> None:
    outbox.owe(world)
    handler = Answers(rcpt=["450 later"] * 20)
    now, pauses = NOW, []
    with smtp_server(handler) as url:
        while rows(world.job)[0].state is MailState.WAITING:
            due = rows(world.job)[0].next_try_at
            pauses.append((due - now) // timedelta(minutes=1))
            now = due
            assert deliver_all(world.job, now - timedelta(seconds=1), desk(mailer(url, 5))) == 0
            deliver_all(world.job, now, desk(mailer(url, 5)))
    assert pauses == [0, 1, 5, 15, 60, 240, 240, 240]
    row = rows(world.job)[0]
    assert (row.state, row.attempts, row.last_error) == (MailState.FAILED, TRIES, "450 later")
    assert handler.taken == []


def test_server_out_of_reach_costs_one_time_out_a_batch(world: World) -> None:
    outbox.owe(world, world.alice, world.bob)
    with rogue_server(Rogue({CONNECT: HANG})) as url:
        assert deliver_all(world.job, NOW, desk(mailer(url, 0.2))) == 0
    assert sorted(row.attempts for row in rows(world.job)) == [0, 1]


def test_bad_address_does_not_hold_up_the_next(world: World) -> None:
    outbox.owe(world, world.alice)
    outbox.owe(world, world.bob, now=NOW + timedelta(seconds=1))
    handler = Answers(rcpt=["550 no such user"])
    with smtp_server(handler) as url:
        assert deliver_all(world.job, NOW + timedelta(minutes=1), desk(mailer(url, 5))) == 1
    assert [row.state for row in rows(world.job)] == [MailState.FAILED, MailState.SENT]


# ---- encryption ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that nobody has signed, with its key in the same file."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    key = path.with_name("key.pem")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    subprocess.run([*command.split(), "-keyout", str(key), "-out", str(path)], check=True, capture_output=True)
    path.write_text(path.read_text() + key.read_text())
    return path


def probe(port: int) -> None:
    """What the server waits for before it says that it is ready: a first visitor, here one who trusts anybody."""
    trusting = ssl._create_unverified_context()
    with socket.create_connection(("localhost", port)) as plain, trusting.wrap_socket(plain) as encrypted:
        encrypted.recv(100)


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_certificate_is_verified(certificate: Path, scheme: str) -> None:
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(certificate)
    handler = Answers()
    options = {"ssl_context": served} if scheme == "smtps" else {"tls_context": served, "require_starttls": True}
    controller = Controller(handler, hostname="localhost", port=free_port(), **options)
    if scheme == "smtps":
        controller._trigger_server = lambda: probe(controller.port)  # type: ignore[method-assign]
    controller.start()
    url = f"{scheme}://localhost:{controller.port}"
    try:
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            mailer(url, 5).send(MESSAGE)
        assert handler.taken == []
        trusting = lambda: ssl.create_default_context(cafile=str(certificate))  # noqa: E731
        SmtpMailer(server_of(url), 5, trusting).send(MESSAGE)
        assert len(handler.taken) == 1
    finally:
        controller.stop()


def test_server_without_encryption_gets_no_password() -> None:
    handler = Answers()
    with smtp_server(handler) as url, pytest.raises(Unreachable):
        mailer(url.replace("smtp://", "smtp+starttls://user:secret@"), 5).send(MESSAGE)
    assert handler.taken == []


def test_memory_mailer_keeps_what_is_sent(app: Flask) -> None:
    memory = MemoryMailer()
    memory.send(MESSAGE)
    assert memory.sent == [MESSAGE]
