"""The worker, single runs of its jobs, and a test of the mail server."""

import sys
from datetime import UTC, datetime
from typing import Any

import click

from jobs.mail import Unsendable, trial
from jobs.mailer import MailError, mailer_of
from jobs.runner import INSTALLATION, run_job
from jobs.schedule import JOBS, Job, job_named
from jobs.worker import log_to_stderr, work
from tenants import formats
from tenants.db import new_id, transaction
from tenants.worker import JobView, job_views
from web.cli import PROBLEM, environment, fail, give, say
from web.config import read_settings


@click.group()
def jobs() -> None:
    """What happens on a schedule: the worker process, the state of its jobs, single runs."""


@jobs.command()
def worker() -> None:
    """Run the scheduled jobs until stopped. Several may run; one works, the others stand by.

    \b
    Example:  linghang jobs worker
    """
    with environment() as env:
        work(env.app)


@jobs.command("list")
@click.option("--json", "as_json", is_flag=True, help="As a JSON list of {name, title, every_seconds, started_at, …}.")
def list_jobs(as_json: bool) -> None:
    """Every job: how often it runs, what it did last, when it runs next.

    \b
    Example:  linghang jobs list --json
    """
    with environment() as env, env.app.app_context(), transaction(INSTALLATION):
        views = job_views()
    if as_json:
        give([_row(job, views.get(job.name)) for job in JOBS], as_json=True)
    else:
        give("\n".join(_line(job, views.get(job.name)) for job in JOBS), as_json=False)


def _row(job: Job, view: JobView | None) -> dict[str, Any]:
    row: dict[str, Any] = {"name": job.name, "title": job.title, "every_seconds": int(job.every.total_seconds())}
    row["running"] = bool(view and view.running)
    for name in ("started_at", "finished_at", "next_at", "error_at"):
        moment = getattr(view, name, None)
        row[name] = moment.isoformat() if moment else None
    for name, without in (("done", 0), ("total_done", 0), ("failures", 0), ("last_error", "")):
        row[name] = getattr(view, name, without)
    return row


def _line(job: Job, view: JobView | None) -> str:
    head = f"{job.name:15} {job.title}"
    if view is None:
        return f"{head}  还没有运行过"
    last = "运行中" if view.running else f"上次 {formats.moment(view.finished_at)}"
    trouble = f"，{view.failures} 个区失败：{view.last_error}" if view.failures else ""
    return f"{head}  {last}，办理 {view.done} 件{trouble}，下次 {formats.moment(view.next_at)}"


@jobs.command()
@click.argument("name", type=click.Choice([job.name for job in JOBS]))
@click.option("--json", "as_json", is_flag=True, help="As JSON: {job, done, failures, error}.")
def run(name: str, as_json: bool) -> None:
    """Run one job once, now, for all districts. Exit 1 when a district failed.

    \b
    Example:  linghang jobs run remind
    """
    job = job_named(name)
    log_to_stderr()
    with environment() as env:
        outcome = run_job(env.app, job, datetime.now(UTC))
    if as_json:
        row = {"job": outcome.job, "done": outcome.done, "failures": outcome.failures, "error": outcome.error}
        give(row, as_json=True)
    else:
        give(f"{job.title}：办理 {outcome.done} 件，{outcome.failures} 个区失败。", as_json=False)
    if outcome.failures:
        say(outcome.error)
        sys.exit(PROBLEM)


@click.group()
def mail() -> None:
    """The mail server."""


@mail.command()
@click.argument("address")
def test(address: str) -> None:
    """Send a test mail to ADDRESS through SMTP_URL, and say how that went.

    \b
    Example:  SMTP_URL=smtp+starttls://user:password@smtp.example.cn linghang mail test me@example.cn
    """
    settings = read_settings()
    log_to_stderr()
    try:
        message = trial(address, settings.mail_from, datetime.now(UTC), f"<{new_id().hex}@linghang>")
    except Unsendable:
        fail(PROBLEM, f"“{address}”不是邮箱地址，应像 name@example.cn。")
    try:
        mailer_of(settings.smtp_url).send(message)
    except MailError as error:
        fail(PROBLEM, f"没有发出去，邮件服务器的答复是：{error}。请检查 SMTP_URL 和 MAIL_FROM。")
    say(f"测试邮件已交给邮件服务器，收件人 {address}。")


COMMANDS = (jobs, mail)
