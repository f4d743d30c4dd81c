"""Steps of the loop that the tests of results share; each is committed within the test's own transaction."""

from datetime import datetime
from uuid import UUID

import psycopg
from psycopg import sql

from tenants.db import transaction
from tenants.quarter import Quarter
from tenants.reporting import actions as reporting
from tenants.reporting.validation import Entry
from tenants.results import actions
from tenants.schemes import actions as schemes
from tenants.schools import actions as schools
from tenants.schools.models import Disclosure, OrgKind, Stage
from tenants.scope import Scope
from tests.world import NOW, QUARTER, Someone, World, dates, fill, send
from web.config import Settings


def accepted(world: World, reporter: Someone, secretary: Someone, now: datetime = NOW, **given: Entry) -> UUID:
    """A school's report, filled and accepted by the district's administrator; returns the school."""
    send(world, reporter, secretary, now, **given)
    with transaction(world.ada.scope):
        reporting.accept(world.ada.scope, reporter.scope.school, QUARTER, now)
    return reporter.scope.school


def scored(
    world: World, school_id: UUID, quarter: Quarter = QUARTER, now: datetime = NOW, *, force: bool = False
) -> UUID:
    with transaction(world.job):
        return actions.compute(world.job, school_id, quarter, now=now, force=force)


def published(world: World, quarter: Quarter = QUARTER, now: datetime = NOW, *, partial: bool = False) -> UUID:
    """Open what is scored to appeal and publish it."""
    scope = world.ada.scope
    with transaction(scope):
        actions.open_appeal(scope, quarter, now)
    with transaction(scope):
        return actions.publish(scope, quarter, now, partial=partial)


def disclose(world: World, how: Disclosure) -> None:
    scope = world.ada.scope
    with transaction(scope):
        schools.change_district(scope, office="中共西区委教育工委", contact_name="", contact_phone="", disclosure=how)


def opened(scope: Scope, quarter: Quarter, now: datetime) -> None:
    """Give a quarter its dates and open it."""
    with transaction(scope):
        version = schemes.newest_version(scope)
        assert version is not None
        reporting.set_dates(scope, quarter, **dates(quarter), scheme_version_id=version, now=now)
        reporting.open_quarter(scope, quarter, now)


def filled_and_accepted(
    world: World, reporter: Someone, secretary: Someone, quarter: Quarter, now: datetime, **given: Entry
) -> UUID:
    """As `accepted`, for another quarter than the world's."""
    school_id = reporter.scope.school
    with transaction(reporter.scope):
        fill(reporter.scope, school_id, quarter, now, **given)
        reporting.submit(reporter.scope, school_id, quarter, now)
    with transaction(secretary.scope):
        reporting.approve(secretary.scope, school_id, quarter, now)
    with transaction(world.ada.scope):
        reporting.accept(world.ada.scope, school_id, quarter, now)
    return school_id


def new_school(world: World, code: str, name: str, stage: Stage, kind: OrgKind = OrgKind.COMMITTEE) -> UUID:
    """A school of the first district that reports nothing; it has a report for the quarter all the same."""
    scope = world.ada.scope
    with transaction(scope):
        made = schools.create_school(scope, code=code, name=name, stage=stage, org_kind=kind, position=9)
        reporting.open_quarter(scope, QUARTER, NOW)
    return made


def locks(quarter: Quarter = QUARTER) -> datetime:
    return dates(quarter)["locks_at"]


def tamper(settings: Settings, world: World, table: str, column: str, value: str) -> None:
    """What only the tables' owner can do: switch the trigger off and write."""
    url = settings.database_url.replace("postgresql+psycopg://", "postgresql://")
    name, field = sql.Identifier(table), sql.Identifier(column)
    with psycopg.connect(url) as owner:
        owner.execute("SELECT set_config('app.district', %s, true)", (str(world.district),))
        owner.execute("SELECT set_config('app.whole_district', 'on', true)")
        owner.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name))
        changed = owner.execute(sql.SQL("UPDATE {} SET {} = {}").format(name, field, sql.Literal(value)))
        assert changed.rowcount
