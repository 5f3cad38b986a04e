"""Full disk: writes that do not fit are rejected clearly, nothing is damaged, and work continues with free space."""

from __future__ import annotations

import http.client
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from registry.accounts.roles import Role
from registry.journal.verification import verify_stored
from tests.conftest import service_app
from tests.databases import PostgresDatabases
from tests.factories import a_token, an_agency
from tests.faults.load import Load, release_connections, request, stored
from tests.faults.served import Served
from tests.faults.small_disks import filled, small_disk
from tests.fixtures.cli import CommandLine
from tests.postgres_server import UNPRIVILEGED, PostgresServer

LEAVE = 600_000


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Return a folder whose path is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="qtr-"))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.sqlite_only
@pytest.mark.needs_root
def test_full_disk_on_sqlite(short_folder: Path) -> None:
    with small_disk(short_folder, 24):
        registry = CommandLine(f"sqlite:///{short_folder}/registry.sqlite3", short_folder)
        assert registry("db", "upgrade").code == 0
        check_full_disk(registry, short_folder)


@pytest.mark.postgres_only
@pytest.mark.needs_root
@pytest.mark.at_length
def test_full_disk_on_postgresql(short_folder: Path) -> None:
    # The write-ahead log has its own disk, as in docs/operations.md; when it is full, the server stops.
    disk = short_folder / "data"
    log = short_folder / "log"
    for folder in (disk, log):
        folder.mkdir(mode=0o700)
    shutil.chown(log, UNPRIVILEGED)
    with small_disk(disk, 160):
        server = PostgresServer(short_folder, initdb=(f"--waldir={log}",))
        try:
            databases = PostgresDatabases(server.address("postgres"))
            databases.make_template()
            check_full_disk(CommandLine(databases.make(), short_folder), disk)
        finally:
            server.stop()


def check_full_disk(registry: CommandLine, disk: Path) -> None:
    app = service_app(registry.url, registry.data_dir)
    with app.app_context():
        agency, token = an_agency().bin, a_token(Role.ADMINISTRATOR)
    with Served(registry) as web, Load([web.port], token, agency) as load:
        load.more(10)
        with filled(disk, LEAVE):
            load.refused(20)
            assert problem_of(web.port, token, agency) == (503, "urn:qaztech-registry:problem:storage-full")
            assert not_ready(web.port) == ["disk-full"]
            number = next(iter(load.acknowledged.values()))
            assert request("GET", web.port, f"/projects/{number}", token)[0] == 200
        load.more(10)
    assert load.wrong == []
    assert set(load.acknowledged) - stored(app) == set()
    with app.app_context():
        assert verify_stored() == []
    release_connections(app)


def not_ready(port: int) -> list[str]:
    """Return the reasons given by ``/readyz``."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/readyz")
        reasons: list[str] = json.load(connection.getresponse())["reasons"]
    return reasons


def problem_of(port: int, token: str, agency: str) -> tuple[int, str]:
    """Return the error of a registration that does not fit; smaller ones may still fit."""
    for serial in range(100):
        body = {"agency": agency, "external_id": f"large-{serial}", "name_ru": "Б", "purpose": "ә" * 5000}
        body |= {"object_kind": "system", "work_type": "creation", "stage": "creation", "placement": "off_platform"}
        status, answer, _ = request("POST", port, "/projects", token, body)
        if status != 201:
            return status, answer["type"]
    raise AssertionError("the disk is not full")
