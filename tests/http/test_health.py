"""Health and readiness."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from registry.accounts.roles import Role
from registry.app import create_app
from registry.audits.service import run_audit, void_audit
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.installation import Installation, keep_secret_key, warn_of_other_key
from registry.core.schema import upgrade_schema
from registry.flags.models import AuditRun
from registry.http.health import why_not_ready
from registry.settings import read_settings
from tests.factories import an_actor
from tests.faults.small_disks import filled, small_disk
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
