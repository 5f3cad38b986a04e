"""PostgreSQL failures: an immediate restart, and a permanent loss with failover to the standby."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.core.clock import local_instant, today
from registry.flags.models import AuditRun
from registry.imports.queries import find_import
from registry.imports.service import queue_import
from registry.journal.verification import verify_stored
from tests.audits.steps import create_projects, installed, table
from tests.conftest import service_app
from tests.databases import PostgresDatabases
from tests.factories import ADMINISTRATOR, a_bin, a_token, an_agency
from tests.faults.entrance import AUDIT_AT
from tests.faults.load import Load, release_connections, stored
from tests.faults.processes import ALL, AT_THE_COMMIT, Process, next_start
from tests.faults.served import Served
from tests.fixtures.cli import CommandLine
from tests.postgres_server import SETTINGS, PostgresServer
from tests.running import until

pytestmark = pytest.mark.postgres_only

RESTARTS = 20 if ALL else 1
A_DAY = timedelta(days=1)
# Acknowledged writes must survive the server's processes, not the machine's power supply.
DURABLE = {**SETTINGS, "synchronous_commit": "on"}
SYNCHRONOUS = {**DURABLE, "synchronous_standby_names": "standby"}


@dataclass
class Installation:
    """A registry on its own servers."""

    folder: Path
    servers: list[PostgresServer] = field(default_factory=list)
    app: Flask | None = None

    def start(self, name: str, settings: dict[str, str], standby_of: PostgresServer | None = None) -> PostgresServer:
        """Start another server."""
        (self.folder / name).mkdir()
        self.servers.append(PostgresServer(self.folder / name, settings, standby_of=standby_of))
        return self.servers[-1]

    def begin(self, first: PostgresServer) -> tuple[CommandLine, Flask, str, str]:
        """Set up commands, services, an agency and a token; the URL names all servers."""
        url = PostgresDatabases(first.address("postgres")).make(empty=True)
        for other in self.servers:
            if other is not first:
                url += f"&host={other.sockets}"
        registry = CommandLine(url, self.folder)
        assert registry("db", "upgrade").code == 0
        self.app = app = service_app(url, self.folder)
        with app.app_context():
            return registry, app, an_agency().bin, a_token(Role.ADMINISTRATOR)


@pytest.fixture
def installation() -> Iterator[Installation]:
    # A socket's path has at most 107 bytes, so it cannot be below pytest's long folders.
    made = Installation(Path(tempfile.mkdtemp(prefix="qtr-")))
    made.folder.chmod(0o755)
    yield made
    if made.app is not None:
        release_connections(made.app)
    for server in made.servers:
        server.stop()
    shutil.rmtree(made.folder)


def night(number: int) -> str:
    """Return the instant at which the nightly audit of a day from tomorrow on is due."""
    return local_instant(today() + number * A_DAY, AUDIT_AT).isoformat()


def test_server_restart_during_audit_and_load_loses_nothing(installation: Installation) -> None:
    server = installation.start("one", DURABLE)
    registry, app, agency, token = installation.begin(server)
    with app.app_context():
        installed(local_instant(today() + A_DAY, AUDIT_AT) - timedelta(hours=1))
        create_projects(40)
    with Served(registry) as web, Process(registry.url, installation.folder) as scheduler:
        with Load([web.port], token, agency) as load:
            for number in range(1, RESTARTS + 1):
                load.more(20)
                scheduler.order(f"stop {night(number)} {AT_THE_COMMIT}")
                word, child, phase = scheduler.answer().split()
                assert word == "stopped" and "w" in phase
                server.stop()
                load.refused(10)
                server.start()
                os.kill(int(child), signal.SIGKILL)
                assert scheduler.answer() == f"dead {child}"
                load.more(20)
                with app.app_context():
                    assert number - 1 == len(table(AuditRun))
                    run = next_start(local_instant(today() + number * A_DAY, AUDIT_AT))
                    assert run.status == "succeeded"
        assert load.wrong == []
        assert set(load.answers) <= {201, 503, 0}
        assert web.runs()
    assert set(load.acknowledged) - stored(app) == set()
    with app.app_context():
        assert verify_stored() == []


@pytest.mark.at_length
def test_standby_takes_over_under_load_and_loses_no_acknowledged_write(installation: Installation) -> None:
    primary = installation.start("primary", SYNCHRONOUS | {"synchronous_standby_names": ""})
    standby = installation.start("standby", DURABLE, standby_of=primary)
    registry, app, agency, token = installation.begin(primary)
    with psycopg.connect(primary.address("postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
    with app.app_context():
        installed(local_instant(today() + A_DAY, AUDIT_AT) - timedelta(hours=1))
        create_projects(40)
    with ExitStack() as stack:
        web = [stack.enter_context(Served(registry)) for _ in range(2)]
        scheduler = stack.enter_context(Served(registry, "scheduler"))
        rivals = [stack.enter_context(Process(registry.url, installation.folder)) for _ in range(2)]
        nights = [one_night(rivals, 1)]
        with Load([each.port for each in web], token, agency) as load:
            load.more(40)
            primary.stop()
            load.refused(10)
            standby.promote()
            load.more(40)
        assert load.wrong == []
        assert set(load.answers) <= {201, 503, 0}
        assert set(load.acknowledged) - stored(app) == set()
        nights += [one_night(rivals, number) for number in (2, 3)]
        assert nights == [["none", "ran succeeded"]] * 3
        with app.app_context():
            queued = queue_import(ADMINISTRATOR, "agencies", False, "a.csv", one_row()).id
        until(lambda: state_of(app, queued) == "done")
        assert scheduler.runs() and all(each.runs() for each in web)
    with app.app_context():
        assert [row["status"] for row in table(AuditRun)] == ["succeeded"] * 3
        assert verify_stored() == []


def one_night(rivals: list[Process], number: int) -> list[str]:
    """Run two schedulers concurrently for the same nightly audit."""
    for rival in rivals:
        rival.order(f"tick {night(number)}")
    return sorted(rival.answer() for rival in rivals)


def one_row() -> bytes:
    return f"bin,name_ru,kind\n{a_bin()},Акимат,local_executive\n".encode()


def state_of(app: Flask, run_id: int) -> str:
    with app.app_context():
        return find_import(ADMINISTRATOR, run_id).state
