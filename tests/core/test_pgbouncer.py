"""The service behind PgBouncer in transaction mode, with the settings of ``config/pgbouncer.ini``.

Needs the program ``pgbouncer``; a machine without it runs none of these.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import make_url, text

from registry.accounts.roles import Role
from registry.audits.schedule import AuditRunning, exclusive_lock
from registry.core.database import db
from registry.core.postgresql import libpq_address
from tests.conftest import forget, service_app
from tests.databases import Databases
from tests.factories import a_token, an_agency
from tests.fixtures.cli import CommandLine
from tests.pgbouncer_server import PGBOUNCER, PgBouncer

pytestmark = pytest.mark.postgres_only
__test__ = PGBOUNCER is not None
POOL = 2
WRITERS = 6
EACH = 12
PROJECT = {"object_kind": "system", "work_type": "maintenance", "stage": "operation", "placement": "unknown"}


@pytest.fixture
def bouncer(own_database: str) -> Iterator[PgBouncer]:
    # A socket's path has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="qtr-pb-"))
    server = PgBouncer(folder, own_database, default_pool_size=str(POOL), query_wait_timeout="1")
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def behind(bouncer: PgBouncer, databases: Databases, own_database: str, tmp_path: Path) -> Iterator[Flask]:
    """The service as its own role, through PgBouncer."""
    with psycopg.connect(libpq_address(own_database), autocommit=True) as owner:
        # As docs/operations.md sets them at the role, but for this database alone.
        for name, value in (("statement_timeout", "60s"), ("lock_timeout", "30s")):
            owner.execute(
                f"ALTER ROLE registry_service IN DATABASE {make_url(own_database).database} SET {name} = '{value}'"
            )
    app = service_app(bouncer.url(databases.for_service(own_database)), tmp_path)
    yield app
    forget(app, databases, own_database)


def shown(name: str) -> str:
    return str(db.session.scalar(text(f"SHOW {name}")))


def test_more_threads_than_connections_register_and_read(behind: Flask, own_database: str) -> None:
    with behind.app_context():
        headers = {"Authorization": f"Bearer {a_token(Role.ADMINISTRATOR)}"}
        bin_ = an_agency().bin
        db.session.remove()

    def register_and_read(writer: int) -> set[int]:
        client = behind.test_client()
        statuses = set()
        # psycopg prepares a statement when it comes for the sixth time.
        for serial in range(EACH):
            project = PROJECT | {"agency": bin_, "name_kk": f"Жүйе {writer}-{serial}"}
            statuses.add(client.post("/api/v1/projects", json=project, headers=headers).status_code)
            statuses.add(client.get("/api/v1/projects?sort=-registered_at", headers=headers).status_code)
        return statuses

    with ThreadPoolExecutor(WRITERS) as threads:
        statuses = {status for each in threads.map(register_and_read, range(WRITERS)) for status in each}
    assert statuses == {200, 201}
    with psycopg.connect(libpq_address(own_database)) as direct:
        [sessions] = direct.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'registry_service'"
        ).fetchone() or (0,)
    assert sessions == POOL
    # A server-side cursor within one transaction.
    csv = behind.test_client().get("/api/v1/exports/projects.csv", headers=headers)
    assert csv.get_data(as_text=True).count("Жүйе ") == WRITERS * EACH


def test_request_for_which_no_connection_is_free_can_be_tried_again(
    behind: Flask, bouncer: PgBouncer, databases: Databases, own_database: str
) -> None:
    address = libpq_address(bouncer.url(databases.for_service(own_database)))
    client = behind.test_client()
    with psycopg.connect(address) as one, psycopg.connect(address) as two:
        for holder in (one, two):
            holder.execute("SELECT 1")
        answer = client.get("/readyz")
        assert (answer.status_code, answer.get_json()["reasons"]) == (503, ["database-unavailable"])
    assert "database-unavailable" not in client.get("/readyz").get_json()["reasons"]


def test_timeouts_are_those_of_the_role_and_are_extended_for_one_transaction(behind: Flask) -> None:
    with behind.app_context():
        assert (shown("statement_timeout"), shown("lock_timeout"), shown("timezone")) == ("1min", "30s", "UTC")
        db.session.rollback()
        with exclusive_lock():
            assert shown("statement_timeout") == "1h"
        assert shown("statement_timeout") == "1min"


def test_only_one_audit_runs_and_its_lock_ends_with_its_transaction(behind: Flask) -> None:
    def audit() -> bool:
        with behind.app_context():
            try:
                with exclusive_lock():
                    return True
            except AuditRunning:
                return False

    with behind.app_context(), ThreadPoolExecutor(1) as other:
        with exclusive_lock():
            assert not other.submit(audit).result()
        assert other.submit(audit).result()


def test_schema_and_backups_need_the_server_itself(
    bouncer: PgBouncer, own_database: str, empty_database: str, tmp_path: Path, server_programs: None
) -> None:
    dump = tmp_path / "one.dump"
    for url, command in ((empty_database, ("db", "upgrade")), (own_database, ("backup", str(dump)))):
        ended = CommandLine(bouncer.url(url), tmp_path).aside(*command)
        assert ended.code == 1 and "PgBouncer" in ended.err
    assert not dump.exists()
    assert CommandLine(own_database, tmp_path).aside("backup", str(dump)).code == 0


def test_upgrade_runs_as_the_owner_while_the_service_uses_pgbouncer(
    bouncer: PgBouncer, databases: Databases, own_database: str, tmp_path: Path
) -> None:
    service = CommandLine(bouncer.url(databases.for_service(own_database)), tmp_path)
    assert service.aside("db", "upgrade", REGISTRY_DATABASE_OWNER_URL=own_database).code == 0
    assert service.aside("audits", "list").code == 0
