"""Gaps, and one school's score taken apart."""

from decimal import Decimal
from fractions import Fraction

import pytest

from tenants.db import transaction
from tenants.errors import NotFound
from tenants.reporting import actions as reporting
from tenants.reporting.validation import Entry
from tenants.results import queries
from tenants.results.queries import Explanation, Filters, Gaps
from tenants.schools.models import Disclosure, Stage
from tenants.scoring.rules import half_up
from tenants.scoring.values import Light
from tests.tenants.results.loop import accepted, disclose, locks, new_school, published, scored
from tests.world import NOW, QUARTER, Someone, World, fill

POOR = {"party_meeting_count": Entry(value=Decimal(0)), "principal_meeting_count": Entry(value=Decimal(1))}
LESS = {"party_meeting_count": Entry(value=Decimal(1))}


def publish_both(world: World) -> None:
    scored(world, accepted(world, world.alice, world.bob, **LESS))
    scored(world, accepted(world, world.carol, world.dave, party_meeting_count=Entry(value=Decimal(0))))
    published(world)


def gaps(someone: Someone, filters: Filters = queries.EVERYTHING) -> Gaps:
    with transaction(someone.scope):
        return queries.gaps(someone.scope, QUARTER, filters)


def explained(someone: Someone, world: World) -> Explanation:
    with transaction(someone.scope):
        return queries.school_explanation(someone.scope, world.school, QUARTER)


def test_gaps_come_with_the_largest_first(world: World) -> None:
    publish_both(world)
    found = gaps(world.vera)
    assert [row.standing.name for row in found.rows] == ["第二中学", "第一小学"]
    assert found.rows[0].lost > found.rows[1].lost > 0
    assert str(found.rows[0].short).startswith("还差")
    assert found.schools == 2


def test_gaps_of_an_indicator_are_added_up(world: World) -> None:
    publish_both(world)
    (gap,) = gaps(world.ada).indicators
    assert (gap.code, gap.schools, gap.missing) == ("party_meeting_count", 2, 0)
    assert gap.lost == sum(row.lost for row in gaps(world.ada).rows)
    assert gap.red + gap.yellow >= 1
    assert "." in gap.number
    assert gap.name


def test_missing_counts_as_red(world: World) -> None:
    new = new_school(world, "1234567803", "第三小学", Stage.PRIMARY)
    scored(world, new, now=locks())
    publish_both(world)
    found = gaps(world.ada, Filters(stage=Stage.PRIMARY))
    assert found.schools == 2
    gap = next(gap for gap in found.indicators if gap.code == "party_meeting_count")
    assert (gap.schools, gap.missing) == (2, 1)
    assert gap.red >= 1
    assert "还没有报送" in {str(row.short) for row in found.rows}


@pytest.mark.parametrize("how", list(Disclosure))
def test_school_sees_its_own_gaps_only(world: World, how: Disclosure) -> None:
    disclose(world, how)
    publish_both(world)
    assert {row.standing.school_id for row in gaps(world.alice).rows} == {world.school}
    assert {row.standing.school_id for row in gaps(world.dave).rows} == {world.second_school}


def test_gaps_are_of_published_runs(world: World) -> None:
    scored(world, accepted(world, world.alice, world.bob, **LESS))
    for someone in (world.alice, world.ada, world.city_viewer):
        assert gaps(someone).rows == ()
        assert str(gaps(someone).words)


def test_city_sees_gaps_with_the_districts_name(world: World) -> None:
    publish_both(world)
    assert {row.district_name for row in gaps(world.city_viewer).rows} == {"西区"}


# ---- one school ----------------------------------------------------------------------------------------------------


def test_figures_add_up_to_the_score(world: World) -> None:
    publish_both(world)
    found = explained(world.alice, world)
    run = found.run
    assert sum(group.earned for group in found.groups) == found.earned
    assert sum(group.lost for group in found.groups) == found.lost
    assert found.earned + found.lost == found.weight
    assert half_up(Fraction(100) * Fraction(found.earned) / Fraction(found.weight)) == run.base
    assert run.base + run.bonus - run.penalty == run.total
    assert sum(line.points for line in found.penalties) == run.penalty
    assert found.published


def test_each_point_leads_back_to_person_and_document(world: World) -> None:
    publish_both(world)
    item = next(item for item in explained(world.alice, world).items if item.item.code == "party_meeting_count")
    (unit,) = item.units
    assert unit.entered is not None
    assert (unit.entered.name, unit.entered.at, str(unit.value)) == ("艾丽思", NOW, "1 次")
    assert item.reviewed is not None
    assert item.reviewed.name == "安管理"
    assert "扣" in str(item.item.why)
    assert "扣" in str(item.rule)
    assert item.item.light in (Light.RED, Light.YELLOW)
    assert [source.code for source in item.sources] == list(item.indicator.sources)


def test_approval_is_named(world: World) -> None:
    publish_both(world)
    found = explained(world.ada, world)
    assert found.approved is not None
    assert found.accepted is not None
    assert (found.approved.name, found.accepted.name) == ("鲍书记", "安管理")


def test_reason_of_what_does_not_apply_is_kept(world: World) -> None:
    reason = Entry(na_reason="本学期没有这项工作")
    scored(world, accepted(world, world.alice, world.bob, party_meeting_count=reason))
    item = next(item for item in explained(world.alice, world).items if item.item.code == "party_meeting_count")
    assert (item.item.state, item.item.lost, item.item.light) == ("not_applicable", 0, None)
    assert item.units[0].not_applicable == "本学期没有这项工作"


def test_lateness_is_explained(world: World) -> None:
    scored(world, world.school, now=locks())
    found = explained(world.alice, world)
    (line,) = found.penalties
    assert (line.code, line.events, line.points) == ("p_late", 7, 2)
    assert found.approved is None
    assert not found.published


def test_who_sees_what_before_and_after_publication(world: World) -> None:
    scored(world, accepted(world, world.alice, world.bob))
    scored(world, accepted(world, world.carol, world.dave))
    for someone in (world.alice, world.bob, world.rita, world.ada):
        assert not explained(someone, world).published
    for someone in (world.vera, world.city_viewer):
        with pytest.raises(NotFound):
            explained(someone, world)
    published(world)
    for someone in (world.alice, world.vera, world.city_viewer):
        assert explained(someone, world).published


def test_district_viewer_keeps_the_published_run(world: World) -> None:
    """A run that is newer than the publication is for those who work on it."""
    publish_both(world)
    before = explained(world.vera, world).run
    with transaction(world.ada.scope):
        reporting.reopen(world.ada.scope, world.school, QUARTER, "数据有误", NOW)
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school, **POOR)
        reporting.submit(world.alice.scope, world.school, QUARTER, NOW)
    with transaction(world.bob.scope):
        reporting.approve(world.bob.scope, world.school, QUARTER, NOW)
    with transaction(world.ada.scope):
        reporting.accept(world.ada.scope, world.school, QUARTER, NOW)
    scored(world, world.school)
    assert explained(world.alice, world).run.number == explained(world.rita, world).run.number == 2
    assert explained(world.vera, world).run == explained(world.city_viewer, world).run == before
