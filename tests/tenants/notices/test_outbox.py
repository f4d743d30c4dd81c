"""The outbox as its people see it: masked for the administrator, counts for the operator, nothing for the others."""

from datetime import timedelta

import pytest

from tenants.db import session, transaction
from tenants.errors import Conflict, Forbidden, NotFound
from tenants.notices import actions, queries
from tenants.notices.models import Mail, MailState, Rule
from tenants.notices.queries import masked
from tests.jobs.outbox import CANARY, owe, returned_facts, rows
from tests.world import NOW, QUARTER, World

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("address", "shown"),
    [("alice@x.cn", "a***@x.cn"), ("a@x.cn", "a***@x.cn"), ("甲@x.cn", "甲***@x.cn"), ("", "***"), ("nobody", "n***")],
)
def test_masked(address: str, shown: str) -> None:
    assert masked(address) == shown


def fail_first(world: World) -> Mail:
    with transaction(world.job):
        claimed = actions.claim(world.job, NOW, HOUR)
        assert claimed is not None
        assert actions.mark_failed(world.job, claimed, "550 no such user")
    return rows(world.job)[0]


def test_administrator_sees_the_state_of_each_mail(world: World) -> None:
    owe(world)
    fail_first(world)
    owe(world, world.carol, now=NOW + HOUR)
    with transaction(world.ada.scope):
        newest, oldest = queries.mails(world.ada.scope)
        assert queries.mails(world.ada.scope, state=MailState.FAILED) == (oldest,)
        assert queries.mails(world.ada.scope, school_id=world.second_school) == (newest,)
        assert queries.mails(world.ada.scope, limit=1, offset=1) == (oldest,)
    assert (oldest.state, oldest.rule, oldest.quarter) == (MailState.FAILED, Rule.RETURNED, QUARTER)
    assert (oldest.school, oldest.recipient, oldest.address) == ("第一小学", "艾丽思", "a***@xq.example")
    assert (oldest.attempts, oldest.last_error, oldest.sent_at) == (1, "550 no such user", None)
    assert CANARY not in repr(oldest)


def test_outsiders_see_no_mail(world: World) -> None:
    owe(world)
    with transaction(world.zoe.scope):
        assert queries.mails(world.zoe.scope) == ()
        assert queries.counts(world.zoe.scope) == ()
    others = (world.alice, world.bob, world.carol, world.rita, world.vera, world.city_viewer, world.oscar)
    for someone in others:
        with transaction(someone.scope), pytest.raises(Forbidden):
            queries.mails(someone.scope)


def test_row_policies_hide_other_schools_mails(world: World) -> None:
    owe(world)
    for someone, seen in ((world.alice, 1), (world.bob, 1), (world.carol, 0), (world.yan, 0), (world.zoe, 0)):
        with transaction(someone.scope):
            found = session().scalars(someone.scope.over(world.job.select(Mail).with_only_columns(Mail.id)))
            assert len(found.all()) == seen, someone.name


def test_counts_are_all_that_the_operator_gets(world: World) -> None:
    owe(world)
    fail_first(world)
    owe(world, world.carol, world.dave, now=NOW + HOUR)
    owe(world, world.yan, scope=world.other_job, facts=returned_facts("东风小学"))
    with transaction(world.oscar.scope):
        found = {each.district_id: each for each in queries.counts(world.oscar.scope)}
    assert found[world.district].by_state == {MailState.FAILED: 1, MailState.WAITING: 2}
    assert found[world.district].waiting_since == NOW + HOUR
    assert found[world.other_district].by_state == {MailState.WAITING: 1}
    with transaction(world.ada.scope):
        assert queries.counts(world.ada.scope) == (found[world.district],)
    for someone in (world.alice, world.rita, world.vera, world.city_viewer):
        with transaction(someone.scope), pytest.raises(Forbidden):
            queries.counts(someone.scope)


def test_failed_mail_is_sent_again_by_the_administrator(world: World) -> None:
    owe(world)
    failed = fail_first(world)
    with transaction(world.ada.scope):
        actions.resend(world.ada.scope, failed.id, NOW + HOUR)
    row = rows(world.job)[0]
    assert (row.state, row.attempts, row.next_try_at) == (MailState.WAITING, 0, NOW + HOUR)
    with pytest.raises(Conflict), transaction(world.ada.scope):
        actions.resend(world.ada.scope, failed.id, NOW + HOUR)


def test_nobody_else_sends_again(world: World) -> None:
    owe(world)
    failed = fail_first(world)
    with pytest.raises(NotFound), transaction(world.zoe.scope):
        actions.resend(world.zoe.scope, failed.id, NOW)
    for someone in (world.alice, world.carol, world.rita, world.vera, world.oscar, world.city_viewer):
        with pytest.raises(Forbidden), transaction(someone.scope):
            actions.resend(someone.scope, failed.id, NOW)
    assert rows(world.job)[0].state is MailState.FAILED


def test_claim_takes_the_oldest_due_one_and_runs_out(world: World) -> None:
    owe(world, world.bob, now=NOW + HOUR)
    owe(world, world.alice)
    with transaction(world.job):
        first = actions.claim(world.job, NOW + HOUR, HOUR)
        second = actions.claim(world.job, NOW + HOUR, HOUR)
        assert actions.claim(world.job, NOW + HOUR, HOUR) is None
        again = actions.claim(world.job, NOW + 3 * HOUR, HOUR)
    assert first and second and again
    assert (first.address, second.address) == ("alice@xq.example", "bob@xq.example")
    assert (again.id, again.attempts) == (first.id, 2)
    with transaction(world.job):
        assert not actions.mark_sent(world.job, first, NOW), "the claim has passed to another"
        assert actions.mark_sent(world.job, again, NOW)
        assert not actions.mark_failed(world.job, again, "too late")


def test_recipients_without_an_address_are_owed_nothing(world: World) -> None:
    with transaction(world.job):
        assert actions.owe(world.job, Rule.RETURNED, (), cause="x", facts={}, now=NOW) == 0
