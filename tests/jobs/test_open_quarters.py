"""Quarters open by themselves, at the district's midnight, once."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs import open_quarters
from jobs.open_quarters import usual_dates
from tenants.db import transaction
from tenants.formats import ZONE
from tenants.quarter import Quarter
from tenants.reporting import actions as reporting
from tenants.reporting.queries import QuarterView, quarter_views, reports
from tenants.schemes.actions import newest_version
from tenants.schools import actions as schools
from tenants.schools.models import OrgKind, Stage
from tenants.scope import Scope
from tests.world import NOW, QUARTER, World

Q3 = Quarter(2026, 3)
OPENS = datetime(2026, 9, 19, 16, tzinfo=UTC)  # the 20th, 00:00 in Shanghai
SECOND = timedelta(seconds=1)

EDGES = [
    (Quarter(2026, 1), "2026-03-20 00:00", "2026-04-10 18:00", "2026-04-13 00:00", "2026-04-20 00:00"),
    (Quarter(2026, 3), "2026-09-20 00:00", "2026-10-10 18:00", "2026-10-13 00:00", "2026-10-20 00:00"),
    (Quarter(2026, 4), "2026-12-20 00:00", "2027-01-10 18:00", "2027-01-13 00:00", "2027-01-20 00:00"),
]


@pytest.mark.parametrize(("quarter", "opens", "due", "late", "locks"), EDGES)
def test_usual_dates(quarter: Quarter, opens: str, due: str, late: str, locks: str) -> None:
    found = usual_dates(quarter, ZONE)
    local = [f"{moment.astimezone(ZONE):%Y-%m-%d %H:%M}" for moment in found.values()]
    assert local == [opens, due, late, locks]


def views(scope: Scope) -> dict[Quarter, QuarterView]:
    with transaction(scope):
        return {view.quarter: view for view in quarter_views(scope)}


def count(scope: Scope, quarter: Quarter) -> int:
    with transaction(scope):
        return len(reports(scope, quarter))


def test_coming_quarter_gets_dates_and_opens_at_local_midnight(world: World) -> None:
    assert open_quarters.run(world.job, NOW) == 0
    coming = views(world.job)[Q3]
    assert (coming.opens_at, coming.opened_at) == (OPENS, None)
    with transaction(world.job):
        assert coming.scheme_version_id == newest_version(world.job)
    assert open_quarters.run(world.job, OPENS - SECOND) == 0
    assert open_quarters.run(world.job, OPENS) == 2
    assert open_quarters.run(world.job, OPENS) == 0
    assert views(world.job)[Q3].opened_at == OPENS
    assert count(world.job, Q3) == 2
    assert Q3 not in views(world.other_job)


LAST_SECOND = datetime(2026, 9, 30, 15, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(("now", "quarter"), [(LAST_SECOND, Q3), (LAST_SECOND + SECOND, Quarter(2026, 4))])
def test_quarter_changes_at_local_midnight(world: World, now: datetime, quarter: Quarter) -> None:
    open_quarters.run(world.job, now)
    assert max(views(world.job)) == quarter


def test_late_worker_opens_late_and_once(world: World) -> None:
    open_quarters.run(world.job, NOW)
    late = OPENS + timedelta(days=3)
    assert open_quarters.run(world.job, late) == 2
    assert views(world.job)[Q3].opened_at == late


def test_dates_that_somebody_set_are_left_alone(world: World) -> None:
    with transaction(world.ada.scope):
        version = newest_version(world.ada.scope)
        assert version is not None
        dates = usual_dates(Q3, ZONE)
        dates["opens_at"] += timedelta(days=2)
        reporting.set_dates(world.ada.scope, Q3, **dates, scheme_version_id=version, now=NOW)
    open_quarters.run(world.job, NOW)
    assert views(world.job)[Q3].opens_at == OPENS + timedelta(days=2)
    assert open_quarters.run(world.job, OPENS) == 0


def test_without_a_scheme_there_are_no_dates(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_quarters, "newest_version", lambda scope: None)
    assert open_quarters.run(world.job, NOW) == 0
    assert set(views(world.job)) == {QUARTER}


def test_school_that_joins_before_the_deadline_gets_its_report(world: World) -> None:
    def join(code: str) -> None:
        with transaction(world.ada.scope):
            schools.create_school(world.ada.scope, code=code, name="新校", stage=Stage.PRIMARY, org_kind=OrgKind.BRANCH)

    due = views(world.job)[QUARTER].due_at
    join("1234567803")
    assert open_quarters.run(world.job, due - SECOND) == 1
    join("1234567804")
    assert open_quarters.run(world.job, due) == 0
