"""A worker frozen in an import chunk releases its locks after ``REGISTRY_IDLE_TIMEOUT``."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Connection, event

from registry.cli.app_context import open_registry
from registry.core.database import db
from registry.imports.service import queue_import
from registry.imports.worker import run_next_import
from registry.projects.models import Project
from registry.settings import read_settings
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.forked import Forked
from tests.imports.tables import csv_of
from tests.imports.test_files import minimal

pytestmark = pytest.mark.postgres_only


def freeze_in_a_chunk(url: str, data_dir: str) -> None:
    """Start an import and freeze after the statement that locks the project numbers."""
    settings = {
        "REGISTRY_DATABASE_URL": url,
        "REGISTRY_DATA_DIR": data_dir,
        "REGISTRY_SECRET_KEY": "of-the-tests-and-nobody-else",
        "REGISTRY_IDLE_TIMEOUT": "1",
    }
    with open_registry(read_settings(settings)):

        def freeze(connection: Connection, cursor: object, sql: str, *rest: object) -> None:
            if "number_series" in sql:
                print("frozen", flush=True)  # noqa: T201 - its answer to the test
                os.kill(os.getpid(), signal.SIGSTOP)

        event.listen(db.engine, "after_cursor_execute", freeze)
        run_next_import()


def test_frozen_import_worker_does_not_block_registrations(own_app: Flask, own_database: str, tmp_path: Path) -> None:
    with own_app.app_context():
        agency = an_agency()
        a_project(agency)
        queue_import(ADMINISTRATOR, "projects", False, "x", csv_of(minimal(agency.bin, external_id="R-1")))
        db.session.rollback()
        with Forked(freeze_in_a_chunk, own_database, str(tmp_path)) as worker:
            try:
                assert worker.stdout is not None
                assert worker.stdout.readline() == "frozen\n"
                # It waits for the numbers that the worker has locked; a lock timeout would fail 30 seconds later.
                a_project(agency)
            finally:
                worker.kill()
        assert db.session.scalar(db.select(db.func.count(Project.id))) == 2
