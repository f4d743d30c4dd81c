"""Appeal and publication: who may, when it is refused, what is frozen, who is told what."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tenants.db import db, session, transaction
from tenants.errors import Conflict, Forbidden, NotFound
from tenants.notices.models import Mail, Rule
from tenants.quarter import Quarter
from tenants.reporting import actions as reporting
from tenants.reporting import queries as reports
from tenants.reporting.validation import Entry
from tenants.reporting.workflow import State
from tenants.results import actions, queries
from tenants.results.models import Standing
from tenants.results.publishing import tier_of
from tenants.schools import actions as schools
from tenants.schools.models import Disclosure, OrgKind, Stage
from tests.tenants.results.loop import accepted, disclose, locks, new_school, published, scored
from tests.world import NOW, QUARTER, Someone, World, admin_scope, fill, job_scope

POOR = {"party_meeting_count": Entry(value=Decimal(0))}


def both_scored(world: World, **given: Entry) -> None:
    """Alice's school as given, Carol's with full points."""
    scored(world, accepted(world, world.alice, world.bob, **given))
    scored(world, accepted(world, world.carol, world.dave))


def mails(world: World, rule: Rule) -> dict[str, dict[str, Any]]:
    with transaction(world.job):
        rows = session().scalars(world.job.select(Mail).where(Mail.rule == rule)).all()
    assert len({row.address for row in rows}) == len(rows)
    return {row.address: row.facts for row in rows}


def test_appeal_runs_three_working_days(world: World) -> None:
    both_scored(world)
    with transaction(world.ada.scope):
        assert actions.open_appeal(world.ada.scope, QUARTER, NOW) == 2
        state = queries.publishing_state(world.ada.scope, QUARTER)
    assert (state.counts[State.APPEAL], state.can_open_appeal, state.can_publish) == (2, False, True)
    assert state.appeal_until is not None
    assert state.appeal_until.isoformat() == "2026-07-08T15:59:59+00:00"  # NOW is a Sunday


def test_nothing_scored_nothing_to_appeal(world: World) -> None:
    with pytest.raises(Conflict, match="没有已计分"), transaction(world.ada.scope):
        actions.open_appeal(world.ada.scope, QUARTER, NOW)


def test_publishing_needs_an_appeal(world: World) -> None:
    both_scored(world)
    with pytest.raises(Conflict, match="申诉期"), transaction(world.ada.scope):
        actions.publish(world.ada.scope, QUARTER, NOW)


def test_unscored_school_holds_publication_up(world: World) -> None:
    scored(world, accepted(world, world.alice, world.bob))
    with pytest.raises(Conflict, match="还有 1 所学校没有计分"):
        published(world)
    with transaction(world.ada.scope):
        actions.publish(world.ada.scope, QUARTER, NOW, partial=True)
        ranking = queries.standings(world.ada.scope, QUARTER)
    assert [row.standing.school_id for row in ranking.rows] == [world.school]


def test_scored_school_without_appeal_holds_publication_up(world: World) -> None:
    scored(world, accepted(world, world.alice, world.bob))
    with transaction(world.ada.scope):
        actions.open_appeal(world.ada.scope, QUARTER, NOW)
    scored(world, accepted(world, world.carol, world.dave))
    with pytest.raises(Conflict, match="没有进入申诉期"), transaction(world.ada.scope):
        actions.publish(world.ada.scope, QUARTER, NOW)


def test_quarter_without_dates(world: World) -> None:
    for action in (actions.open_appeal, actions.publish):
        with pytest.raises(NotFound), transaction(world.ada.scope):
            action(world.ada.scope, Quarter(2027, 3), NOW)


@pytest.mark.parametrize("name", ["alice", "bob", "carol", "rita", "vera", "city_viewer", "oscar"])
def test_only_the_admin_publishes(world: World, name: str) -> None:
    both_scored(world)
    someone: Someone = getattr(world, name)
    for action in (actions.open_appeal, actions.publish):
        with pytest.raises(Forbidden), transaction(someone.scope):
            action(someone.scope, QUARTER, NOW)


def test_other_districts_admin_touches_nothing(world: World) -> None:
    both_scored(world)
    with pytest.raises(Conflict), transaction(world.zoe.scope):
        actions.open_appeal(world.zoe.scope, QUARTER, NOW)
    with transaction(world.job):
        assert {report.state for report in reports.reports(world.job, QUARTER)} == {State.SCORED}


def test_ranks_are_frozen_with_honest_ties(world: World) -> None:
    """Two schools that never sent anything share the third place of four."""
    lazy = [new_school(world, f"123456780{n}", f"第{n}小学", Stage.PRIMARY) for n in (3, 4)]
    both_scored(world, **POOR)
    for school_id in lazy:
        scored(world, school_id, now=locks())
    publication = published(world, now=locks())
    with transaction(world.ada.scope):
        statement = world.ada.scope.select(Standing).where(Standing.publication_id == publication)
        ranks = {row.school_id: row.ranks for row in session().scalars(statement)}
    assert ranks == {
        world.second_school: {"district": [1, 4], "stage": [1, 1], "kind": [1, 2]},
        world.school: {"district": [2, 4], "stage": [1, 3], "kind": [2, 2]},
        lazy[0]: {"district": [3, 4], "stage": [2, 3], "kind": [1, 2]},
        lazy[1]: {"district": [3, 4], "stage": [2, 3], "kind": [1, 2]},
    }


def test_standing_keeps_what_was_true_then(world: World) -> None:
    both_scored(world)
    published(world)
    with transaction(world.ada.scope):
        schools.change_school(
            world.ada.scope, world.school, code="1234567801", position=5, name="新名小学", short_name="", stage=Stage.COMPLETE,
            org_kind=OrgKind.COMMITTEE, group_name="", one_leader=False,
        )  # fmt: skip
        rows = queries.standings(world.ada.scope, QUARTER).rows
    (kept,) = [row.standing for row in rows if row.standing.school_id == world.school]
    assert (kept.name, kept.stage, kept.org_kind, kept.group_name) == (
        "第一小学", Stage.PRIMARY, OrgKind.BRANCH, "城区片",
    )  # fmt: skip


def test_correction_is_a_second_version(world: World) -> None:
    both_scored(world)
    first = published(world)
    later = NOW + timedelta(days=1)
    with transaction(world.ada.scope):
        reporting.reopen(world.ada.scope, world.school, QUARTER, "数据有误", later)
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school, now=later, **POOR)
        reporting.submit(world.alice.scope, world.school, QUARTER, later)
    with transaction(world.bob.scope):
        reporting.approve(world.bob.scope, world.school, QUARTER, later)
    with transaction(world.ada.scope):
        reporting.accept(world.ada.scope, world.school, QUARTER, later)
    scored(world, world.school, now=later)
    second = published(world, now=later)
    with transaction(world.ada.scope):
        newest = queries.publication(world.ada.scope, QUARTER)
        ranking = queries.standings(world.ada.scope, QUARTER)
    assert newest is not None
    assert (newest.id, newest.version, newest.schools) == (second, 2, 2)
    assert second != first
    assert [row.rank for row in ranking.rows] == [1, 2]


TIERS = [(1, 1, "第一档"), (1, 2, "第一档"), (2, 2, "第二档"), (1, 3, "第一档"), (2, 3, "第二档"), (3, 3, "第三档"),
         (20, 60, "第一档"), (21, 60, "第二档"), (40, 60, "第二档"), (41, 60, "第三档"), (60, 60, "第三档")]  # fmt: skip


@pytest.mark.parametrize(("place", "count", "tier"), TIERS)
def test_thirds(place: int, count: int, tier: str) -> None:
    assert tier_of(place, count) == tier


# ---- mails ---------------------------------------------------------------------------------------------------------

ADDRESSES = {"alice@xq.example", "bob@xq.example", "carol@xq.example", "dave@xq.example"}


def test_each_school_is_told_its_own(world: World) -> None:
    both_scored(world, **POOR)
    published(world)
    told = mails(world, Rule.PUBLISHED)
    assert set(told) == ADDRESSES
    with transaction(world.job):
        run = queries.newest_run(world.job, world.school, QUARTER)
    assert told["alice@xq.example"] == {
        "school": "第一小学", "quarter": "2026Q2", "version": 1, "total": f"{run.total:.2f}", "grade": run.grade,
        "change": None, "previous": None, "green": run.green, "yellow": run.yellow, "red": run.red, "tier": None,
        "ranks": {"district": [2, 2], "stage": [1, 1], "kind": [2, 2]},
    }  # fmt: skip
    assert "第一小学" not in str(told["carol@xq.example"])


def test_tiers_tell_no_place(world: World) -> None:
    disclose(world, Disclosure.TIERS)
    both_scored(world, **POOR)
    published(world)
    told = mails(world, Rule.PUBLISHED)
    assert (told["alice@xq.example"]["ranks"], told["alice@xq.example"]["tier"]) == (None, "第二档")
    assert told["carol@xq.example"]["tier"] == "第一档"


def test_red_indicators_are_listed_to_their_school_only(world: World) -> None:
    both_scored(world, **POOR)
    published(world)
    told = mails(world, Rule.RED_DIGEST)
    assert set(told) == {"alice@xq.example", "bob@xq.example"}
    (item,) = told["bob@xq.example"]["items"]
    assert item["short"].startswith("还差")
    assert Decimal(item["lost"]) > 0
    assert "." in item["number"]


def test_mails_name_their_publication(world: World) -> None:
    both_scored(world)
    published(world)
    with transaction(world.job):
        causes = session().scalars(world.job.select(Mail).where(Mail.rule == Rule.PUBLISHED)).all()
    assert {mail.cause for mail in causes} == {"publication-1"}


def test_sixty_schools_cost_few_reads(world: World) -> None:
    """What is read does not grow with the schools; what is written does."""
    both_scored(world)
    few = _reads(world)
    assert few > 4
    many = [new_school(world, f"12345679{n:02}", f"新校{n}", Stage.PRIMARY) for n in range(20)]
    for school_id in many:
        scored(world, school_id, now=locks())
    assert _reads(world) == few


def _reads(world: World) -> int:
    """Statements that read runs, items, people or standings while what is scored is published."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    with transaction(world.ada.scope):
        actions.open_appeal(world.ada.scope, QUARTER, NOW)
    sa.event.listen(db.engine.engine, "before_cursor_execute", note)
    try:
        with transaction(world.ada.scope):
            actions.publish(world.ada.scope, QUARTER, NOW)
    finally:
        sa.event.remove(db.engine.engine, "before_cursor_execute", note)
    tables = ("score_run", "score_item", "membership", "standing", "school ", "publication")
    return sum(
        one.startswith("SELECT") and any(f"FROM {table}" in one.replace("\n", " ") for table in tables) for one in seen
    )


def test_disclosure_at_publication_is_what_counts(world: World) -> None:
    """Changing the policy later does not open an older publication."""
    both_scored(world)
    published(world)
    disclose(world, Disclosure.FULL)
    with transaction(world.alice.scope):
        ranking = queries.standings(world.alice.scope, QUARTER)
    assert [row.standing.school_id for row in ranking.rows] == [world.school]


def test_job_scope_is_built_for_one_district(world: World) -> None:
    both_scored(world)
    published(world)
    other: UUID = world.other_district
    with transaction(scope := job_scope(other)):
        assert queries.publications(scope) == ()
    with transaction(scope := admin_scope(other)):
        assert queries.publication(scope, QUARTER) is None
