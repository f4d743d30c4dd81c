"""The command line. Data on stdout, words on stderr. Exit codes: 0 fine, 1 a problem was found, 2 usage, 3 environment."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import click
from flask import Flask
from sqlalchemy.exc import OperationalError

from tenants.errors import Invalid, LinghangError, NotReady
from web.config import Settings, read_settings
from web.operations import postgres

PROBLEM, ENVIRONMENT = 1, 3


@dataclass(frozen=True, slots=True)
class Environment:
    """What a command works in: the settings with the database filled in, and the application on them."""

    settings: Settings
    app: Flask


@contextmanager
def environment(**given: object) -> Iterator[Environment]:
    """The application on the database of the settings; a private cluster is attached to, or started for this command."""
    from web import create_app

    settings = read_settings(**given)
    if settings.database_url:
        yield Environment(settings, create_app(settings))
        return
    cluster = postgres.attach_or_start(settings.data_dir)
    try:
        at_home = settings.model_copy(update=addresses(cluster))
        yield Environment(at_home, create_app(at_home))
    finally:
        cluster.stop()


def addresses(cluster: postgres.Cluster) -> dict[str, str]:
    """The private cluster's addresses for the owner and for the app role."""
    return {
        "database_url": cluster.url(role="linghang_owner"),
        "app_database_url": cluster.url(role="linghang_app"),
    }


def say(text: object) -> None:
    """Words for a person, on stderr."""
    click.echo(str(text), err=True)


def give(data: Any, *, as_json: bool) -> None:
    """Data for a program or a person, on stdout."""
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False, indent=2, default=str))
    else:
        click.echo(data)


def fail(code: int, text: object) -> NoReturn:
    say(text)
    sys.exit(code)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """领航 Linghang: install, operate and check a district's supervision service."""


def main() -> None:
    """Run a command; a refusal of the domain ends in its sentence and the right exit code."""
    from web.cli import audit, demo, jobs, operations, people, runs, schemes

    for module in (operations, demo, people, schemes, runs, jobs, audit):
        for command in module.COMMANDS:
            cli.add_command(command)
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.ClickException as misused:
        misused.show()
        sys.exit(misused.exit_code)
    except click.Abort:
        sys.exit(130)
    except NotReady as error:
        fail(ENVIRONMENT, error)
    except Invalid as error:
        fail(PROBLEM, "\n".join([str(error), *(f"  {name}: {said}" for name, said in error.problems.items())]))
    except LinghangError as error:
        fail(PROBLEM, error)
    except OperationalError as error:
        from web.database import unreachable

        fail(ENVIRONMENT, unreachable(error))


def environ_for_children(settings: Settings) -> dict[str, str]:
    """The environment of the processes that `serve` starts: theirs is the database that it found or made."""
    return {
        **os.environ,
        "LINGHANG_MODE": settings.linghang_mode.value,
        "DATABASE_URL": settings.database_url,
        "APP_DATABASE_URL": settings.app_database_url,
        "DATA_DIR": str(settings.data_dir.resolve()),
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "PUBLIC_BASE_URL": settings.public_base_url,
        "PORT": str(settings.port),
        "SMTP_URL": settings.smtp_url,
    }
