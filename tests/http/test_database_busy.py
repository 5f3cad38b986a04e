"""A lock that takes too long and a database that is away are different errors with different advice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError, TimeoutError

from registry.accounts.roles import Role
from registry.core.database import db
from registry.core.dialects import is_sqlite
from registry.core.postgresql import libpq_address
from registry.http.error_handlers import error_of
from tests.api.callers import Caller, code
from tests.conftest import forget, service_app
from tests.databases import Databases
from tests.factories import a_token
from tests.fixtures.cli import CommandLine

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
