"""Pytest configuration and shared fixtures.

``--database sqlite|postgresql`` selects the database; ``scripts/test`` runs both. ``--nightly`` tries exhaustively what
is otherwise tried by examples. Skipped and expected-to-fail tests fail the run.
"""

from __future__ import annotations

import gc
import logging
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from itertools import filterfalse
from pathlib import Path
from typing import Any
from unittest.mock import patch

import hypothesis
import pytest
from argon2 import PasswordHasher
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy import Connection, event

from registry.accounts import passwords
from registry.app import create_app
from registry.cli.app_context import LOG_FILE
from registry.core.database import db
from registry.freeze import policy_file
from registry.settings import read_settings
from tests.databases import Databases, DatabasesOfSession, databases_at
from tests.present import Present
from tests.savepoints import rolled_back
from tests.usual_policy import policy_as_entered

# No deadline: durations depend on the machine and are measured in benchmarks.
hypothesis.settings.register_profile("nightly", deadline=None)
hypothesis.settings.register_profile("daily", deadline=None, max_examples=30)

pytest_plugins = ("tests.fixtures.api", "tests.fixtures.cli", "tests.fixtures.real_records", "tests.fixtures.web")

KINDS = ("sqlite", "postgresql")
TESTS = Path(__file__).parent
PAGES = TESTS / "web"
OF_PAGES = re.compile(r"test_views")
OF_ENDPOINTS = re.compile(r"test_(api|(\w+_)?commands)(_\w+)?\.py")
# Slices of plain statements. What hangs there on searches, sorts, locks or bulk statements, which each database has of
# its own, is marked on_both.
OF_PLAIN_SERVICES = {
    *("accounts", "approvals", "audits", "cases", "evidence", "exemptions", "government_reports", "help", "imports"),
    *("inbox", "journal", "letters", "notifications", "open_data", "platform", "policies", "procurement", "projects"),
    *("reports", "requests", "saved_views", "signatures", "webhooks", "worklist"),
}
# What HTTP itself does hangs on no database; what of it does is marked on_both.
OF_HTTP = {"api", "http"}
OF_SESSION = pytest.StashKey[DatabasesOfSession]()
_not_run: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=KINDS, default="sqlite", help="the database that the tests run on")
    parser.addoption(
        "--no-repeats",
        action="store_true",
        help="run on one database alone what does not depend on it, as scripts/test does",
    )
    parser.addoption(
        "--nightly", action="store_true", help="run what takes long, and every combination instead of some"
    )


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("nightly" if config.option.nightly else "daily")
    if not hasattr(config, "workerinput"):
        # Clean up on SIGTERM as on Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def of_session(config: pytest.Config) -> DatabasesOfSession:
    """The session's databases, created on first use: the tests of ``freeze`` need none."""
    if OF_SESSION not in config.stash:
        config.stash[OF_SESSION] = DatabasesOfSession(config.option.database)
    return config.stash[OF_SESSION]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Pass the address of the session's databases to a pytest-xdist worker."""
    node.workerinput["databases"] = of_session(node.config).address


def pytest_unconfigure(config: pytest.Config) -> None:
    if OF_SESSION in config.stash:
        config.stash[OF_SESSION].close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests for the other database, and slow tests; they are not reported as skipped."""
    out_of_place = ["postgres_only" if config.option.database == "sqlite" else "sqlite_only"]
    if os.environ.get("REGISTRY_FAULTS") != "all":
        out_of_place.append("at_length")
    if not config.option.nightly:
        out_of_place.append("nightly")
    if os.geteuid() != 0:
        out_of_place.append("needs_root")

    def is_out(item: pytest.Item) -> bool:
        return any(map(item.get_closest_marker, out_of_place)) or (config.option.no_repeats and _is_repeat(item))

    config.hook.pytest_deselected(items=list(filter(is_out, items)))
    items[:] = filterfalse(is_out, items)
    # Browser tests are the longest. With several workers they run first, so that none is left to a single worker at the
    # end. With one worker they run last: they use two processors, and the other run may have ended by then.
    several = hasattr(config, "workerinput") or bool(config.getoption("numprocesses", None))
    items.sort(key=lambda item: ("browser" in item.fixturenames) != several)


def pytest_collection_finish(session: pytest.Session) -> None:
    # What was imported stays. Looking for garbage among it took a twelfth of the processor time.
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def _is_repeat(item: pytest.Item) -> bool:
    """True when one database is enough for a test, and it is the other one.

    SQLite, which takes half of the processor time, has the tests of plain services, pages and HTTP itself, and those
    that use no database. PostgreSQL has the tests of endpoints and commands, which use every service, and those marked
    ``on_either``, which include all in a browser, so that one process alone loads the demo and starts Chromium. Tests
    with several connections to a database of their own run on both, as all do at night.
    """
    if any(map(item.get_closest_marker, ("postgres_only", "sqlite_only", "on_both"))):
        return False
    if item.get_closest_marker("on_either") or OF_ENDPOINTS.match(item.path.name):
        enough = "postgresql"
    elif "databases" not in item.fixturenames or OF_PAGES.match(item.path.name) or item.path.parent == PAGES:
        enough = "sqlite"
    elif "own_database" in item.fixturenames:
        return False
    elif item.path.relative_to(TESTS).parts[0] in OF_HTTP | OF_PLAIN_SERVICES:
        enough = "sqlite"
    else:
        return False
    return enough != item.config.option.database


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped or hasattr(report, "wasxfail"):
        _not_run.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        _not_run.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _not_run and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name in _not_run:
        terminalreporter.write_line(f"SKIPPED OR EXPECTED TO FAIL, WHICH COUNTS AS FAILED: {name}", red=True)


@pytest.fixture(scope="session")
def _policies_read_once() -> Iterator[None]:
    """Cache the parsed policy, since hundreds of apps load it; the tests of ``freeze`` parse it without the cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy_file, "read_policy", lru_cache(policy_file.read_policy))
        yield


@pytest.fixture(scope="session")
def strong_hasher() -> Iterator[PasswordHasher]:
    """The service's password hasher. Tests use a weak one, because a real hash takes as long as ten pages."""
    with pytest.MonkeyPatch.context() as patch:
        strong = passwords.HASHER
        patch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield strong


@pytest.fixture(scope="session")
def nightly(request: pytest.FixtureRequest) -> bool:
    """True when every combination is to be tried, false when each value once is enough."""
    tries_all: bool = request.config.option.nightly
    return tries_all


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest, _policies_read_once: None, strong_hasher: PasswordHasher) -> Databases:
    """The factory of databases of the kind selected for this session."""
    config = request.config
    workerinput = getattr(config, "workerinput", None)
    address = workerinput["databases"] if workerinput else of_session(config).address
    return databases_at(config.option.database, address)


@pytest.fixture(autouse=True)
def _log_of_commands() -> Iterator[None]:
    """Remove the log handler of commands, whose data folder is deleted after the test."""
    yield
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if handler.get_name() == LOG_FILE]:
        root.removeHandler(handler)
        handler.close()


@pytest.fixture
def database_kind(databases: Databases) -> str:
    """``sqlite`` or ``postgresql``."""
    return databases.kind


def service_app(url: str, data_dir: Path, **settings: str) -> Flask:
    """The app on a migrated database."""
    app = create_app(
        read_settings(
            {
                "REGISTRY_DATABASE_URL": url,
                "REGISTRY_DATA_DIR": str(data_dir),
                "REGISTRY_SECRET_KEY": "of-the-tests-and-nobody-else",
                "REGISTRY_RATE_LIMIT": "off",
                "REGISTRY_SECOND_FACTOR": "off",
                "REGISTRY_POLICY_FILE": str(policy_as_entered()),
                **settings,
            }
        )
    )
    app.teardown_request(_clear_g)
    return app


def _clear_g(_error: BaseException | None) -> None:
    """Requests inside the pushed context of ``app`` share its ``g``, where extensions keep what is of one request."""
    for name in list(g):
        g.pop(name)


def _keep_prepared_statements(connection: Any, _record: object, _proxy: object) -> None:
    """Let psycopg keep more than 100: tests use thousands, which it would drop and prepare again in turn."""
    if hasattr(connection, "prepared_max"):
        connection.prepared_max = 3000


@pytest.fixture(scope="session")
def shared_app(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The app shared by the tests of one worker; tests use ``app``."""
    url = databases.make()
    databases.let_tests_set_the_installation(url)
    app = service_app(databases.for_service(url), tmp_path_factory.mktemp("data"))
    with app.app_context():
        event.listen(db.engine, "checkout", _keep_prepared_statements)
    yield app
    forget(app, databases, url)


@pytest.fixture
def connection(shared_app: Flask) -> Iterator[Connection]:
    """The single connection of ``app``; everything on it is rolled back after the test."""
    with rolled_back(shared_app) as connection:
        yield connection


@pytest.fixture
def app(shared_app: Flask, connection: Connection) -> Iterator[Flask]:
    """The app with its context pushed; the database is empty, and settings are as before, after the test."""
    with patch.dict(shared_app.config), patch.dict(shared_app.extensions), shared_app.app_context():
        yield shared_app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A test client of ``app``."""
    return app.test_client()


@pytest.fixture
def own_database(databases: Databases) -> Iterator[str]:
    """The URL of a separate migrated database, for several connections, threads or processes."""
    url = databases.make()
    yield url
    databases.drop(url)


@pytest.fixture
def empty_database(databases: Databases) -> Iterator[str]:
    """The URL of a database without a schema."""
    url = databases.make(empty=True)
    yield url
    databases.drop(url)


@pytest.fixture
def own_app(databases: Databases, own_database: str, tmp_path: Path) -> Iterator[Flask]:
    """The app on a separate database with real commits; each thread must push its own context."""
    app = service_app(own_database, tmp_path)
    yield app
    forget(app, databases, own_database)


@pytest.fixture
def each_example(app: Flask, connection: Connection) -> Callable[[], AbstractContextManager[None]]:
    """For hypothesis: ``with each_example():`` rolls back what one example wrote."""

    @contextmanager
    def undone() -> Iterator[None]:
        db.session.remove()
        nested = connection.begin_nested()
        try:
            yield
        finally:
            db.session.remove()
            nested.rollback()

    return undone


@pytest.fixture
def present() -> Iterator[Present]:
    """Control of the clock: ``present.set(date(2026, 9, 30))``, ``present.move(timedelta(hours=25))``."""
    hands = Present()
    yield hands
    hands.release()


def forget(app: Flask, databases: Databases, url: str) -> None:
    """Dispose of the app's engine and drop its database."""
    with app.app_context():
        db.engine.dispose()
    databases.drop(url)
