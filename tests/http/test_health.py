"""Health and readiness, a database that is busy or away, and downloads that it breaks."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select, text, update
from sqlalchemy.exc import OperationalError, TimeoutError

from registry.accounts.roles import Role
from registry.app import create_app
from registry.audits.service import run_audit, void_audit
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.dialects import is_sqlite
from registry.core.installation import Installation, keep_secret_key, warn_of_other_key
from registry.core.postgresql import libpq_address
from registry.core.schema import upgrade_schema
from registry.flags.models import AuditRun
from registry.http.error_handlers import error_of
from registry.http.health import why_not_ready
from registry.projects import api as exports
from registry.settings import read_settings
from tests.api.callers import Caller, code
from tests.conftest import forget, service_app
from tests.databases import Databases
from tests.factories import a_token, an_actor
from tests.faults.small_disks import filled, small_disk
from tests.fixtures.cli import CommandLine
from tests.present import Present


@pytest.fixture
def app(own_app: Flask) -> Iterator[Flask]:
    """The app as the owner of the tables, who may set the time of the installation."""
    with own_app.app_context():
        yield own_app


@pytest.fixture
def installed(app: Flask, present: Present) -> Iterator[Present]:
    """A registry that was installed at noon of 1 March 2026, which is now."""
    present.set(date(2026, 3, 1))
    with transaction() as session:
        session.execute(update(Installation).values(installed_at=now()))
    yield present


def test_process_with_another_secret_key_is_not_ready(
    app: Flask, client: FlaskClient, installed: Present, caplog: pytest.LogCaptureFixture
) -> None:
    keep_secret_key()
    assert client.get("/readyz").get_json() == {"status": "ready", "reasons": []}
    warn_of_other_key()
    assert "secret-key" not in caplog.text
    app.config["SECRET_KEY"] = "another-key-of-the-service"
    keep_secret_key()
    warn_of_other_key()
    assert "secret-key-differs" in caplog.text
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["reasons"] == ["secret-key-differs: docs/runbooks/key-rotation.md"]
    keep_secret_key(replace=True)
    assert client.get("/readyz").status_code == 200


def an_audit(status: str = "succeeded", *, dry_run: bool = False) -> None:
    with transaction() as session:
        session.add(
            AuditRun(
                on=now().date(),
                trigger="manual",
                status=status,
                dry_run=dry_run,
                policy_version="1",
                policy_digest="0" * 64,
                started_by="tests",
                started_at=now(),
                finished_at=now(),
            )
        )


def test_the_process_is_healthy_whatever_the_database_does(client: FlaskClient) -> None:
    answer = client.get("/healthz")

    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


def test_a_fresh_installation_is_ready_and_owes_a_night_after_26_hours(client: FlaskClient, installed: Present) -> None:
    assert client.get("/readyz").get_json() == {"status": "ready", "reasons": []}
    installed.move(timedelta(hours=26))
    assert client.get("/readyz").status_code == 200
    installed.move(timedelta(seconds=1))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["reasons"] == ["no-good-audit-since 2026-03-01T07:00:00.000000Z"]


@pytest.mark.usefixtures("app")
def test_installation_whose_audits_cron_starts_needs_one_after_26_hours_too(installed: Present) -> None:
    installed.move(timedelta(hours=26))
    assert why_not_ready(audits_are_on=False) == []
    installed.move(timedelta(seconds=1))
    assert why_not_ready(audits_are_on=False) == ["no-good-audit-since 2026-03-01T07:00:00.000000Z"]


def test_readiness_lasts_26_hours_from_the_last_good_audit(client: FlaskClient, installed: Present) -> None:
    an_audit()
    installed.move(timedelta(hours=25))
    an_audit(dry_run=True)
    an_audit("failed")
    assert client.get("/readyz").status_code == 200
    installed.move(timedelta(hours=2))
    assert client.get("/readyz").status_code == 503
    an_audit()
    assert client.get("/readyz").status_code == 200


def test_last_audit_in_the_future_is_not_ready_until_it_is_voided(client: FlaskClient, installed: Present) -> None:
    installed.move(timedelta(days=400))
    an_audit()
    installed.move(timedelta(days=-400))
    answer = client.get("/readyz")
    audit_id = db.session.scalars(select(AuditRun.id)).one()
    assert (answer.status_code, answer.get_json()["reasons"]) == (
        503,
        [f"audit-in-the-future 2027-04-05: registry audits void {audit_id}"],
    )
    void_audit(an_actor(Role.OPERATOR), audit_id, "The clock was ahead.")
    assert client.get("/readyz").get_json()["reasons"] == []


def test_clock_more_than_two_days_after_the_last_entry_names_the_command(
    client: FlaskClient, installed: Present
) -> None:
    installed.move(timedelta(days=2, seconds=1))
    assert client.get("/readyz").get_json()["reasons"] == [
        "no-good-audit-since 2026-03-01T07:00:00.000000Z",
        "clock-not-confirmed since 2026-03-01T07:00:00.000000Z: registry audits run",
    ]
    run_audit(an_actor(Role.OPERATOR))
    assert client.get("/readyz").get_json()["reasons"] == []


def test_an_old_schema_is_not_ready(empty_database: str, tmp_path: Path) -> None:
    app = _app(empty_database, tmp_path)

    answer = app.test_client().get("/readyz")

    assert (answer.status_code, answer.get_json()["reasons"]) == (503, ["schema-not-current"])
    _close(app)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(("at", "content"), [(0, b"no database"), (4096, bytes(4096 * 20))])
def test_damaged_file_is_not_ready_and_the_restore_is_named(
    own_database: str, tmp_path: Path, at: int, content: bytes
) -> None:
    with open(own_database.removeprefix("sqlite:///"), "r+b") as file:
        file.seek(at)
        file.write(content)
    app = _app(own_database, tmp_path)
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.get_json()["reasons"]) == (503, ["database-damaged: registry restore FILE"])
    assert app.test_client().get("/healthz").status_code == 200
    assert "\nregistry_database_damaged 1.0\n" in app.test_client().get("/metrics").text
    _close(app)


@pytest.mark.sqlite_only
def test_whole_file_is_not_reported_as_damaged(own_database: str, tmp_path: Path) -> None:
    app = _app(own_database, tmp_path)
    assert "\nregistry_database_damaged 0.0\n" in app.test_client().get("/metrics").text
    _close(app)


@pytest.mark.sqlite_only
@pytest.mark.needs_root
def test_full_disk_is_not_ready_until_there_is_room_again(tmp_path: Path) -> None:
    with small_disk(tmp_path, 24):
        app = _app(f"sqlite:///{tmp_path}/registry.sqlite3", tmp_path)
        with app.app_context():
            upgrade_schema()
        client = app.test_client()
        assert client.get("/readyz").status_code == 200
        with filled(tmp_path, 5_000_000):
            assert client.get("/readyz").get_json() == {"status": "not ready", "reasons": ["disk-full"]}
        assert client.get("/readyz").status_code == 200
        _close(app)


def test_a_database_that_is_away_is_not_ready_and_no_mistake_of_the_service(tmp_path: Path) -> None:
    app = _app("postgresql+psycopg://nobody@127.0.0.1:1/nothing", tmp_path)
    client = app.test_client()

    ready = client.get("/readyz")
    listed = client.get("/api/v1/projects", headers={"Authorization": "Bearer " + "qtr_AAAAAAAAAA_" + "A" * 46})

    assert (ready.status_code, ready.get_json()["reasons"]) == (503, ["database-unavailable"])
    assert client.get("/healthz").status_code == 200
    assert listed.status_code in (401, 503)
    _close(app)


def _app(url: str, data_dir: Path, **settings: str) -> Flask:
    return create_app(
        read_settings(
            {
                "REGISTRY_DATABASE_URL": url,
                "REGISTRY_DATA_DIR": str(data_dir),
                "REGISTRY_SECRET_KEY": "of-the-tests-and-nobody-else",
                **settings,
            }
        )
    )


def _close(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()


AWAY = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"


@pytest.fixture
def impatient_app(databases: Databases, own_database: str, tmp_path: Path) -> Iterator[Flask]:
    """The app, which waits for a lock for a second at most."""
    app = service_app(own_database, tmp_path, REGISTRY_LOCK_TIMEOUT="1", REGISTRY_STATEMENT_TIMEOUT="2")
    with app.app_context():
        if is_sqlite():
            event.listen(db.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 50"))
    yield app
    forget(app, databases, own_database)


@contextmanager
def locked(app: Flask, table: str) -> Iterator[None]:
    """While the block runs, somebody else holds the table; on SQLite, the right to write."""
    with app.app_context():
        url = db.engine.url
    if url.get_backend_name() == "sqlite":
        other = sqlite3.connect(str(url.database), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.close()
        return
    with psycopg.connect(libpq_address(url.render_as_string(hide_password=False))) as connection:
        connection.execute(f"LOCK TABLE {table}")
        yield


def test_lock_timeout_is_database_busy(impatient_app: Flask) -> None:
    with impatient_app.app_context():
        administrator = Caller(impatient_app.test_client(), a_token(Role.ADMINISTRATOR))
    body = {"bin": "000140000439", "name_ru": "Акимат", "kind": "local_executive"}
    with locked(impatient_app, "agencies"):
        answer = administrator.post("/agencies", body, Accept_Language="ru")
    assert (answer.status_code, code(answer), answer.headers["Retry-After"]) == (503, "database-busy", "5")
    assert answer.get_json()["detail"] == (
        "База данных занята: время ожидания истекло, ничего не изменено. Повторите через несколько секунд."
    )
    assert administrator.post("/agencies", body).status_code == 201


@pytest.mark.postgres_only
def test_readiness_names_a_busy_database(impatient_app: Flask) -> None:
    with locked(impatient_app, "audits"):
        answer = impatient_app.test_client().get("/readyz")
    assert (answer.status_code, answer.get_json()["reasons"]) == (503, ["database-busy"])


@pytest.mark.postgres_only
def test_page_of_a_busy_database_says_that_nothing_was_changed(impatient_app: Flask) -> None:
    with locked(impatient_app, "web_sessions"):
        client = impatient_app.test_client()
        client.set_cookie("registry_session", "x" * 43)
        answer = client.get("/projects", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "The database is busy: the time limit was reached and nothing was changed." in answer.text


@pytest.mark.postgres_only
def test_statement_timeout_is_database_busy(impatient_app: Flask) -> None:
    with impatient_app.app_context(), pytest.raises(OperationalError) as raised:
        db.session.execute(text("SELECT pg_sleep(30)"))
    assert error_of(raised.value).code == "database-busy"


@pytest.mark.postgres_only
def test_command_says_that_the_database_is_busy(impatient_app: Flask, own_database: str, tmp_path: Path) -> None:
    with locked(impatient_app, "agencies"):
        ran = CommandLine(own_database, tmp_path)("projects", "export", REGISTRY_LOCK_TIMEOUT="1")
    assert (ran.code, ran.err) == (
        1,
        "The database is busy: the time limit was reached and nothing was changed. Try again in a few seconds.\n",
    )


def test_no_free_connection_is_database_busy() -> None:
    assert error_of(TimeoutError("QueuePool limit of size 10 overflow 10 reached")).code == "database-busy"


def test_unreachable_database_is_another_error(tmp_path: Path) -> None:
    app = service_app(AWAY, tmp_path)
    with pytest.raises(OperationalError) as raised, app.app_context():
        db.session.execute(text("SELECT 1"))
    assert error_of(raised.value).code == "database-unavailable"


def failing_after(monkeypatch: pytest.MonkeyPatch, *pieces: bytes) -> None:
    def lines(*_: object) -> Iterator[bytes]:
        yield from pieces
        raise OperationalError("SELECT", {}, ConnectionError("terminating connection"))

    monkeypatch.setattr(exports, "export_ndjson", lines)


def test_download_that_fails_before_its_first_piece_is_an_answer_of_its_own(
    editor: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_after(monkeypatch)
    answer = editor.get("/exports/projects.ndjson")
    assert (answer.status_code, code(answer)) == (503, "database-unavailable")
    assert editor.get("/projects").status_code == 200


def test_download_that_breaks_off_is_logged(
    editor: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failing_after(monkeypatch, b"{}\n")
    answer = editor.get("/exports/projects.ndjson", Accept_Encoding="gzip")
    with caplog.at_level(logging.ERROR), pytest.raises(OperationalError):
        _ = answer.data
    assert "a download broke off" in caplog.messages
    assert editor.get("/projects").status_code == 200
