"""Installing, serving and examining an installation."""

import os
import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from tenants.db import transaction
from tenants.schools import actions as schools
from tenants.schools.models import Purpose
from tenants.schools.queries import has_operator
from tenants.scope import Role, Scope
from web.cli import ENVIRONMENT, PROBLEM, Environment, addresses, environ_for_children, environment, fail, give, say
from web.config import Mode, Settings, read_settings
from web.operations import postgres, supervisor


@click.command()
def migrate() -> None:
    """Bring the database to the newest revision.

    \b
    Example:  linghang migrate
    """
    from web.database import migrate as bring_up

    with environment() as env:
        bring_up(env.app)
    say("数据表已是最新版本。")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As a JSON list of {rule, methods, endpoint, policy}.")
def routes(as_json: bool) -> None:
    """Every address of the service and who may come in by it.

    \b
    Example:  linghang routes --json
    """
    from web import create_app
    from web.policy import routes as all_routes
    from web.views import FOREIGN_POLICIES

    app = create_app(read_settings(linghang_mode=Mode.TEST, database_url="postgresql://nobody@/none"))
    found = sorted(all_routes(app, FOREIGN_POLICIES), key=lambda route: route.rule)
    if as_json:
        rows = [
            {
                "rule": route.rule,
                "methods": list(route.methods),
                "endpoint": route.endpoint,
                "policy": str(route.policy),
            }
            for route in found
        ]
        give(rows, as_json=True)
    else:
        give("\n".join(f"{','.join(r.methods):9} {r.rule:55} {r.policy}" for r in found), as_json=False)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As a JSON list of {name, good, said}.")
def doctor(as_json: bool) -> None:
    """Say what is wrong with this installation, and how to mend it. Exit 1 when something is.

    \b
    Example:  linghang doctor
    """
    from web.operations.checks import findings

    with environment() as env:
        found = findings(env.app, env.settings)
    if as_json:
        give([{"name": str(f.name), "good": f.good, "said": str(f.said)} for f in found], as_json=True)
    else:
        give("\n".join(f"{'✓' if f.good else '✖'} {f.name}：{f.said}" for f in found), as_json=False)
    if not all(f.good for f in found):
        sys.exit(PROBLEM)


@click.command()
def init() -> None:
    """Make an installation without demo data, and print the one-time code for its first operator.

    \b
    Example:  SECRET_KEY=… DATABASE_URL=postgresql://… linghang init
    """
    from web.database import migrate as bring_up
    from web.operations.checks import findings

    if not os.environ.get("SECRET_KEY") and os.environ.get("LINGHANG_MODE", "production") == "production":
        fail(ENVIRONMENT, f"请先设置 SECRET_KEY，例如：\n  SECRET_KEY={secrets.token_urlsafe(48)}")
    with environment() as env:
        bring_up(env.app)
        for finding in findings(env.app, env.settings):
            say(f"{'✓' if finding.good else '✖'} {finding.name}：{finding.said}")
        code = _setup_code(env)
    if code is None:
        say("已有运维账号，直接登录即可；忘记密码请用 linghang users reset。")
        return
    say("请在浏览器打开下面的地址，建立第一个运维账号（24 小时内有效，只能用一次）：")
    give(f"{env.settings.public_base_url}/setup?code={code}", as_json=False)


def _setup_code(env: Environment) -> str | None:
    operator = Scope(role=Role.OPERATOR, actor="命令行")
    with env.app.app_context(), transaction(operator):
        if has_operator(operator):
            return None
        return schools.issue_link(None, Purpose.SETUP, datetime.now(UTC))


@click.command()
@click.option("--demo", is_flag=True, help="Load the demo district on the first start and print its sign-ins.")
def serve(demo: bool) -> None:
    """Start the web server and the worker together; both end together.

    \b
    Examples:
      linghang serve --demo
      SECRET_KEY=… DATABASE_URL=postgresql://… linghang serve
    """
    settings = _demo_settings() if demo else read_settings()
    if settings.database_url:
        sys.exit(_serve(settings, demo, alive=lambda: True))
    with postgres.Cluster.start(settings.data_dir) as cluster:
        settings = settings.model_copy(update=addresses(cluster))
        code = _serve(settings, demo, alive=cluster.alive)
    sys.exit(code)


def _demo_settings() -> Settings:
    """Demo mode, with a secret of its own kept in the data folder."""
    if os.environ.get("LINGHANG_MODE") == "production":
        fail(ENVIRONMENT, "LINGHANG_MODE=production 时不能载入演示数据。")
    first = read_settings(linghang_mode=Mode.DEMO)
    first.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = first.secret_key.get_secret_value() or private_text(first.data_dir / "secret-key", secrets.token_urlsafe(48))
    base = os.environ.get("PUBLIC_BASE_URL") or f"http://127.0.0.1:{first.port}"
    return read_settings(linghang_mode=Mode.DEMO, secret_key=key, public_base_url=base)


def private_text(path: Path, text: str) -> str:
    """What the file holds; it is made with `text`, readable by its owner only, when it is not there."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    return path.read_text("utf-8").strip()


def _serve(settings: Settings, demo: bool, *, alive: Callable[[], bool]) -> int:
    from web import create_app
    from web.database import migrate as bring_up
    from web.operations.checks import refuse_demo_in_production

    app = create_app(settings)
    bring_up(app)
    refuse_demo_in_production(app, settings)
    if demo:
        from web.cli.demo import load_once

        load_once(app, settings)
    environ = environ_for_children(settings)
    config = Path(__file__).parent.parent / "gunicorn.conf.py"
    python = [sys.executable, "-m"]
    children = [
        supervisor.Child("web", (*python, "gunicorn", "--config", str(config), "web.wsgi:app"), environ),
        supervisor.Child("worker", (*python, "web.cli", "jobs", "worker"), environ),
    ]
    say(f"领航已启动：{settings.public_base_url}   （按 Ctrl+C 结束）")
    return supervisor.run(children, alive=alive)


COMMANDS = (init, serve, migrate, routes, doctor)
