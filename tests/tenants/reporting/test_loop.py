"""A report from the first value to the district's word, and what an outsider sees of it: nothing."""

from decimal import Decimal

import pytest

from tenants import audit
from tenants.db import transaction
from tenants.errors import Conflict, Forbidden, NotFound
from tenants.reporting import actions, queries
from tenants.reporting.models import Verdict
from tenants.reporting.validation import Entry
from tenants.reporting.workflow import State
from tests.world import NOW, QUARTER, World, fill, send


def test_report_travels_to_acceptance(world: World) -> None:
    send(world, world.alice, world.bob, party_meeting_count=Entry(value=Decimal(2)))
    with transaction(world.rita.scope):
        actions.return_items(world.rita.scope, world.school, QUARTER, {"party_meeting_count": "缺 6 月纪要"}, NOW)
    with transaction(world.alice.scope):
        sheet = queries.sheet(world.alice.scope, world.school, QUARTER)
        assert sheet.report.state is State.RETURNED
        assert set(sheet.to_mend) == {"party_meeting_count"}
        with pytest.raises(Conflict):
            actions.submit(world.alice.scope, world.school, QUARTER, NOW)
    later = NOW.replace(hour=5)
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school, now=later)
        actions.submit(world.alice.scope, world.school, QUARTER, later)
    with transaction(world.bob.scope):
        actions.approve(world.bob.scope, world.school, QUARTER, later)
    with transaction(world.rita.scope):
        actions.accept(world.rita.scope, world.school, QUARTER, later)
        sheet = queries.sheet(world.rita.scope, world.school, QUARTER)
        assert sheet.report.state is State.ACCEPTED
        assert {review.verdict for review in sheet.reviews.values()} == {Verdict.ACCEPTED}
        assert list(audit.faults(world.rita.scope)) == []


def test_outsiders_find_no_report(world: World) -> None:
    for someone in (world.carol, world.zoe, world.yan):
        with transaction(someone.scope), pytest.raises(NotFound):
            queries.sheet(someone.scope, world.school, QUARTER)
        with transaction(someone.scope), pytest.raises((NotFound, Forbidden)):
            actions.submit(someone.scope, world.school, QUARTER, NOW)


def test_reviewer_never_reviews_own_school(world: World) -> None:
    send(world, world.carol, world.dave)
    with pytest.raises(Conflict, match="回避"), transaction(world.rita.scope):
        actions.accept(world.rita.scope, world.second_school, QUARTER, NOW)
