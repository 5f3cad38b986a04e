"""PostgreSQL: timeouts, and reconnection when a server becomes read-only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from registry.audits.schedule import exclusive_lock
from registry.core.clock import now
from registry.core.database import db, init_database, transaction
from registry.core.dialects import insert_rows
from registry.core.outbox import OutboxMessage
from registry.core.postgresql import libpq_address
from registry.core.settings import DatabaseLimits

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
