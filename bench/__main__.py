"""`make bench`: how much the product adds to what the same bytes and rows cost without it.

1. the ranking page against a bare Flask route that returns the same bytes;
2. scoring a district against the time SQL alone needs to read its inputs and write its results;
3. one report saved, handed in and approved against the bare inserts of its rows.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from flask import Flask
from psycopg import sql

from jobs import compute_scores
from tenants.db import db, transaction
from tenants.reporting import actions as reporting
from tenants.results import actions as results
from tenants.schools import actions as schools
from tenants.schools.models import OrgKind, Stage
from tenants.scope import Role, Scope
from tests import world as worlds
from tests.conftest import application, settings_for
from tests.world import NOW, QUARTER, World
from web import database
from web.operations import postgres
from web.operations.postgres import Cluster

SCHOOLS = 60
ROUNDS = 40
INPUTS = ("report", "report_value", "item_review", "evidence_file", "school", "branch")
OUTPUTS = ("score_run", "score_item")


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    work()
    return statistics.median(seconds(work) for _ in range(rounds))


def say(name: str, ours: float, bare: float, limit: str = "") -> None:
    print(f"{name:48} {ours * 1000:9.2f} ms  {bare * 1000:9.2f} ms  ratio {ours / bare:6.2f}  {limit}")


def team(world: World, position: int) -> tuple[Scope, Scope]:
    """A further school of the first district, with its reporter and its secretary."""
    admin = worlds.admin_scope(world.district)
    with transaction(admin):
        school = schools.create_school(
            admin, code=f"77{position:08d}", name=f"第{position}号学校", stage=Stage.PRIMARY, org_kind=OrgKind.BRANCH
        )
        people = []
        for role in (Role.REPORTER, Role.SECRETARY):
            account = schools.create_account(admin, login=f"{role[:2]}{position}", name="某某", district_code="xq")
            schools.add_post(admin, account, role, school_id=school)
            people.append(
                Scope(
                    role=role, account_id=account, actor="某某", district_id=world.district, schools=frozenset({school})
                )
            )
    return people[0], people[1]


def send(reporter: Scope, secretary: Scope) -> None:
    school = reporter.school
    with transaction(reporter):
        worlds.fill(reporter, school)
        reporting.submit(reporter, school, QUARTER, NOW)
    with transaction(secretary):
        reporting.approve(secretary, school, QUARTER, NOW)


def copies(connection: psycopg.Connection[tuple[object, ...]], tables: Sequence[str]) -> None:
    for table in tables:
        connection.execute(
            sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING INDEXES)").format(bare(table), sql.Identifier(table))
        )
    connection.commit()


def bare(table: str) -> sql.Identifier:
    return sql.Identifier(f"bare_{table}")


def rows_of(
    connection: psycopg.Connection[tuple[object, ...]], table: str, where: str, of: object
) -> list[tuple[object, ...]]:
    statement = sql.SQL("SELECT * FROM {} WHERE {} = %s").format(sql.Identifier(table), sql.Identifier(where))
    return connection.execute(statement, [of]).fetchall()


def insert(connection: psycopg.Connection[tuple[object, ...]], table: str, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        marks = sql.SQL(", ").join([sql.Placeholder()] * len(rows[0]))
        statement = sql.SQL("INSERT INTO {} VALUES ({})").format(bare(table), marks)
        connection.cursor().executemany(statement, [tuple(map(_adapted, row)) for row in rows])


def _adapted(value: object) -> object:
    return psycopg.types.json.Jsonb(value) if isinstance(value, dict | list) else value


def submitting(world: World, superuser: psycopg.Connection[tuple[object, ...]]) -> None:
    teams = [team(world, position) for position in range(SCHOOLS)]
    with transaction(world.job):
        reporting.open_quarter(world.job, QUARTER, NOW)
    send(*teams[0])
    ours = statistics.median(seconds(lambda pair=pair: send(*pair)) for pair in teams[1:])  # type: ignore[misc]
    report = rows_of(superuser, "report", "school_id", teams[1][0].school)[0]
    rows = {
        table: rows_of(superuser, table, "school_id", teams[1][0].school)
        for table in ("report_value", "report_step", "audit_event")
    }
    superuser.commit()
    copies(superuser, list(rows))

    def inserts() -> None:
        for table, found in rows.items():
            insert(superuser, table, found)
        superuser.commit()
        for table in rows:
            superuser.execute(sql.SQL("DELETE FROM {}").format(bare(table)))
        superuser.commit()

    say(
        "one report saved, handed in, approved / inserts",
        ours,
        median(inserts),
        f"({len(report)} columns, {sum(map(len, rows.values()))} rows)",
    )
    with transaction(world.rita.scope):
        for reporter, _ in teams:
            reporting.accept(world.rita.scope, reporter.school, QUARTER, NOW)


def scoring(world: World, superuser: psycopg.Connection[tuple[object, ...]]) -> None:
    ours = seconds(lambda: compute_scores.run(world.job, NOW))
    found = {table: rows_of(superuser, table, "district_id", world.district) for table in OUTPUTS}
    schools_of = [row[0] for row in superuser.execute("SELECT DISTINCT school_id FROM score_run").fetchall()]
    superuser.commit()
    copies(superuser, OUTPUTS)

    def alone() -> None:
        for school in schools_of:
            for table in INPUTS:
                rows_of(superuser, table, "id" if table == "school" else "school_id", school)
            for table, rows in found.items():
                place = [
                    column.name
                    for column in superuser.execute(
                        sql.SQL("SELECT * FROM {} LIMIT 0").format(sql.Identifier(table))
                    ).description
                    or ()
                ].index("school_id")
                insert(superuser, table, [row for row in rows if row[place] == school])
            superuser.commit()

    say(
        f"scoring a district of {len(schools_of)} schools / SQL alone",
        ours,
        seconds(alone),
        "(goal: 3)",
    )


def ranking(world: World, app: Flask) -> None:
    with transaction(world.ada.scope):
        results.open_appeal(world.ada.scope, QUARTER, NOW)
    with transaction(world.ada.scope):
        results.publish(world.ada.scope, QUARTER, NOW + timedelta(days=5), partial=True)
    client = world.vera.sign_in(app.test_client())
    address = f"/dash/{QUARTER.slug}/ranking"
    body = client.get(address).get_data()
    assert len(body) > 10_000, "the ranking is not there"
    plain = Flask("bare")
    plain.add_url_rule("/", view_func=lambda: body)
    other = plain.test_client()
    say(
        "ranking page / bare route, same bytes",
        median(lambda: client.get(address)),
        median(lambda: other.get("/")),
        f"({len(body)} bytes)",
    )


def run(cluster: Cluster) -> None:
    cluster.create_database("bench")
    app = application(settings_for(cluster, "bench", Path(tempfile.mkdtemp())))
    database.migrate(app)
    print(
        f"{'':48} {'ours':>12}  {'bare':>12}   {datetime.now(UTC):%Y-%m-%d %H:%M}, PostgreSQL {cluster.place.pgdata.joinpath('PG_VERSION').read_text().strip()}"
    )
    with app.app_context(), psycopg.connect(cluster.url("bench", "postgres").replace("+psycopg", "")) as superuser:
        world = worlds.build()
        submitting(world, superuser)
        scoring(world, superuser)
        ranking(world, app)
        db.session.remove()
        db.engine.dispose()


if __name__ == "__main__":
    with postgres.temporary() as cluster:
        run(cluster)
