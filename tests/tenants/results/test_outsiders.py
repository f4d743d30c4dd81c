"""Every outsider asks every question about the first school; and what the database itself shows of results."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask import Flask

from tenants.db import transaction
from tenants.errors import Forbidden, LinghangError, NotFound
from tenants.results import queries
from tenants.results.explanation import sealed_text
from tenants.schools.models import Disclosure
from tenants.scope import Scope
from tests.tenants.results.loop import accepted, disclose, published, scored
from tests.world import QUARTER, World
from web.config import Settings

Question = Callable[[Scope, World, Any], object]

ABOUT_THE_SCHOOL: dict[str, Question] = {
    "run": lambda scope, world, run_id: queries.run(scope, run_id),
    "items": lambda scope, world, run_id: queries.items(scope, run_id),
    "newest_run": lambda scope, world, run_id: queries.newest_run(scope, world.school, QUARTER),
    "published_run": lambda scope, world, run_id: queries.published_run(scope, world.school, QUARTER),
    "explanation": lambda scope, world, run_id: queries.school_explanation(scope, world.school, QUARTER),
    "verify": lambda scope, world, run_id: queries.verify(scope, run_id),
    "export": lambda scope, world, run_id: queries.export_run(scope, run_id),
    "sealed": lambda scope, world, run_id: sealed_text(scope, run_id),
}
STRANGERS = ("carol", "dave", "zoe", "yan", "oscar")
INSIDERS = ("alice", "bob", "rita", "ada", "vera")


def publish_all(world: World) -> Any:
    disclose(world, Disclosure.FULL)
    run_id = scored(world, accepted(world, world.alice, world.bob))
    scored(world, accepted(world, world.carol, world.dave))
    published(world)
    return run_id


@pytest.mark.parametrize("question", ABOUT_THE_SCHOOL)
@pytest.mark.parametrize("name", STRANGERS)
def test_stranger_finds_nothing_even_under_full_disclosure(world: World, name: str, question: str) -> None:
    run_id = publish_all(world)
    scope = getattr(world, name).scope
    with pytest.raises(NotFound), transaction(scope):
        ABOUT_THE_SCHOOL[question](scope, world, run_id)


@pytest.mark.parametrize("question", ABOUT_THE_SCHOOL)
@pytest.mark.parametrize("name", INSIDERS)
def test_insider_finds_it(world: World, name: str, question: str) -> None:
    run_id = publish_all(world)
    scope = getattr(world, name).scope
    with transaction(scope):
        assert ABOUT_THE_SCHOOL[question](scope, world, run_id)


PUBLISHED_ONLY = ("run", "items", "newest_run", "published_run", "explanation", "verify")


@pytest.mark.parametrize("question", PUBLISHED_ONLY)
@pytest.mark.parametrize("name", ["vera", "city_viewer"])
def test_those_who_look_see_published_runs_only(world: World, name: str, question: str) -> None:
    scope = getattr(world, name).scope
    run_id = scored(world, accepted(world, world.alice, world.bob))
    with pytest.raises(NotFound), transaction(scope):
        ABOUT_THE_SCHOOL[question](scope, world, run_id)
    scored(world, accepted(world, world.carol, world.dave))
    published(world)
    with transaction(scope):
        assert ABOUT_THE_SCHOOL[question](scope, world, run_id)


def test_school_sees_its_score_before_publication(world: World) -> None:
    run_id = scored(world, accepted(world, world.alice, world.bob))
    with transaction(world.alice.scope):
        assert queries.run(world.alice.scope, run_id)
        with pytest.raises(NotFound):
            queries.published_run(world.alice.scope, world.school, QUARTER)


REFUSED = {
    "standings": (lambda scope: queries.standings(scope, QUARTER), ("oscar",)),
    "gaps": (lambda scope: queries.gaps(scope, QUARTER), ("oscar",)),
    "state": (
        lambda scope: queries.publishing_state(scope, QUARTER),
        ("alice", "bob", "carol", "dave", "yan", "city_viewer", "oscar"),
    ),
}


@pytest.mark.parametrize("question", REFUSED)
def test_rights(world: World, question: str) -> None:
    publish_all(world)
    ask, refused = REFUSED[question]
    for someone in world.people:
        try:
            with transaction(someone.scope):
                ask(someone.scope)
        except LinghangError as error:
            assert isinstance(error, Forbidden)
            assert someone.person.login.split(".")[-1] in {*refused, "chengshi"}
        else:
            assert someone.person.login.split(".")[-1] not in refused


def test_lists_hold_only_what_is_ones_own(world: World) -> None:
    publish_all(world)
    seen = {}
    for someone in world.people:
        with transaction(someone.scope):
            found = queries.runs(someone.scope), queries.newest_runs(someone.scope, QUARTER)
            seen[someone.name] = {run.school_id for run in found[0]} | set(found[1])
    both = {world.school, world.second_school}
    assert [seen[each.name] for each in (world.alice, world.bob)] == [{world.school}] * 2
    assert [seen[each.name] for each in (world.carol, world.dave)] == [{world.second_school}] * 2
    assert [seen[each.name] for each in (world.rita, world.ada, world.vera, world.city_viewer)] == [both] * 4
    assert [seen[each.name] for each in (world.zoe, world.yan, world.oscar)] == [set()] * 3


def test_publications_are_the_districts_own(world: World) -> None:
    publish_all(world)
    seen = {}
    for someone in world.people:
        with transaction(someone.scope):
            seen[someone.name] = len(queries.publications(someone.scope))
    assert [seen[each.name] for each in (world.zoe, world.yan, world.oscar)] == [0, 0, 0]
    assert sum(seen.values()) == len(world.people) - 3


# ---- the wall in the database --------------------------------------------------------------------------------------

TABLES = ("score_run", "score_item", "publication", "standing")


def counts(settings: Settings, **told: str) -> dict[str, int]:
    """What a connection of the app role counts after telling the database this."""
    url = settings.app_database_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("linghang_app",)
        for name, value in told.items():
            connection.execute("SELECT set_config(%s, %s, true)", (f"app.{name}", value))
        return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}


@pytest.mark.parametrize("how", [Disclosure.FULL, Disclosure.OWN])
def test_database_shows_rows_to_nobody_unnamed(own_database: tuple[Flask, World, Settings], how: Disclosure) -> None:
    app, world, settings = own_database
    with app.app_context():
        publish_all(world) if how is Disclosure.FULL else _publish_own(world)
    nothing = dict.fromkeys(TABLES, 0)
    district, disclosed = str(world.district), 2 if how is Disclosure.FULL else 0
    assert counts(settings) == nothing
    assert counts(settings, district=str(world.other_district), whole_district="on") == nothing
    assert counts(settings, district=district) == nothing | {"publication": 1, "standing": disclosed}
    own = counts(settings, district=district, schools=f"{{{world.school}}}")
    assert (own["score_run"], own["standing"]) == (1, disclosed or 1)
    whole = counts(settings, district=district, whole_district="on")
    assert (whole["score_run"], whole["standing"], whole["score_item"]) == (2, 2, 2 * own["score_item"])
    city = counts(settings, published_in=f"{{{district}}}")
    assert city == whole


def _publish_own(world: World) -> None:
    scored(world, accepted(world, world.alice, world.bob))
    scored(world, accepted(world, world.carol, world.dave))
    published(world)


def test_city_reads_no_unpublished_row(own_database: tuple[Flask, World, Settings]) -> None:
    app, world, settings = own_database
    with app.app_context():
        scored(world, accepted(world, world.alice, world.bob))
    assert counts(settings, published_in=f"{{{world.district}}}") == dict.fromkeys(TABLES, 0)
    assert counts(settings, district=str(world.district), whole_district="on")["score_run"] == 1


def test_results_are_append_only(own_database: tuple[Flask, World, Settings]) -> None:
    app, world, settings = own_database
    with app.app_context():
        _publish_own(world)
    url = settings.database_url.replace("postgresql+psycopg://", "postgresql://")
    for table in TABLES:
        with psycopg.connect(url) as owner, pytest.raises(psycopg.Error, match=r"append-only"):
            owner.execute(f"DELETE FROM {table}")
