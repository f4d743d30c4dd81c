"""Sending what is owed: claim one, look again whether it may be sent, render it once, hand it over, note the end."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from enum import Enum, auto
from time import monotonic

from flask import Flask, current_app

from jobs import holds, mail
from jobs.mailer import Mailer, MailError, Refused, Unreachable, mailer_of
from tenants.db import transaction
from tenants.notices import actions as notices
from tenants.notices.actions import Claimed
from tenants.schools import queries as schools
from tenants.scope import Scope
from tenants.words import N_

CLAIM = timedelta(minutes=10)
"""How long a claim holds: longer than a batch and the slowest mail after it."""
BATCH = timedelta(minutes=2)
"""After so long one district makes room for the next."""
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
TRIES = 8


@dataclass(slots=True)
class Desk:
    """What sending needs of its surroundings; `stopping` says that the process is about to end."""

    mailer: Mailer
    base_url: str
    sender: str
    stopping: Callable[[], bool] = lambda: False


class Result(Enum):
    SENT = auto()
    NOT_SENT = auto()
    UNREACHABLE = auto()


def run(scope: Scope, now: datetime) -> int:
    """Send the district's mails that are due; returns how many went out."""
    return deliver_all(scope, now, desk_of(current_app))


def desk_of(app: Flask) -> Desk:
    """The application's one desk, made from its settings."""
    if "mail_desk" not in app.extensions:
        settings = app.config["SETTINGS"]
        app.extensions["mail_desk"] = Desk(mailer_of(settings.smtp_url), settings.public_base_url, settings.mail_from)
    desk: Desk = app.extensions["mail_desk"]
    return desk


def deliver_all(scope: Scope, now: datetime, desk: Desk) -> int:
    """Send until nothing is due, the server is out of reach, or the batch has taken its time."""
    sent, ends = 0, monotonic() + BATCH.total_seconds()
    while not desk.stopping() and monotonic() < ends:
        with transaction(scope):
            claimed = notices.claim(scope, now, CLAIM)
        if claimed is None:
            break
        result = deliver(scope, claimed, now, desk)
        sent += result is Result.SENT
        if result is Result.UNREACHABLE:
            break
    return sent


def deliver(scope: Scope, claimed: Claimed, now: datetime, desk: Desk) -> Result:
    """Bring one claimed mail to its end, or put it off."""
    message = _prepare(scope, claimed, now, desk)
    if message is None:
        return Result.NOT_SENT
    try:
        desk.mailer.send(message)
    except MailError as error:
        with transaction(scope):
            _note_failure(scope, claimed, error, now)
        return Result.UNREACHABLE if isinstance(error, Unreachable) else Result.NOT_SENT
    with transaction(scope):
        notices.mark_sent(scope, claimed, now)
    return Result.SENT


def _prepare(scope: Scope, claimed: Claimed, now: datetime, desk: Desk) -> EmailMessage | None:
    """The message as its recipient may read it; None when it may not be sent, or is no longer ours to send."""
    theirs = scope.narrowed(claimed.school_id) if claimed.school_id else scope
    with transaction(theirs):
        hold = holds.reason(theirs, claimed, now)
        if hold:
            notices.suppress(theirs, claimed, str(hold))
            return None
        if claimed.attempts > TRIES:
            notices.mark_failed(theirs, claimed, N_("发送途中多次中断。"))
            return None
        return _rendered(theirs, claimed, now, desk)


def _rendered(scope: Scope, claimed: Claimed, now: datetime, desk: Desk) -> EmailMessage | None:
    district = schools.district(scope)
    try:
        content = claimed.content or mail.compose(claimed, district, now, desk.base_url)
        message = mail.message_of(claimed, content, district.office, desk.sender)
    except mail.Unsendable as error:
        notices.mark_failed(scope, claimed, str(error))
        return None
    return message if notices.keep_content(scope, claimed, content) else None


def _note_failure(scope: Scope, claimed: Claimed, error: MailError, now: datetime) -> None:
    if isinstance(error, Refused) or claimed.attempts >= TRIES:
        notices.mark_failed(scope, claimed, str(error))
    else:
        pause = BACK_OFF[min(claimed.attempts, len(BACK_OFF)) - 1]
        notices.put_off(scope, claimed, str(error), now + pause)
