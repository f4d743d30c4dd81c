"""The ranking as each policy discloses it, filtered, and compared with the quarter before."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tenants.db import transaction
from tenants.quarter import Quarter
from tenants.reporting.validation import Entry
from tenants.results import actions, queries
from tenants.results.queries import Filters, Phase, Ranking
from tenants.schools.models import Disclosure, OrgKind, Stage
from tests.tenants.results.loop import (
    accepted,
    disclose,
    filled_and_accepted,
    locks,
    new_school,
    opened,
    published,
    scored,
)
from tests.world import NOW, QUARTER, Someone, World

POOR = {"party_meeting_count": Entry(value=Decimal(0))}
NEXT = QUARTER.next
LATER = datetime(2026, 10, 5, 2, 0, tzinfo=UTC)


def publish_both(world: World, how: Disclosure = Disclosure.FULL) -> None:
    """Carol's school first, Alice's second."""
    disclose(world, how)
    scored(world, accepted(world, world.alice, world.bob, **POOR))
    scored(world, accepted(world, world.carol, world.dave))
    published(world)


def publish_next(world: World, how: Disclosure = Disclosure.FULL) -> None:
    """A quarter later Alice's school is first, and Carol's second."""
    opened(world.ada.scope, NEXT, LATER)
    disclose(world, how)
    first = filled_and_accepted(world, world.alice, world.bob, NEXT, LATER)
    second = filled_and_accepted(world, world.carol, world.dave, NEXT, LATER, **POOR)
    for school_id in (first, second):
        scored(world, school_id, NEXT, LATER)
    published(world, NEXT, LATER)


def ranking(someone: Someone, quarter: Quarter = QUARTER, filters: Filters = queries.EVERYTHING) -> Ranking:
    with transaction(someone.scope):
        return queries.standings(someone.scope, quarter, filters)


def told(found: Ranking) -> list[tuple[str, int | None, int | None, bool]]:
    return [(row.standing.name, row.rank, row.of, row.own) for row in found.rows]


def test_full_list(world: World) -> None:
    publish_both(world)
    assert told(ranking(world.alice)) == [("第二中学", 1, 2, False), ("第一小学", 2, 2, True)]
    assert told(ranking(world.carol)) == [("第二中学", 1, 2, True), ("第一小学", 2, 2, False)]
    assert ranking(world.alice).whole


def test_own_place_only(world: World) -> None:
    publish_both(world, Disclosure.OWN)
    assert told(ranking(world.alice)) == [("第一小学", 2, 2, True)]
    assert not ranking(world.alice).whole
    assert ranking(world.alice).tiers == ()


def test_tiers_hide_places(world: World) -> None:
    publish_both(world, Disclosure.TIERS)
    found = ranking(world.alice)
    assert told(found) == [("第一小学", None, None, True)]
    assert found.tiers == (("第一档", ("第二中学",)), ("第二档", ("第一小学",)))


@pytest.mark.parametrize("how", list(Disclosure))
def test_district_sees_all_whatever_schools_do(world: World, how: Disclosure) -> None:
    publish_both(world, how)
    for someone in (world.rita, world.ada, world.vera):
        assert told(ranking(someone)) == [("第二中学", 1, 2, False), ("第一小学", 2, 2, False)]


def test_city_sees_the_districts_name(world: World) -> None:
    publish_both(world, Disclosure.OWN)
    found = ranking(world.city_viewer)
    assert [(row.district_name, row.rank) for row in found.rows] == [("西区", 1), ("西区", 2)]
    assert ranking(world.city_viewer, filters=Filters(district_id=world.other_district)).rows == ()


def test_other_district_sees_none_of_it(world: World) -> None:
    publish_both(world)
    for someone in (world.zoe, world.yan):
        found = ranking(someone)
        assert (found.rows, found.phase, found.publication) == ((), Phase.REPORTING, None)


def test_filters_rank_within_what_is_asked_for(world: World) -> None:
    third = new_school(world, "1234567803", "第三小学", Stage.PRIMARY)
    scored(world, third, now=locks())
    publish_both(world)
    assert told(ranking(world.alice, filters=Filters(stage=Stage.PRIMARY))) == [
        ("第一小学", 1, 2, True),
        ("第三小学", 2, 2, False),
    ]
    assert told(ranking(world.alice, filters=Filters(org_kind=OrgKind.BRANCH, group="城区片"))) == [
        ("第二中学", 1, 2, False),
        ("第一小学", 2, 2, True),
    ]
    assert told(ranking(world.alice, filters=Filters(group="没有"))) == []


def test_own_place_under_filters_is_the_frozen_one(world: World) -> None:
    publish_both(world, Disclosure.OWN)
    assert told(ranking(world.alice, filters=Filters(stage=Stage.PRIMARY))) == [("第一小学", 1, 1, True)]
    assert told(ranking(world.alice, filters=Filters(org_kind=OrgKind.BRANCH))) == [("第一小学", 2, 2, True)]
    both = Filters(stage=Stage.PRIMARY, org_kind=OrgKind.BRANCH)
    assert told(ranking(world.alice, filters=both)) == [("第一小学", None, None, True)]


def test_ties_share_a_place(world: World) -> None:
    for number in (3, 4):
        scored(world, new_school(world, f"123456780{number}", f"第{number}小学", Stage.PRIMARY), now=locks())
    publish_both(world)
    assert [row.rank for row in ranking(world.vera).rows] == [1, 2, 3, 3]


def test_change_since_the_quarter_before(world: World) -> None:
    publish_both(world)
    publish_next(world)
    with transaction(world.job):
        then = queries.newest_run(world.job, world.school, QUARTER).total
        now = queries.newest_run(world.job, world.school, NEXT).total
    found = ranking(world.vera, NEXT)
    assert found.previous == QUARTER
    assert [(row.standing.name, row.rank, row.moved) for row in found.rows] == [("第一小学", 1, 1), ("第二中学", 2, -1)]
    assert found.rows[0].change == now - then > 0
    assert ranking(world.vera).rows[0].change is None


def test_change_is_told_to_the_school_as_far_as_it_may_know(world: World) -> None:
    publish_both(world, Disclosure.OWN)
    publish_next(world, Disclosure.FULL)
    first, second = ranking(world.alice, NEXT).rows
    assert (first.own, first.moved) == (True, 1)
    assert first.change is not None
    assert (second.own, second.change, second.moved) == (False, None, None)


def test_change_across_a_quarter_without_publication(world: World) -> None:
    publish_both(world)
    skipped = NEXT.next
    later = LATER + timedelta(days=92)
    opened(world.ada.scope, skipped, later)
    for pair in ((world.alice, world.bob), (world.carol, world.dave)):
        scored(world, filled_and_accepted(world, *pair, skipped, later), skipped, later)
    published(world, skipped, later)
    found = ranking(world.vera, skipped)
    assert found.previous == QUARTER
    assert [(row.standing.name, row.rank, row.moved) for row in found.rows] == [("第一小学", 1, 1), ("第二中学", 1, 0)]


PHASES = [(QUARTER.previous, Phase.NOT_OPEN), (QUARTER, Phase.REPORTING)]


@pytest.mark.parametrize(("quarter", "phase"), PHASES)
def test_before_publication_it_says_why(world: World, quarter: Quarter, phase: Phase) -> None:
    for someone in (world.alice, world.ada, world.city_viewer):
        found = ranking(someone, quarter)
        assert (found.phase, found.rows, found.publication) == (phase, (), None)
        assert "公布" in str(found.words) or "开放" in str(found.words)


def test_appeal_is_said(world: World) -> None:
    scored(world, accepted(world, world.alice, world.bob))
    with transaction(world.ada.scope):
        actions.open_appeal(world.ada.scope, QUARTER, NOW)
    assert ranking(world.alice).phase is Phase.APPEAL


def test_rows_without_places_keep_the_districts_order(world: World) -> None:
    publish_both(world, Disclosure.TIERS)
    assert [row.standing.position for row in ranking(world.vera).rows] == [1, 0]
