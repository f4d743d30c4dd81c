"""Handing a mail to a server: within a bounded time, and with a clear word on whether to try again."""

import logging
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import unquote, urlsplit

from tenants.errors import NotReady
from tenants.words import N_, words

log = logging.getLogger(__name__)

TIMEOUT = 15.0
"""Seconds for any one answer of the server."""
IN_ALL = 4
"""A whole mail takes at most this many time-outs, however slowly the server drips."""
PARTING = 2.0
"""Seconds that a server may take to say goodbye; the mail is safe by then."""


class MailError(Exception):
    """The mail was not taken; the text is the server's answer. To be tried again."""


class Refused(MailError):
    """The server will never take this mail (5xx)."""


class Unreachable(MailError):
    """There was no talking to the server at all, or it let nobody in: other mails would fare no better now."""


class Mailer(Protocol):
    def send(self, message: EmailMessage) -> None:
        """Hand `message` over, or raise MailError."""


@dataclass(slots=True)
class MemoryMailer:
    """Keeps what is sent: for tests, and for loading a demo."""

    sent: list[EmailMessage] = field(default_factory=list)

    def send(self, message: EmailMessage) -> None:
        self.sent.append(message)


class ConsoleMailer:
    """Writes mails to the log, for an installation without a mail server."""

    def send(self, message: EmailMessage) -> None:
        text = message.get_body(("plain",))
        log.info("mail to %s: %s\n%s", message["To"], message["Subject"], text.get_content() if text else "")


@dataclass(frozen=True, slots=True)
class Server:
    """What an SMTP address says."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)


PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


def server_of(url: str) -> Server:
    """Read `smtp://`, `smtps://` or `smtp+starttls://`; NotReady when it is none of them."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in PORTS or not parts.hostname:
        raise NotReady(words(N_("SMTP_URL 应为 smtp://、smtps:// 或 smtp+starttls:// 加主机名，或 console:。")))
    return Server(
        parts.scheme, parts.hostname, port or PORTS[parts.scheme], unquote(parts.username or ""),
        unquote(parts.password or ""),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SmtpMailer:
    """One connection for each mail: nothing that went wrong with one is left over for the next."""

    server: Server
    timeout: float = TIMEOUT
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context

    def send(self, message: EmailMessage) -> None:
        connection = self._client()
        with _cut_after(connection, self.timeout * IN_ALL), _closing(connection):
            self._enter(connection)
            _hand_over(connection, message)
            _part(connection, min(self.timeout, PARTING))

    def _client(self) -> smtplib.SMTP:
        own_name = socket.gethostname() or "localhost"
        if self.server.scheme == "smtps":
            return smtplib.SMTP_SSL(local_hostname=own_name, timeout=self.timeout, context=self.tls())
        return smtplib.SMTP(local_hostname=own_name, timeout=self.timeout)

    def _enter(self, connection: smtplib.SMTP) -> None:
        """Connect, encrypt, sign in; whatever goes wrong here goes wrong for every mail."""
        server = self.server
        try:
            connection._host = server.host  # type: ignore[attr-defined]  # the name that TLS verifies
            code, said = connection.connect(server.host, server.port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, said)
            if server.scheme == "smtp+starttls":
                connection.starttls(context=self.tls())
            connection.ehlo_or_helo_if_needed()
            if server.user:
                connection.login(server.user, server.password)
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            raise Unreachable(_text(error)) from error


def _hand_over(connection: smtplib.SMTP, message: EmailMessage) -> None:
    try:
        connection.send_message(message)
    except (OSError, smtplib.SMTPException, UnicodeError) as error:
        final = 500 <= _code(error) <= 599 or isinstance(error, smtplib.SMTPNotSupportedError | UnicodeError)
        raise (Refused if final else MailError)(_text(error)) from error


def _part(connection: smtplib.SMTP, patience: float) -> None:
    """Say goodbye; the answer no longer matters."""
    with suppress(OSError, smtplib.SMTPException):
        if connection.sock is not None:
            connection.sock.settimeout(patience)
        connection.quit()


@contextmanager
def _closing(connection: smtplib.SMTP) -> Iterator[None]:
    try:
        yield
    finally:
        connection.close()


@contextmanager
def _cut_after(connection: smtplib.SMTP, seconds: float) -> Iterator[None]:
    """End the connection when the mail takes longer than `seconds` in all: whoever waits on it gets an error."""

    def cut() -> None:
        with suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _code(error: Exception) -> int:
    """The server's code in an error; 0 when it gave none."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return max((code for code, _ in error.recipients.values()), default=0)
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0


def _text(error: Exception) -> str:
    """The server's answer, or the system's word, in one line."""
    said: bytes | str = f"{type(error).__name__}: {error}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        _, said = max(error.recipients.values(), default=(0, b""))
    elif isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(f"{_code(error) or ''} {text}".split())[:300]


def mailer_of(smtp_url: str, timeout: float = TIMEOUT) -> Mailer:
    """The mailer that SMTP_URL asks for."""
    if smtp_url.strip() == "console:":
        return ConsoleMailer()
    return SmtpMailer(server_of(smtp_url.strip()), timeout)
