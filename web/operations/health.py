"""Whether the installation is in order now: asked by monitors and by the operator's page. Tells nothing of any district."""

import shutil
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from tenants import worker
from tenants.db import bind, break_off, session
from tenants.notices import queries as notices
from tenants.scope import Scope
from web.config import Settings
from web.database import MIGRATIONS

BEAT = timedelta(seconds=60)
PATIENCE = timedelta(hours=1)
LEAST_FREE = 0.05


@dataclass(frozen=True, slots=True)
class Readiness:
    """What has to hold before people are let in."""

    database: bool = False
    migrations: bool = False
    worker: bool = False
    mail: bool = False
    disk: bool = False

    @property
    def good(self) -> bool:
        return all(asdict(self).values())


def readiness(settings: Settings, scope: Scope, now: datetime) -> Readiness:
    """Every check; those that need the database fail with it, and none raises."""
    disk = free_share(settings) > LEAST_FREE
    try:
        bind(scope)
        beat = worker.heartbeat(now)
        oldest = min((each.waiting_since for each in notices.counts(scope) if each.waiting_since), default=now)
        revisions = migrations_at_head()
    except SQLAlchemyError:
        break_off()
        return Readiness(disk=disk)
    alive = beat is not None and beat < BEAT
    return Readiness(database=True, migrations=revisions, worker=alive, mail=now - oldest < PATIENCE, disk=disk)


def migrations_at_head() -> bool:
    """Whether the tables are those that this version of the code expects."""
    found = set(MigrationContext.configure(session().connection()).get_current_heads())
    return found == set(ScriptDirectory(str(MIGRATIONS)).get_heads())


def free_share(settings: Settings) -> float:
    """How much of the data folder's disk is free, from 0 to 1; 0 when there is no folder."""
    try:
        usage = shutil.disk_usage(settings.data_dir)
    except OSError:
        return 0.0
    return usage.free / usage.total
