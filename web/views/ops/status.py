"""What the operator sees first: the worker, its jobs, mail, database, disk. Nothing of any school."""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Response, current_app, jsonify

from jobs.schedule import JOBS, Job
from tenants import formats, worker
from tenants.notices import queries as notices
from tenants.notices.models import MailState
from tenants.schools import queries as schools
from tenants.scope import Right
from tenants.worker import JobView
from web.auth import current_scope, now
from web.config import Settings
from web.operations.health import LEAST_FREE, readiness
from web.policy import access, needs
from web.shell import page
from web.views.ops.common import blueprint

LATE = timedelta(seconds=60)
GIGABYTE = 1024**3


@dataclass(frozen=True, slots=True)
class Line:
    """A job of the schedule with what it did last; `state` is one of never, running, failed, late, good."""

    job: Job
    view: JobView | None
    state: str
    late: timedelta


@blueprint.get("/ops/status")
@access(needs(Right.OPERATE))
def status() -> str:
    scope, settings = current_scope(), _settings()
    usage = shutil.disk_usage(settings.data_dir)
    return page(
        "ops/status.html",
        ready=readiness(settings, scope, now()),
        beat=worker.heartbeat(now()),
        lines=_lines(now()),
        mails=notices.counts(scope),
        names={district.id: district.name for district in schools.districts(scope)},
        free=usage.free / GIGABYTE,
        share=usage.free / usage.total,
        least=LEAST_FREE,
        settings=settings,
        MailState=MailState,
        moment=now(),
    )


def _settings() -> Settings:
    found: Settings = current_app.config["SETTINGS"]
    return found


def _lines(moment: datetime) -> list[Line]:
    views = worker.job_views()
    return [_line(job, views.get(job.name), moment) for job in JOBS]


def _line(job: Job, view: JobView | None, moment: datetime) -> Line:
    if view is None:
        return Line(job, None, "never", timedelta())
    late = max(moment - view.next_at, timedelta()) if view.next_at and not view.running else timedelta()
    failed = bool(view.failures or (view.error_at and view.started_at and view.error_at >= view.started_at))
    state = "failed" if failed else "running" if view.running else "late" if late > LATE else "good"
    return Line(job, view, state, late)


@blueprint.get("/ops/progress")
@access(needs(Right.OPERATE))
def progress() -> Response:
    """What the status page asks for again and again; asking does not prolong a session."""
    scope, beat = current_scope(), worker.heartbeat(now())
    waiting = sum(each.by_state.get(MailState.WAITING, 0) for each in notices.counts(scope))
    failed = sum(each.by_state.get(MailState.FAILED, 0) for each in notices.counts(scope))
    jobs = [
        {
            "name": line.job.name,
            "state": line.state,
            "finished": _shown(line),
            "done": line.view.done if line.view else 0,
        }
        for line in _lines(now())
    ]
    return jsonify(beat=None if beat is None else int(beat.total_seconds()), waiting=waiting, failed=failed, jobs=jobs)


def _shown(line: Line) -> str:
    return formats.moment(line.view.finished_at if line.view else None)
