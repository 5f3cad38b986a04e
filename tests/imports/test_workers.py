"""Workers of imports: killed, rival and frozen ones."""

from __future__ import annotations

import itertools
import os
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from registry.cli.app_context import open_registry
from registry.core.clock import now
from registry.core.database import autocommit_reads, db, transaction
from registry.http.metrics import queues
from registry.imports.models import FilePiece, ImportRun, stored_file
from registry.imports.queries import find_import
from registry.imports.service import queue_import
from registry.imports.worker import run_next_import
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from registry.projects.revisions import Revision
from registry.settings import read_settings
from tests.factories import ADMINISTRATOR, a_project, an_account, an_agency
from tests.forked import Forked
from tests.imports import import_worker
from tests.imports.tables import csv_of
from tests.imports.test_files import minimal
from tests.imports.test_projects import counts, errors

ROWS = 5000
BAD = 50


def many_rows(agency: str) -> bytes:
    """Return valid rows with one invalid row in a hundred."""
    return csv_of(
        *(
            minimal(agency, external_id=f"R-{number}", stage="" if number % 100 == 50 else "creation")
            for number in range(ROWS)
        )
    )


def worker(url: str, folder: Path, lease: timedelta) -> Forked:
    return Forked(import_worker.main, url, str(folder), lease)


def assert_each_row_went_in_once(run_id: int) -> None:
    run = find_import(ADMINISTRATOR, run_id)
    assert (run.state, run.processed, run.total) == ("done", ROWS, ROWS)
    assert counts(run) == (ROWS - BAD, 0, 0, BAD)
    assert len({error["row"] for error in errors(run)}) == len(errors(run)) == BAD
    registered = db.select(JournalEntry.subject).where(JournalEntry.action == "project.registered")
    subjects = db.session.scalars(registered).all()
    assert len(set(subjects)) == len(subjects) == ROWS - BAD
    for table in (Project, Revision):
        assert db.session.execute(db.select(db.func.count()).select_from(table)).scalar_one() == ROWS - BAD
    # Kept, to mark its wrong rows.
    assert set(db.session.scalars(db.select(FilePiece.import_id))) == {run_id}


def test_repeatedly_killed_worker_loses_and_duplicates_nothing(
    own_app: Flask, own_database: str, tmp_path: Path
) -> None:
    with own_app.app_context():
        run_id = queue_import(ADMINISTRATOR, "projects", False, "x", many_rows(an_agency().bin)).id
        kills = 0
        for _ in range(100):
            with worker(own_database, tmp_path, timedelta(0)) as process:
                line = next(process.stdout).strip()
                if line.isdigit() and int(line) < ROWS:
                    # After its first chunk, in the middle of the next.
                    kills += 1
                    process.kill()
            if find_import(ADMINISTRATOR, run_id).state == "done":
                break
            db.session.rollback()
        assert kills >= 3
        assert_each_row_went_in_once(run_id)


def test_two_workers_never_process_the_same_run(own_app: Flask, own_database: str, tmp_path: Path) -> None:
    with own_app.app_context():
        run_id = queue_import(ADMINISTRATOR, "projects", False, "x", many_rows(an_agency().bin)).id
        db.session.rollback()
        workers = [worker(own_database, tmp_path, timedelta(minutes=1)) for _ in range(2)]
        outputs = [process.communicate()[0].split() for process in workers]
        assert sorted(len(lines) > 1 for lines in outputs) == [False, True]
        assert sorted(lines[-1] for lines in outputs) == ["done", "none"]
        assert_each_row_went_in_once(run_id)


def test_worker_with_lost_lease_writes_nothing(own_app: Flask) -> None:
    with own_app.app_context():
        run_id = queue_import(ADMINISTRATOR, "projects", False, "x", many_rows(an_agency().bin)).id
        others: list[str] = []

        def overtaken(_run: ImportRun) -> None:
            if not others:
                with own_app.app_context():
                    other = run_next_import()
                    others.append("none" if other is None else other.state)

        run_next_import(timedelta(0), overtaken)
        assert others == ["done"]
        assert_each_row_went_in_once(run_id)


def test_run_without_progress_fails_with_reason(app: Flask) -> None:
    run_id = queue_import(ADMINISTRATOR, "projects", False, "x", csv_of(minimal(an_agency().bin))).id
    with transaction() as session:
        run = session.get_one(ImportRun, run_id)
        run.state, run.attempts, run.lease_until = "running", 3, now() - timedelta(seconds=1)
    failed = run_next_import()
    assert (failed.state, failed.failure, failed.finished_at is not None) == ("failed", "import-given-up", True)
    assert run_next_import() is None


def test_import_of_a_killed_worker_waits_in_the_queue_until_it_is_taken_up(app: Flask) -> None:
    run_id = queue_import(ADMINISTRATOR, "projects", False, "x", csv_of(minimal(an_agency().bin))).id
    waiting = [queues()["imports"].waiting]
    for lease in (timedelta(seconds=60), timedelta(seconds=-1)):
        with transaction() as session:
            run = session.get_one(ImportRun, run_id)
            run.state, run.attempts, run.lease_until = "running", 1, now() + lease
        waiting.append(queues()["imports"].waiting)
    run_next_import()
    assert [*waiting, queues()["imports"].waiting] == [1, 0, 1, 0]


@pytest.mark.parametrize("change", [{"disabled_at": True}, {"pending_since": True}, {"role": "auditor"}])
def test_import_of_disabled_account_fails(app: Flask, change: dict[str, object]) -> None:
    with transaction():
        account = an_account(ADMINISTRATOR.principal, "administrator")
    queued_by = replace(ADMINISTRATOR, account_id=account.id)
    queue_import(queued_by, "projects", False, "x", csv_of(minimal(an_agency().bin)))
    with transaction():
        for name, value in change.items():
            setattr(account, name, now() if value is True else value)
    failed = run_next_import()
    assert (failed.state, failed.failure) == ("failed", "principal-disabled")
    assert db.session.scalar(db.select(Project.id)) is None


def test_programming_error_fails_run_and_is_raised(app: Flask) -> None:
    run_id = queue_import(ADMINISTRATOR, "projects", False, "x", csv_of(minimal(an_agency().bin))).id

    def broken(_run: ImportRun) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_next_import(on_progress=broken)
    run = find_import(ADMINISTRATOR, run_id)
    assert (run.state, run.failure, run.created) == ("failed", "import-broke-off", 1)


def test_run_stays_claimable_when_database_is_unavailable(app: Flask) -> None:
    run_id = queue_import(ADMINISTRATOR, "projects", False, "x", csv_of(minimal(an_agency().bin))).id

    def away(_run: ImportRun) -> None:
        raise OperationalError("", {}, ConnectionError())

    with pytest.raises(OperationalError):
        run_next_import(timedelta(0), away)
    assert find_import(ADMINISTRATOR, run_id).state == "running"
    done = run_next_import()
    assert (done.state, counts(done)) == ("done", (1, 0, 0, 0))


def test_queued_runs_are_processed_in_order(app: Flask) -> None:
    agency = an_agency().bin
    ids = [queue_import(ADMINISTRATOR, "projects", True, "x", csv_of(minimal(agency))).id for _ in range(3)]
    done = list(itertools.takewhile(lambda run: run is not None, iter(run_next_import, object())))
    assert [run.id for run in done if run is not None] == ids


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


@pytest.mark.postgres_only
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


def test_file_is_read_by_requests_that_read_without_a_transaction(own_app: Flask) -> None:
    with own_app.app_context():
        autocommit_reads()
        assert stored_file(1) == b""
