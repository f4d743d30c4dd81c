"""The outbox is emptied once: also by two at a time, after a crash, and never with what may no longer be told."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
import sqlalchemy as sa
from flask import Flask

from jobs import holds, mail, remind
from jobs.deliver_mail import CLAIM, TRIES, Desk, deliver_all, desk_of
from jobs.mailer import MemoryMailer
from jobs.runner import run_job
from jobs.schedule import job_named
from tenants.db import session, transaction
from tenants.notices import actions as notices
from tenants.notices.models import Mail, MailState, Rule
from tenants.reporting.queries import quarter_view
from tenants.schools import actions as schools
from tenants.schools.models import Account
from tenants.scope import Scope
from tests.jobs.outbox import BASE, CANARY, desk, owe, returned_facts, rows, states
from tests.world import NOW, QUARTER, World, send
from web.config import Settings

LATER = NOW + timedelta(hours=1)


def body(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def html(message: EmailMessage) -> str:
    part = message.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def test_mail_goes_out_once(world: World) -> None:
    memory = MemoryMailer()
    assert owe(world) == 1
    assert owe(world) == 0
    assert deliver_all(world.job, NOW, desk(memory)) == 1
    assert deliver_all(world.job, LATER, desk(memory)) == 0
    row = rows(world.job)[0]
    assert (row.state, row.sent_at, row.attempts, row.last_error) == (MailState.SENT, NOW, 1, "")
    message = memory.sent[0]
    assert message["Message-ID"] == row.message_id
    assert message["To"] == "alice@xq.example"
    assert str(message["From"]) == "中共西区委教育工委 <linghang@xq.example>"
    assert CANARY in body(message)
    assert CANARY in html(message)


def test_schedule_delivers_for_every_district(app: Flask, world: World) -> None:
    memory = MemoryMailer()
    app.extensions["mail_desk"] = desk(memory)
    try:
        owe(world)
        owe(world, world.yan, scope=world.other_job, facts=returned_facts("东风小学", "东区的事"))
        outcome = run_job(app, job_named("deliver_mail"), NOW)
    finally:
        del app.extensions["mail_desk"]
    assert (outcome.done, outcome.failures) == (2, 0)
    assert {(str(sent["To"]), CANARY in body(sent), "东区的事" in body(sent)) for sent in memory.sent} == {
        ("alice@xq.example", True, False),
        ("yan@dq.example", False, True),
    }


def test_desk_is_made_from_the_settings(app: Flask) -> None:
    found = desk_of(app)
    assert (found.base_url, found.sender) == ("http://127.0.0.1:8000", "linghang@localhost")
    assert desk_of(app) is found


def test_district_sends_its_own_mails_only(world: World) -> None:
    owe(world)
    assert deliver_all(world.other_job, NOW, desk()) == 0
    assert states(world.job) == [MailState.WAITING]


def test_worker_about_to_end_claims_nothing_more(world: World) -> None:
    owe(world, world.alice, world.bob)
    memory = MemoryMailer()
    stopping = Desk(memory, BASE, "linghang@xq.example", lambda: bool(memory.sent))
    assert deliver_all(world.job, NOW, stopping) == 1
    assert sorted(row.attempts for row in rows(world.job)) == [0, 1]


# ---- what is looked at again before sending ------------------------------------------------------------------------


def leave(world: World) -> None:
    assert world.alice.post.membership_id
    with transaction(world.ada.scope):
        schools.end_post(world.ada.scope, world.alice.post.membership_id, NOW, reason="调离")


def disable(world: World) -> None:
    change_alice(world, disabled_at=NOW)


def change_alice(world: World, **values: object) -> None:
    with transaction(world.job):
        alice = sa.update(Account).where(Account.id == world.alice.person.id)
        session().execute(world.job.over(alice.values(**values)))


def report(world: World) -> None:
    send(world, world.alice, world.bob)


def due(world: World) -> dict[str, str]:
    with transaction(world.job):
        return {"school": "第一小学", "due_at": quarter_view(world.job, QUARTER).due_at.isoformat()}


CHANGES: list[tuple[Rule, str, Callable[[World], None], str]] = [
    (Rule.RETURNED, "return-1", leave, "不在该单位任职"),
    (Rule.RETURNED, "return-1", disable, "已停用"),
    (Rule.REMINDER, "T-3", report, "报表已经报送"),
    (Rule.REMINDER, "manual-2026-07-05", report, "报表已经报送"),
    (Rule.OVERDUE, "+1", report, "报表已经报送"),
]


@pytest.mark.parametrize(("rule", "cause", "change", "reason"), CHANGES)
def test_what_has_changed_meanwhile_suppresses_a_mail(
    world: World, rule: Rule, cause: str, change: Callable[[World], None], reason: str
) -> None:
    owe(world, rule=rule, cause=cause, facts=returned_facts() if rule is Rule.RETURNED else due(world))
    change(world)
    memory = MemoryMailer()
    assert deliver_all(world.job, NOW, desk(memory)) == 0
    assert memory.sent == []
    row = rows(world.job)[0]
    assert row.state is MailState.SUPPRESSED
    assert reason in row.last_error


def test_mail_about_a_sent_report_other_than_a_chase_goes_out(world: World) -> None:
    owe(world)
    report(world)
    assert deliver_all(world.job, NOW, desk()) == 1


@pytest.mark.parametrize(("cause", "state"), [("T-1", MailState.SUPPRESSED), ("manual-2026-07-11", MailState.SENT)])
def test_scheduled_reminder_is_not_sent_after_the_deadline(world: World, cause: str, state: MailState) -> None:
    facts = due(world)
    owe(world, rule=Rule.REMINDER, cause=cause, facts=facts)
    deliver_all(world.job, datetime.fromisoformat(facts["due_at"]), desk())
    assert states(world.job) == [state]


@pytest.mark.parametrize(("rule", "old", "new"), [(Rule.REMINDER, "T-3", "T-1"), (Rule.OVERDUE, "+1", "+3")])
def test_old_and_new_chase_never_go_out_together(world: World, rule: Rule, old: str, new: str) -> None:
    owe(world, rule=rule, cause=old, facts=due(world))
    owe(world, rule=rule, cause=new, facts=due(world), now=LATER)
    assert deliver_all(world.job, LATER, desk()) == 1
    assert {row.cause: row.state for row in rows(world.job)} == {old: MailState.SUPPRESSED, new: MailState.SENT}


def test_reminder_from_the_schedule_to_the_letterbox(world: World) -> None:
    memory = MemoryMailer()
    remind.run(world.job, NOW)
    assert deliver_all(world.job, NOW, desk(memory)) == 2
    for message in memory.sent:
        mine, other = ("第一小学", "第二中学") if "alice" in message["To"] else ("第二中学", "第一小学")
        whole = f"{message['Subject']}{body(message)}{html(message)}"
        assert mine in whole
        assert other not in whole


def test_mail_is_made_under_a_scope_of_the_recipients_school_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Scope] = []
    monkeypatch.setattr(holds, "reason", lambda scope, mail, now: seen.append(scope))
    owe(world)
    assert deliver_all(world.job, NOW, desk()) == 1
    assert [(scope.schools, scope.whole_district) for scope in seen] == [(frozenset({world.school}), False)]


# ---- one rendering, one link ---------------------------------------------------------------------------------------


class Broken(MemoryMailer):
    """Takes the mail, and dies before anybody knows."""

    def send(self, message: EmailMessage) -> None:
        super().send(message)
        raise KeyboardInterrupt


def test_crash_after_acceptance_sends_the_same_again_when_the_claim_has_run_out(world: World) -> None:
    owe(world)
    broken, good = Broken(), MemoryMailer()
    with pytest.raises(KeyboardInterrupt):
        deliver_all(world.job, NOW, desk(broken))
    with transaction(world.job):
        session().execute(world.job.update(Mail).values(facts={"school": "改名"}))
    assert deliver_all(world.job, NOW + CLAIM, desk(good)) == 0
    assert deliver_all(world.job, NOW + CLAIM + timedelta(seconds=1), desk(good)) == 1
    assert bytes(broken.sent[0]) == bytes(good.sent[0])


def test_mail_that_kills_its_worker_comes_to_an_end(world: World) -> None:
    owe(world)
    now, broken = NOW, Broken()
    for _ in range(TRIES):
        with pytest.raises(KeyboardInterrupt):
            deliver_all(world.job, now, desk(broken))
        now += 2 * CLAIM
    assert deliver_all(world.job, now, desk(broken)) == 0
    assert states(world.job) == [MailState.FAILED]


def test_paused_worker_does_not_send_what_another_has_taken_over(
    app: Flask, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    owe(world)
    second, compose = MemoryMailer(), mail.compose

    def pause(*args: object) -> object:
        monkeypatch.setattr(mail, "compose", compose)
        with app.app_context():
            assert deliver_all(world.job, NOW + 2 * CLAIM, desk(second)) == 1
        return compose(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(mail, "compose", pause)
    first = MemoryMailer()
    assert deliver_all(world.job, NOW, desk(first)) == 0
    assert (len(first.sent), len(second.sent)) == (0, 1)


LINK = {"link": f"{BASE}/invite/secret-token", "login": "xq.alice", "until": (NOW + timedelta(days=7)).isoformat()}


def test_invitations_link_is_forgotten_once_sent(world: World) -> None:
    owe(world, rule=Rule.INVITATION, cause="invite-1", facts=LINK)
    memory = MemoryMailer()
    assert deliver_all(world.job, NOW, desk(memory)) == 1
    assert "secret-token" in body(memory.sent[0])
    assert "secret-token" in html(memory.sent[0])
    row = rows(world.job)[0]
    assert "secret-token" not in f"{row.facts}{row.subject}{row.text}{row.html}"
    assert row.facts["login"] == "xq.alice"


def test_expired_invitation_is_neither_sent_nor_kept(world: World) -> None:
    owe(world, rule=Rule.INVITATION, cause="invite-1", facts=LINK)
    assert deliver_all(world.job, NOW + timedelta(days=7), desk()) == 0
    row = rows(world.job)[0]
    assert row.state is MailState.SUPPRESSED
    assert "secret-token" not in str(row.facts)


@pytest.mark.parametrize("facts", [{}, {"school": "第一小学", "items": [{}], "until": "2026-07-20"}, {"items": 3}])
def test_facts_that_make_no_mail_are_a_visible_failure(world: World, facts: dict[str, object]) -> None:
    owe(world, facts=facts or {"nothing": 1})
    owe(world, world.bob, now=LATER)
    assert deliver_all(world.job, LATER, desk()) == 1
    assert states(world.job) == [MailState.FAILED, MailState.SENT]


# ---- two at a time -------------------------------------------------------------------------------------------------


class Slow(MemoryMailer):
    """Lets the other one in."""

    def send(self, message: EmailMessage) -> None:
        threading.Event().wait(0.002)
        super().send(message)


def test_two_workers_empty_one_outbox_without_a_double(own_database: tuple[Flask, World, Settings]) -> None:
    app, world, _ = own_database
    with app.app_context():
        for number in range(20):
            owe(world, world.alice, world.bob, cause=f"return-{number}")
    memory = Slow()
    done: list[int] = []

    def work() -> None:
        with app.app_context():
            done.append(deliver_all(world.job, NOW, desk(memory)))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(done) == 40
    assert Counter(message["Message-ID"] for message in memory.sent).most_common(1)[0][1] == 1
    with app.app_context():
        assert Counter(states(world.job)) == {MailState.SENT: 40}


def test_failed_mail_can_be_sent_again_to_the_address_of_today(world: World) -> None:
    owe(world)
    with transaction(world.job):
        session().execute(world.job.update(Mail).values(state=MailState.FAILED, attempts=8))
    change_alice(world, email="new@xq.example")
    memory = MemoryMailer()
    mail_id = rows(world.job)[0].id
    with transaction(world.ada.scope):
        notices.resend(world.ada.scope, mail_id, LATER)
    assert deliver_all(world.job, LATER, desk(memory)) == 1
    assert memory.sent[0]["To"] == "new@xq.example"
