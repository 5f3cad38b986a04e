"""Audits and writers that are killed leave nothing half done."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from flask import Flask
from sqlalchemy import select

from registry.agencies.models import Agency
from registry.cases.models import Case, CaseEvent, CaseFlag
from registry.changes.models import ChangeKind, RecordedChange
from registry.changes.service import newest_seq
from registry.core.clock import local_date, local_instant, today
from registry.core.database import db
from registry.core.outbox import OutboxMessage
from registry.feed.queries import read_changes
from registry.flags.models import AuditChange, AuditRun, Flag
from registry.journal.service import JournalEntry, JournalHead
from registry.projects.models import Project
from tests.audits.steps import create_projects, installed, set_verified, table
from tests.factories import a_project
from tests.faults.entrance import AUDIT_AT, scheduler_of
from tests.faults.processes import ALL, AT_THE_COMMIT, Process, die_at, next_start
from tests.forked import Forked

KILLS = 200 if ALL else 8
PROJECTS = 40
TABLES = (AuditRun, AuditChange, Flag, Case, CaseFlag, CaseEvent, JournalEntry, JournalHead, OutboxMessage)


def everything() -> list[list[dict[str, Any]]]:
    """Return everything that an audit can write, read again."""
    db.session.rollback()
    return [table(each) for each in TABLES]


def phases(phase: str) -> Iterator[int]:
    """Yield where to stop: in turn after the first write and before the commit, and anywhere before the first write."""
    rng = Random(9)
    first_write = phase.index("w")
    while True:
        # Later audits have one read more before their first write.
        yield rng.choice([*range(first_write + 2, len(phase)), AT_THE_COMMIT])
        yield rng.randrange(first_write + 1)


def stopped_and_killed(process: Process, instant: datetime, at: int) -> str:
    """Stop a nightly audit there and kill it. Return the phase that it had reached."""
    process.order(f"stop {instant.isoformat()} {at}")
    word, child, *phase = process.answer().split()
    assert word == "stopped"
    os.kill(int(child), signal.SIGKILL)
    assert process.answer() == f"dead {child}"
    return "".join(phase)


def test_killed_nightly_audit_leaves_nothing_and_next_start_completes_it(
    own_app: Flask, own_database: str, tmp_path: Path
) -> None:
    with own_app.app_context(), Process(own_database, tmp_path) as process:
        ids = create_projects(PROJECTS, placement="on_platform", work_type="maintenance", stage="operation")
        # After the grace period flags are severe enough to open cases, which close and open with them.
        instant = local_instant(today() + timedelta(days=45), AUDIT_AT)
        installed(instant - timedelta(hours=1))
        next_start(instant)
        where: Iterator[int] | None = None
        after_first_write = 0
        for number in range(1, KILLS + 1):
            instant += timedelta(days=1)
            # Each audit clears some flags, opens others and keeps the rest.
            verified = {project for place, project in enumerate(ids) if (place + number) % 3 == 0}
            set_verified(verified, local_date(instant))
            set_verified(set(ids) - verified, None)
            before = everything()
            if where is None:
                where = phases(stopped_and_killed(process, instant, AT_THE_COMMIT))
            after_first_write += "w" in stopped_and_killed(process, instant, next(where))
            assert everything() == before
            run = next_start(instant)
            assert (run.on, run.status, run.trigger) == (local_date(instant), "succeeded", "schedule")
            assert run.flags_opened + run.flags_cleared > 0
            active = [(row["project_id"], row["rule"]) for row in table(Flag) if row["status"] != "cleared"]
            assert len(active) == len(set(active))
            assert {project for project, _ in active} == set(ids) - verified
            assert [row["status"] for row in table(AuditRun)] == ["succeeded"] * (number + 1)
        assert after_first_write >= KILLS // 2
        assert len(table(Case)) >= PROJECTS - len(verified)


WRITER_KILLS = 40 if ALL else 4
# A registration executes fewer statements.
STATEMENTS = 12
REGISTERED_BEFORE = 3


def register_and_die(url: str, data_dir: str, agency_bin: str, at: int) -> None:
    """Register projects, and die in one of them: before the statement of that number, or before the commit."""
    with scheduler_of(url, data_dir) as app, app.app_context():
        agency = db.session.scalars(select(Agency).where(Agency.bin == agency_bin)).one()
        for place in range(REGISTERED_BEFORE):
            a_project(agency, external_id=f"{os.getpid()}-{place}")
        die_at(at)
        a_project(agency, external_id=f"{os.getpid()}-dying")


def test_killed_writers_leave_neither_gaps_nor_changes_that_did_not_happen(
    own_app: Flask, own_database: str, tmp_path: Path, agency: str
) -> None:
    rng = Random(17)
    ended = threading.Event()
    seen: list[int] = []
    subjects: list[str] = []
    with own_app.app_context():
        first = newest_seq()

    def follow() -> None:
        with own_app.app_context():
            after = first
            while True:
                is_last = ended.is_set()
                read = read_changes(None, after, 50)
                seen.extend(change.seq for change in read.changes)
                subjects.extend(change.subject for change in read.changes)
                after = read.read_up_to
                db.session.rollback()
                if is_last and not read.has_more:
                    return
                ended.wait(0.02)

    reader = threading.Thread(target=follow)
    reader.start()
    try:
        for _ in range(WRITER_KILLS):
            dying = [
                Forked(register_and_die, own_database, str(tmp_path), agency, rng.randint(1, STATEMENTS))
                for _ in range(2)
            ]
            with own_app.app_context():
                owner = db.session.scalars(select(Agency).where(Agency.bin == agency)).one()
                a_project(owner)
            for process in dying:
                _, errors = process.communicate()
                assert process.returncode == -signal.SIGKILL, errors
    finally:
        ended.set()
        reader.join(120)

    with own_app.app_context():
        registered = [f"project:{number}" for number in db.session.scalars(select(Project.number))]
        changes = db.session.execute(select(RecordedChange.seq, RecordedChange.kind).order_by(RecordedChange.seq)).all()
    numbers = [change.seq for change in changes if change.seq > first]
    assert numbers == list(range(first + 1, first + 1 + len(numbers)))
    # Other kinds hold digests of rows, which no reader of the feed gets.
    assert seen == [change.seq for change in changes if change.seq > first and change.kind in set(ChangeKind)]
    assert Counter(subjects) == Counter(registered)
    assert len(registered) == WRITER_KILLS * (2 * REGISTERED_BEFORE + 1)
