"""Client-side timeouts when a connected database server does not respond."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from registry.core.database import db, init_database, transaction
from registry.core.postgresql import extend_timeouts
from registry.core.psycopg_connection import close_waiting_connections, wait_limit
from registry.core.settings import DatabaseLimits
from tests.running import until
from tests.stalling_proxy import StallingProxy, stalling_proxy

pytestmark = pytest.mark.postgres_only


@pytest.fixture
def proxy(own_database: str) -> Iterator[StallingProxy]:
    with stalling_proxy(own_database) as proxy:
        yield proxy


@pytest.fixture
def limited(proxy: StallingProxy) -> Iterator[Flask]:
    app = Flask("tests")
    init_database(app, proxy.url, DatabaseLimits(pool=2, statement_timeout=1, long_timeout=3600))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def test_statement_on_a_stalled_connection_ends_and_the_next_one_works(proxy: StallingProxy, limited: Flask) -> None:
    db.session.execute(text("SELECT 1"))
    proxy.stall()
    began = time.monotonic()
    with pytest.raises(OperationalError, match="did not answer within 6 seconds"):
        db.session.execute(text("SELECT 2"))
    assert time.monotonic() - began < 10
    db.session.rollback()
    proxy.go_on()
    assert db.session.scalar(text("SELECT 3")) == 3


def test_extended_timeout_waits_longer_until_closed(proxy: StallingProxy, limited: Flask) -> None:
    def wait_long() -> str:
        with limited.app_context(), pytest.raises(OperationalError) as raised, transaction() as session:
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
