"""Lists and exports from a standby: a real primary with a real standby, whose replay is paused, then stopped."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import event, make_url
from sqlalchemy.exc import OperationalError

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.core.database import REPLICA, db, transaction
from registry.core.postgresql import AWAY_UNTIL
from registry.http.metrics import STORED
from registry.journal import service as journal
from registry.journal.read_replica import use_read_replica
from tests.conftest import service_app
from tests.databases import PostgresDatabases, bare_app
from tests.factories import ADMINISTRATOR, a_token, an_agency
from tests.fixtures.cli import CommandLine
from tests.fixtures.web import PASSWORD, Visit
from tests.postgres_server import SETTINGS, PostgresServer
from tests.running import until

pytestmark = pytest.mark.postgres_only
PROJECT = {"object_kind": "system", "work_type": "maintenance", "stage": "operation", "placement": "unknown"}
LIST = "/api/v1/projects"


@dataclass
class Pair:
    """The service with a primary and a standby. ``on_standby``: the statements that the standby was asked."""

    app: Flask
    primary: PostgresServer
    standby: PostgresServer
    bin: str
    headers: dict[str, str]
    database: str
    on_standby: list[str] = field(default_factory=list)

    def register(self, name: str) -> None:
        sent = PROJECT | {"agency": self.bin, "name_kk": name}
        answer = self.app.test_client().post(LIST, json=sent, headers=self.headers)
        assert answer.status_code == 201, answer.get_json()

    def get(self, address: str) -> tuple[str, bool]:
        """The text of a response, and whether projects were read from the standby for it.

        COPY, which is no statement of SQLAlchemy's, follows the longer timeout on its connection.
        """
        self.on_standby.clear()
        answer = self.app.test_client().get(address, headers=self.headers)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_data(as_text=True), any(
            "FROM projects" in each or "statement_timeout" in each for each in self.on_standby
        )

    def names(self) -> tuple[set[str], bool]:
        text, from_standby = self.get(LIST)
        return {item["name_kk"] for item in json.loads(text)["items"]}, from_standby

    def on(self, server: PostgresServer, statement: str) -> Any:
        with psycopg.connect(server.address(self.database), autocommit=True) as connection:
            row = connection.execute(statement).fetchone()
            return None if row is None else row[0]


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[PostgresServer, PostgresServer, str]]:
    # A socket's path has at most 107 bytes, so it cannot be below pytest's long folders.
    folder = Path(tempfile.mkdtemp(prefix="qtr-"))
    folder.chmod(0o755)
    (folder / "primary").mkdir()
    (folder / "standby").mkdir()
    settings = {**SETTINGS, "shared_buffers": "32MB", "synchronous_commit": "on"}
    primary = PostgresServer(folder / "primary", settings)
    url = PostgresDatabases(primary.address("postgres")).make(empty=True)
    assert CommandLine(url, folder)("db", "upgrade").code == 0
    standby = PostgresServer(folder / "standby", settings, standby_of=primary)
    yield primary, standby, url
    standby.stop()
    primary.stop()
    shutil.rmtree(folder)


@pytest.fixture
def pair(servers: tuple[PostgresServer, PostgresServer, str], tmp_path: Path) -> Iterator[Pair]:
    primary, standby, url = servers
    app = service_app(url, tmp_path, REGISTRY_DATABASE_READ_URL=at(standby, url), REGISTRY_LOCK_TIMEOUT="1")
    with app.app_context():
        bin_ = an_agency().bin
        headers = {"Authorization": f"Bearer {a_token(Role.ADMINISTRATOR)}"}
        pair = Pair(app, primary, standby, bin_, headers, str(db.engine.url.database))
        replica = db.engines[REPLICA]
        event.listen(replica, "before_cursor_execute", lambda *asked: pair.on_standby.append(asked[2]))
        db.session.remove()
    yield pair
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


def at(server: PostgresServer, url: str) -> str:
    """The address of the same database on another server."""
    return make_url(url).update_query_dict({"host": str(server.sockets)}).render_as_string(hide_password=False)


def caught_up(pair: Pair) -> Callable[[], bool]:
    written = pair.on(pair.primary, "SELECT pg_current_wal_lsn()")
    return lambda: bool(pair.on(pair.standby, f"SELECT pg_last_wal_replay_lsn() >= '{written}'"))


def test_lists_and_exports_are_read_from_a_standby_that_has_all_changes(pair: Pair) -> None:
    pair.register("Бірінші")
    until(caught_up(pair))
    names, from_standby = pair.names()
    assert "Бірінші" in names and from_standby
    for ending in ("csv", "ndjson"):
        text, from_standby = pair.get(f"/api/v1/exports/projects.{ending}")
        assert "Бірінші" in text and from_standby, ending
    # One record is read where it is changed.
    number = pair.app.test_client().get(LIST, headers=pair.headers).get_json()["items"][0]["number"]
    assert not pair.get(f"{LIST}/{number}")[1]


def test_what_was_just_written_is_read_from_the_primary(pair: Pair) -> None:
    until(caught_up(pair))
    pair.on(pair.standby, "SELECT pg_wal_replay_pause()")
    until(lambda: pair.on(pair.standby, "SELECT pg_get_wal_replay_pause_state()") == "paused")
    assert pair.names()[1]
    pair.register("Екінші")
    names, from_standby = pair.names()
    assert "Екінші" in names and not from_standby
    pair.on(pair.standby, "SELECT pg_wal_replay_resume()")
    until(caught_up(pair))
    names, from_standby = pair.names()
    assert "Екінші" in names and from_standby


def test_writing_ends_reading_from_the_standby(pair: Pair) -> None:
    until(caught_up(pair))
    with pair.app.app_context():
        assert use_read_replica()
        with transaction():
            journal.record(ADMINISTRATOR, "tests.done", "tests:1")
        assert REPLICA not in db.session().info
        db.session.remove()


def test_standby_that_is_away_is_not_asked_again_at_once(pair: Pair) -> None:
    pair.standby.stop()
    assert not pair.names()[1]
    assert pair.app.extensions[AWAY_UNTIL] > 0
    tried: list[object] = []
    with pair.app.app_context():
        event.listen(db.engines[REPLICA], "do_connect", lambda *_: tried.append(1))
    pair.names()
    assert tried == []
    pair.standby.start()
    pair.app.extensions[AWAY_UNTIL] = 0
    until(caught_up(pair))
    assert pair.names()[1]


@contextmanager
def projects_locked_on_the_standby(pair: Pair) -> Iterator[None]:
    """The standby replays the lock of a migration and then nothing, while the primary goes on."""
    until(caught_up(pair))
    with psycopg.connect(pair.primary.address(pair.database)) as migration:
        migration.execute("LOCK TABLE projects IN ACCESS EXCLUSIVE MODE")
        pair.on(pair.primary, "SELECT pg_logical_emit_message(true, 'tests', 'flush')")
        until(caught_up(pair))
        pair.on(pair.standby, "SELECT pg_wal_replay_pause()")
        until(lambda: pair.on(pair.standby, "SELECT pg_get_wal_replay_pause_state()") == "paused")
        migration.rollback()
    try:
        yield
    finally:
        pair.on(pair.standby, "SELECT pg_wal_replay_resume()")


def test_list_that_the_standby_cancelled_is_answered_by_the_primary_when_it_is_sent_again(pair: Pair) -> None:
    with projects_locked_on_the_standby(pair):
        failed = pair.app.test_client().get(LIST, headers=pair.headers)
        assert (failed.status_code, failed.headers["Retry-After"]) == (503, "5")
        assert not pair.get(LIST)[1]


def test_export_that_the_standby_cancelled_breaks_off_and_is_read_from_the_primary_again(pair: Pair) -> None:
    pair.register("Бесінші")
    with projects_locked_on_the_standby(pair):
        # The line of names was sent before the first row: the transfer ends without its end.
        with pytest.raises(OperationalError):
            pair.app.test_client().get("/api/v1/exports/projects.csv", headers=pair.headers).get_data()
        text, from_standby = pair.get("/api/v1/exports/projects.csv")
        assert "Бесінші" in text and not from_standby


def test_export_that_the_standby_cancelled_before_its_first_row_is_a_503_and_then_read_from_the_primary(
    pair: Pair,
) -> None:
    pair.register("Алтыншы")
    with projects_locked_on_the_standby(pair):
        failed = pair.app.test_client().get("/api/v1/exports/projects.ndjson", headers=pair.headers)
        assert (failed.status_code, failed.headers["Retry-After"]) == (503, "5")
        text, from_standby = pair.get("/api/v1/exports/projects.ndjson")
        assert "Алтыншы" in text and not from_standby


def test_page_of_an_error_counts_the_inbox_on_the_primary(pair: Pair) -> None:
    until(caught_up(pair))
    with pair.app.app_context():
        add_person(ADMINISTRATOR, NewPerson("a.reader", Role.REVIEWER), PASSWORD)
        db.session.remove()
    visit = Visit(pair.app.test_client())
    assert visit.send("/sign-in", follow=False, name="a.reader", password=PASSWORD).status_code == 303
    until(caught_up(pair))
    pair.on_standby.clear()
    page = visit.get("/projects.csv?stage=nonsense")
    assert page.status_code == 400 and 'href="/inbox"' in page.text
    assert any("journal_head" in each for each in pair.on_standby)
    assert [each for each in pair.on_standby if "inbox" in each] == []


def test_doctor_and_metrics_know_the_standby(pair: Pair, tmp_path: Path) -> None:
    url = pair.app.config["SQLALCHEMY_DATABASE_URI"]
    hosts = make_url(url).update_query_dict({"host": [str(pair.primary.sockets), str(pair.standby.sockets)]})
    several = CommandLine(hosts.render_as_string(hide_password=False), tmp_path)
    until(caught_up(pair))
    assert standby_in(several) == ("ok", None)
    assert samples(pair) == {"up": 1, "lag_seconds": 0}
    pair.on(pair.standby, "SELECT pg_wal_replay_pause()")
    pair.register("Төртінші")
    assert samples(pair)["up"] == 1 and samples(pair)["lag_seconds"] > 0
    pair.on(pair.standby, "SELECT pg_wal_replay_resume()")
    pair.standby.stop()
    assert standby_in(several) == ("failure", "docs/runbooks/standby-lost.md")
    assert samples(pair) == {"up": 0}
    pair.standby.start()


def standby_in(registry: CommandLine) -> tuple[str, str | None]:
    [finding] = [each for each in registry("doctor", "--json").json["checks"] if each["check"] == "standby"]
    return finding["state"], finding["runbook"]


def samples(pair: Pair) -> dict[str, float]:
    pair.app.extensions[STORED].forget()
    lines = pair.app.test_client().get("/metrics").get_data(as_text=True).splitlines()
    own = [line.removeprefix("registry_standby_").split() for line in lines if line.startswith("registry_standby_")]
    return {name: float(value) for name, value in own}


def test_server_with_a_history_of_its_own_is_not_read(pair: Pair) -> None:
    """As a former primary that somebody started again: it has as many entries, and others."""
    until(caught_up(pair))
    pair.standby.promote()
    until(lambda: not pair.on(pair.standby, "SELECT pg_is_in_recovery()"))
    url = at(pair.standby, pair.app.config["SQLALCHEMY_DATABASE_URI"])
    with bare_app(url).app_context():
        with transaction():
            journal.record(ADMINISTRATOR, "tests.elsewhere", "tests:2")
        db.session.remove()
        db.engine.dispose()
    # Also while the primary has no entry that it does not have.
    assert not pair.names()[1]
    pair.register("Үшінші")
    names, from_standby = pair.names()
    assert "Үшінші" in names and not from_standby
