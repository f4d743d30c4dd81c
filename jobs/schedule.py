"""The schedule as a table: what runs, how often, and whether it works one district at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs import compute_scores, deliver_mail, mark_overdue, open_quarters, prune, remind
from tenants.errors import NotFound
from tenants.scope import Scope
from tenants.words import N_, words


@dataclass(frozen=True, slots=True)
class Job:
    """`run` claims what is due and returns how much it did; a missed, late or doubled tick is harmless."""

    name: str
    title: str
    run: Callable[[Scope, datetime], int]
    every: timedelta
    per_district: bool = True


JOBS: tuple[Job, ...] = (
    Job("open_quarters", N_("开放季度填报"), open_quarters.run, timedelta(minutes=1)),
    Job("compute_scores", N_("计算得分"), compute_scores.run, timedelta(seconds=15)),
    Job("remind", N_("催报提醒"), remind.run, timedelta(minutes=10)),
    Job("mark_overdue", N_("逾期提醒"), mark_overdue.run, timedelta(minutes=10)),
    Job("deliver_mail", N_("发送邮件"), deliver_mail.run, timedelta(seconds=15)),
    Job("prune", N_("清理过期会话"), prune.run, timedelta(hours=1), per_district=False),
)


def job_named(name: str) -> Job:
    """The job of that name; NotFound says which there are."""
    for job in JOBS:
        if job.name == name:
            return job
    raise NotFound(
        words(N_("没有名为 {name} 的任务。可选：{names}。"), name=name, names="、".join(j.name for j in JOBS))
    )
