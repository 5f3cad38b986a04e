"""PostgreSQL: timeouts, servers that stall or become read-only, and PgBouncer with ``config/pgbouncer.ini``."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

from registry.accounts.roles import Role
from registry.audits.schedule import AuditRunning, exclusive_lock
from registry.core.clock import now
from registry.core.database import db, init_database, transaction
from registry.core.dialects import insert_rows
from registry.core.outbox import OutboxMessage
from registry.core.postgresql import extend_timeouts, libpq_address
from registry.core.psycopg_connection import close_waiting_connections, wait_limit
from registry.core.settings import DatabaseLimits
from tests.conftest import forget, service_app
from tests.databases import Databases
from tests.factories import a_token, an_agency
from tests.fixtures.cli import CommandLine
from tests.pgbouncer_server import PGBOUNCER, PgBouncer
from tests.running import until
from tests.stalling_proxy import StallingProxy, stalling_proxy

pytestmark = pytest.mark.postgres_only

LIMITS = DatabaseLimits(pool=2, statement_timeout=1, lock_timeout=1, idle_timeout=1, long_timeout=77)


@pytest.fixture
def limited(own_database: str) -> Iterator[Flask]:
    app = Flask("tests")
    init_database(app, own_database, LIMITS)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def shown(name: str) -> str:
    return db.session.scalar(text(f"SHOW {name}"))


def test_statement_timeout_cancels_a_long_statement(limited: Flask) -> None:
    with pytest.raises(OperationalError, match="statement timeout"):
        db.session.execute(text("SELECT pg_sleep(30)"))


def test_lock_timeout_ends_a_wait(limited: Flask, own_database: str) -> None:
    with psycopg.connect(libpq_address(own_database)) as other:
        other.execute("LOCK TABLE agencies")
        with pytest.raises(OperationalError, match="lock timeout"), transaction() as session:
            session.execute(text("SET LOCAL statement_timeout = 0"))
            session.execute(text("SELECT count(*) FROM agencies"))


def test_idle_transaction_is_ended_and_the_next_one_gets_a_new_connection(limited: Flask) -> None:
    pid = db.session.scalar(text("SELECT pg_backend_pid()"))
    with psycopg.connect(libpq_address(db.engine.url.render_as_string(hide_password=False))) as other:
        other.autocommit = True
        while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone():
            other.execute("SELECT pg_sleep(0.05)")
    with pytest.raises(OperationalError):
        db.session.execute(text("SELECT 1"))
    db.session.rollback()
    assert db.session.scalar(text("SELECT pg_backend_pid()")) != pid


def test_extended_timeouts_apply_to_one_transaction_only(limited: Flask) -> None:
    with exclusive_lock():
        assert (shown("statement_timeout"), shown("idle_in_transaction_session_timeout")) == ("77s", "77s")
        assert shown("lock_timeout") == "1s"
    assert (shown("statement_timeout"), shown("idle_in_transaction_session_timeout")) == ("1s", "1s")


def test_pool_reconnects_to_the_primary_when_a_server_becomes_read_only(limited: Flask, own_database: str) -> None:
    with db.engine.connect() as one, db.engine.connect() as two:
        pids = [each.scalar(text("SELECT pg_backend_pid()")) for each in (one, two)]
    # As when an address leads to a server that has become a standby: a session that was good refuses to write.
    with pytest.raises(OperationalError, match="read-only transaction"), transaction() as session:
        session.execute(text("SET TRANSACTION READ ONLY"))
        session.execute(text("UPDATE journal_head SET seq = seq"))
    with db.engine.connect() as one, db.engine.connect() as two:
        assert not {each.scalar(text("SELECT pg_backend_pid()")) for each in (one, two)} & set(pids)


def test_standby_is_rejected_on_connect(limited: Flask, own_database: str) -> None:
    with psycopg.connect(libpq_address(own_database), autocommit=True) as other:
        name = db.engine.url.database
        other.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        with pytest.raises(OperationalError, match="read-only"):
            db.session.execute(text("SELECT 1"))
        other.execute("SET default_transaction_read_only = off")
        other.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    db.session.rollback()
    assert db.session.scalar(text("SELECT 1")) == 1


def test_connection_lost_during_copy_raises_operational_error(limited: Flask) -> None:
    with pytest.raises(OperationalError), transaction() as session:
        session.execute(text("SET TRANSACTION READ ONLY"))
        insert_rows(session, OutboxMessage, [{"topic": "t", "payload": {}, "created_at": now()}])
    with pytest.raises(OperationalError), transaction() as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
        with psycopg.connect(libpq_address(db.engine.url.render_as_string(hide_password=False))) as other:
            other.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
        insert_rows(session, OutboxMessage, [{"topic": "t", "payload": {}, "created_at": now()}])


def test_other_database_errors_keep_the_connection(limited: Flask) -> None:
    pid = db.session.scalar(text("SELECT pg_backend_pid()"))
    with pytest.raises(DBAPIError):
        db.session.execute(text("SELECT 1 / 0"))
    db.session.rollback()
    assert db.session.scalar(text("SELECT pg_backend_pid()")) == pid


def test_available_host_is_used_of_several(own_database: str, tmp_path: Path) -> None:
    app = Flask("tests")
    url = own_database.replace("host=", f"host={tmp_path}&host=")
    init_database(app, url)
    with app.app_context():
        assert db.session.scalar(text("SELECT 1")) == 1
        db.session.remove()
        db.engine.dispose()
    with psycopg.connect(libpq_address(url)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_results_of_drivers_own_statements_have_their_columns(limited: Flask) -> None:
    with db.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT 1 AS first, 'two'::text AS second").mappings().all()
        cursor = connection.connection.cursor()
        cursor.execute("SELECT 1 AS first, 'two'::text AS second")
        described = [column.name for column in cursor.description]
        cursor.execute("SET LOCAL lock_timeout = 1")
        described_nothing = cursor.description
    assert rows == [{"first": 1, "second": "two"}]
    assert described == ["first", "second"]
    assert described_nothing is None


@pytest.fixture
def proxy(own_database: str) -> Iterator[StallingProxy]:
    with stalling_proxy(own_database) as proxy:
        yield proxy


@pytest.fixture
def limited_client(proxy: StallingProxy) -> Iterator[Flask]:
    app = Flask("tests")
    init_database(app, proxy.url, DatabaseLimits(pool=2, statement_timeout=1, long_timeout=3600))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def test_statement_on_a_stalled_connection_ends_and_the_next_one_works(
    proxy: StallingProxy, limited_client: Flask
) -> None:
    db.session.execute(text("SELECT 1"))
    proxy.stall()
    began = time.monotonic()
    with pytest.raises(OperationalError, match="did not answer within 6 seconds"):
        db.session.execute(text("SELECT 2"))
    assert time.monotonic() - began < 10
    db.session.rollback()
    proxy.go_on()
    assert db.session.scalar(text("SELECT 3")) == 3


def test_extended_timeout_waits_longer_until_closed(proxy: StallingProxy, limited_client: Flask) -> None:
    def wait_long() -> str:
        with (
            limited_client.app_context(),
            pytest.raises(OperationalError) as raised,
            transaction() as session,
        ):
            extend_timeouts(session.connection())
            raw = session.connection().connection.dbapi_connection
            assert raw is not None and raw.wait_limit == 3605
            proxy.stall()
            session.execute(text("SELECT 1"))
        return str(raised.value)

    with ThreadPoolExecutor(1) as aside:
        waiting = aside.submit(wait_long)
        until(lambda: close_waiting_connections(0.5) or waiting.done())
        assert "server closed the connection" in waiting.result()


def test_wait_limit_follows_statement_timeout() -> None:
    assert (wait_limit(60), wait_limit(0)) == (65, None)


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


def shown_through_pgbouncer(name: str) -> str:
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
        assert (
            shown_through_pgbouncer("statement_timeout"),
            shown_through_pgbouncer("lock_timeout"),
            shown_through_pgbouncer("timezone"),
        ) == ("1min", "30s", "UTC")
        db.session.rollback()
        with exclusive_lock():
            assert shown_through_pgbouncer("statement_timeout") == "1h"
        assert shown_through_pgbouncer("statement_timeout") == "1min"


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
