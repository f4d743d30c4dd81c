"""The operator's pages, and what monitors ask."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tenants import worker
from tenants.db import db, session, transaction
from tenants.notices.models import Mail, MailState
from tenants.schemes import queries as schemes
from tenants.schools import queries
from tenants.worker import TICKING
from tests.web.people import logged, sign_in, token_in
from tests.world import NOW, World, admin_scope, job_scope, send
from web.config import Settings

NEW = "a wholly new sentence"
DISTRICT = {
    "code": "nq", "name": "南区", "office": "中共南区委教育工委", "city_id": "", "admin_name": "南管理",
    "admin_login": "nan", "admin_email": "nan@nq.example", "admin_phone": "",
}  # fmt: skip


@pytest.fixture
def oscar(client: FlaskClient, world: World) -> FlaskClient:
    return world.oscar.sign_in(client)


def beat(world: World) -> None:
    with transaction(job_scope(None)):
        worker.take_lease(TICKING, "test", NOW)


def test_status_shows_worker_jobs_mail_and_disk(oscar: FlaskClient, world: World) -> None:
    page = oscar.get("/ops/status").text
    assert "从未运行" in page and "linghang jobs worker" in page and "有项目不正常" in page
    beat(world)
    with transaction(job_scope(None)):
        worker.note_start("deliver_mail", NOW, NOW + timedelta(seconds=15))
        worker.note_progress("deliver_mail", done=3, failures=1, error="xq: 超时", now=NOW)
        worker.note_end("deliver_mail", NOW)
    page = oscar.get("/ops/status").text
    assert "有项目不正常" not in page and "xq: 超时" in page and "有失败" in page and "计算得分" in page


def test_progress_is_small_and_tells_no_names(oscar: FlaskClient, world: World) -> None:
    beat(world)
    answer = oscar.get("/ops/progress")
    assert answer.json["beat"] == 0 and len(answer.data) < 2000
    assert {job["state"] for job in answer.json["jobs"]} == {"never"}


def test_district_is_founded_with_scheme_and_first_administrator(oscar: FlaskClient, world: World, app: Flask) -> None:
    answer = oscar.post("/ops/districts/new", data=DISTRICT | {"city_id": str(world.city)})
    assert answer.status_code == 200 and "nq.nan" in answer.text
    admin = app.test_client()
    admin.post(f"/invite/{token_in(answer.text)}", data={"password": NEW, "again": NEW})
    assert sign_in(admin, "nq.nan", NEW).status_code == 302
    page = admin.get("/manage").text
    assert "中共南区委教育工委" in page and "还没有学校" in page
    with transaction(world.oscar.scope):
        district = next(each for each in queries.districts(world.oscar.scope) if each.code == "nq")
    assert district.city_id == world.city
    mine = admin_scope(district.id)
    with transaction(mine):
        assert len(schemes.versions(mine)) == 1
    assert next(event.actor for event in logged(mine, "create")) == "欧运维"
    assert any(event.object_id == str(district.id) for event in logged(world.oscar.scope, "create"))
    listed = oscar.get("/ops/districts").text
    assert "南区" in listed and "江州市" in listed


def test_district_with_any_fault_is_not_founded_at_all(oscar: FlaskClient, world: World) -> None:
    wrong = DISTRICT | {"code": "XQ", "admin_login": "南", "admin_name": "", "admin_email": "x"}
    answer = oscar.post("/ops/districts/new", data=wrong)
    assert answer.status_code == 422
    for field in ("code", "admin_login", "admin_name", "admin_email"):
        assert f'href="#{field}"' in answer.text, field
    assert 'value="南区"' in answer.text
    assert oscar.post("/ops/districts/new", data=DISTRICT | {"city_id": "nonsense"}).status_code == 422
    assert oscar.post("/ops/districts/new", data=DISTRICT | {"city_id": str(world.school)}).status_code == 404
    assert "南区" not in oscar.get("/ops/districts").text


def test_districts_list_counts(oscar: FlaskClient, world: World, app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    folder: Path = settings.evidence_dir / str(world.district) / "ab"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "abcd").write_bytes(b"x" * 3 * 1024 * 1024)
    row = oscar.get("/ops/districts").text.split("西区</a>")[1].split("</tr>")[0]
    assert ">2<" in row and ">7<" in row and "3.0 MB" in row


def test_city_is_made_and_assigned(oscar: FlaskClient, world: World) -> None:
    assert oscar.post("/ops/cities", data={"name": "海州市"}).status_code == 302
    again = oscar.post("/ops/cities", data={"name": "海州市"})
    assert again.status_code == 422 and "已经有了" in again.text
    assert oscar.post("/ops/cities", data={"name": ""}).status_code == 422
    path = f"/ops/districts/{world.district}"
    assert oscar.post(path, data={"city_id": ""}).status_code == 302
    with transaction(world.oscar.scope):
        cities = {each.code: each.city_id for each in queries.districts(world.oscar.scope)}
    assert cities == {"xq": None, "dq": world.city}
    assert oscar.post(path, data={"city_id": str(world.school)}).status_code == 404
    assert oscar.post(path, data={"city_id": "x"}).status_code == 404


def test_administrator_gets_a_fresh_link_and_nobody_else_does(oscar: FlaskClient, world: World) -> None:
    page = oscar.post(f"/ops/districts/{world.district}/admins/{world.ada.person.id}/link").text
    assert "xq.ada" in page and token_in(page)
    for other in (world.alice, world.zoe, world.oscar):
        path = f"/ops/districts/{world.district}/admins/{other.person.id}/link"
        assert oscar.post(path).status_code == 404


def test_installation_accounts_are_made_and_disabled(oscar: FlaskClient, world: World, app: Flask) -> None:
    form = {
        "login": "shi",
        "name": "市领导",
        "email": "",
        "phone": "",
        "kind": "city_viewer",
        "city_id": str(world.city),
    }
    for wrong in ({"city_id": ""}, {"kind": "admin"}, {"login": "chengshi"}, {"name": ""}):
        assert oscar.post("/ops/accounts", data=form | wrong).status_code == 422, wrong
    page = oscar.post("/ops/accounts", data=form).text
    viewer = app.test_client()
    viewer.post(f"/invite/{token_in(page)}", data={"password": NEW, "again": NEW})
    assert sign_in(viewer, "shi", NEW).status_code == 302
    assert "/ops/status" in oscar.post("/ops/accounts", data=form | {"login": "op2", "kind": "operator"}).text
    assert oscar.post(f"/ops/accounts/{world.oscar.person.id}/disable").status_code == 409
    assert oscar.post(f"/ops/accounts/{world.city_viewer.person.id}/disable").status_code == 302
    assert "已停用“程市长”" in oscar.get("/ops/accounts").text
    assert "程市长" not in oscar.get("/ops/accounts").text
    assert oscar.post(f"/ops/accounts/{world.ada.person.id}/disable").status_code == 404


def test_healthz_needs_nothing(client: FlaskClient, world: World) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")


def test_readyz_is_booleans_only(client: FlaskClient, world: World) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {"database": True, "migrations": True, "worker": False, "mail": True, "disk": True}
    beat(world)
    assert client.get("/readyz").status_code == 200


def test_readyz_sees_a_silent_worker_and_a_stuck_mail(app: Flask, client: FlaskClient, world: World) -> None:
    beat(world)
    send(world, world.alice, world.bob)
    world.ada.sign_in(client).post(f"/manage/people/{world.vera.person.id}/link")
    with transaction(world.ada.scope):
        assert session().scalar(world.ada.scope.select(Mail).where(Mail.state == MailState.WAITING))
    app.config["CLOCK"] = lambda: NOW + timedelta(seconds=61)
    assert client.get("/readyz").json["worker"] is False
    app.config["CLOCK"] = lambda: NOW + timedelta(minutes=61)
    try:
        assert client.get("/readyz").json == {
            "database": True, "migrations": True, "worker": False, "mail": False, "disk": True,
        }  # fmt: skip
    finally:
        app.config["CLOCK"] = lambda: NOW


def test_readyz_without_database_and_with_old_tables(own_database: tuple[Flask, World, Settings]) -> None:
    app, _world, settings = own_database
    owner = sa.create_engine(settings.database_url, poolclass=sa.NullPool)
    with owner.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    assert app.test_client().get("/readyz").json["migrations"] is False
    with owner.begin() as connection:
        connection.execute(sa.text("ALTER TABLE worker_lease RENAME TO gone"))
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503 and answer.json["database"] is False
    with app.app_context():
        db.engine.dispose()
