"""What ``scripts/nightly_audit`` promises to cron: one line of JSON and an exit code that tells what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from registry.audits.schedule import exclusive_lock
from registry.core.database import db, transaction
from registry.flags.models import AuditRun
from registry.settings import CHECKOUT
from tests.factories import a_project

# The script starts a process and reports how the audit ended; audits themselves run on both databases.
pytestmark = pytest.mark.sqlite_only
SCRIPT = CHECKOUT / "scripts" / "nightly_audit"


def audited(url: str, data: Path) -> tuple[int, dict[str, Any]]:
    """The exit code and the line, as cron would get them: from another folder, with little environment."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(CHECKOUT),
        "REGISTRY_DATABASE_URL": url,
        "REGISTRY_DATA_DIR": str(data),
        "REGISTRY_SECRET_KEY": "of-the-tests-and-nobody-else",
    }
    ran = subprocess.run(
        [sys.executable, SCRIPT], capture_output=True, text=True, env=environment, cwd="/", check=False
    )
    lines = ran.stdout.splitlines()
    assert len(lines) == 1, ran.stderr
    return ran.returncode, json.loads(lines[0])


def test_a_night_is_audited_once_however_often_it_is_asked_for(
    own_app: Flask, own_database: str, tmp_path: Path
) -> None:
    with own_app.app_context():
        a_project()
    code, first = audited(own_database, tmp_path)
    assert (code, first["status"], first["projects_judged"]) == (0, "succeeded", 1)
    assert audited(own_database, tmp_path) == (0, first)
    with own_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(AuditRun)) == 1


@pytest.mark.nightly
def test_a_held_night_ends_as_a_conflict_each_time(own_app: Flask, own_database: str, tmp_path: Path) -> None:
    audited(own_database, tmp_path)
    with own_app.app_context(), transaction() as session:
        session.scalars(select(AuditRun)).one().status = "held"
    code, line = audited(own_database, tmp_path)
    assert (code, line["status"]) == (4, "held")


@pytest.mark.nightly
def test_beside_another_audit_it_ends_as_a_conflict(own_app: Flask, own_database: str, tmp_path: Path) -> None:
    with own_app.app_context(), exclusive_lock():
        code, line = audited(own_database, tmp_path)
    assert (code, line["status"]) == (4, "conflict")


@pytest.mark.nightly
def test_without_a_schema_it_fails_and_says_what_to_run(empty_database: str, tmp_path: Path) -> None:
    code, line = audited(empty_database, tmp_path)
    assert (code, line["status"]) == (1, "failed")
    assert "registry db upgrade" in line["reason"]
