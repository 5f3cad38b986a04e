"""The web process under load: killed, with concurrent repeated requests and edits, and backed up."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from registry.core.database import db
from registry.journal.verification import verify_stored
from registry.projects.models import Project
from registry.projects.revisions import Revision
from tests.databases import Databases
from tests.factories import a_project, project_values
from tests.faults.load import Load, ask, stored
from tests.faults.processes import ALL
from tests.faults.served import Served
from tests.fixtures.cli import CommandLine
from tests.postgres_server import client_programs
from tests.running import free_port

KILLS = 50 if ALL else 2
PARALLEL = 50
EDITORS, EDITS = (8, 10_000) if ALL else (4, 24)
BACKUPS = 10


def test_acknowledged_writes_survive_killed_web_process(
    own_app: Flask, registry: CommandLine, agency: str, token: str
) -> None:
    port = free_port()
    with Load([port], token, agency) as load:
        for _ in range(KILLS):
            with Served(registry, port=port) as web:
                load.more(20)
                web.kill()
                acknowledged = set(load.acknowledged)
            assert acknowledged - stored(own_app) == set()
    assert load.wrong == []
    with own_app.app_context():
        assert verify_stored() == []


def test_fifty_concurrent_requests_with_one_idempotency_key_create_one_project(
    own_app: Flask, registry: CommandLine, agency: str, token: str
) -> None:
    body = {"agency": agency, **project_values()}
    with Served(registry) as web, ThreadPoolExecutor(PARALLEL) as clients:

        def register(_: int) -> tuple[int, str]:
            status, answer, _ = ask("POST", web.port, "/projects", token, body, **{"Idempotency-Key": "once"})
            return status, answer and answer["number"]

        answers = set(clients.map(register, range(PARALLEL)))
    with own_app.app_context():
        assert answers == {(201, db.session.scalars(select(Project.number)).one())}


def test_concurrent_edits_lose_no_update(own_app: Flask, registry: CommandLine, token: str) -> None:
    with own_app.app_context():
        number = a_project(budget_kzt=0).number
    path, merge = f"/projects/{number}", "application/merge-patch+json"
    with Served(registry) as web, ThreadPoolExecutor(EDITORS) as editors:

        def add_one(_: int) -> None:
            while True:
                _, project, etag = ask("GET", web.port, path, token)
                change = {"budget_kzt": project["budget_kzt"] + 1}
                status, _, _ = ask("PATCH", web.port, path, token, change, **{"If-Match": etag, "Content-Type": merge})
                if status == 200:
                    return
                assert status == 412

        list(editors.map(add_one, range(EDITS)))
    with own_app.app_context():
        assert db.session.scalar(select(Project.budget_kzt)) == EDITS
        assert db.session.scalar(select(func.count(Revision.id))) == EDITS + 1


@pytest.mark.at_length  # tests/cli/test_backup.py has a sample
def test_backup_under_load_has_same_digest_after_restore(
    own_app: Flask,
    registry: CommandLine,
    agency: str,
    token: str,
    databases: Databases,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if databases.kind == "postgresql":
        monkeypatch.setenv("PATH", f"{client_programs()}{os.pathsep}{os.environ['PATH']}")
    url = databases.make(empty=True)
    elsewhere = CommandLine(url, tmp_path / "elsewhere")
    with Served(registry) as web, Load([web.port], token, agency) as load:
        for number in range(BACKUPS):
            load.more(10)
            before = set(load.acknowledged)
            taken = registry.aside("backup", tmp_path / f"backup-{number}")
            load.more(10)
            restored = elsewhere.aside("restore", "--force", tmp_path / f"backup-{number}")
            assert (taken.code, restored.code) == (0, 0), taken.err + restored.err
            assert restored.raw == taken.raw
            exported = elsewhere.aside("projects", "export").out
            assert [name for name in before if f",{name}," not in exported] == []
    assert load.wrong == []
    databases.drop(url)
