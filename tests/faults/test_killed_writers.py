"""Writers of the change feed, killed with SIGKILL at any statement while others write and a reader follows."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from pathlib import Path
from random import Random

from flask import Flask
from sqlalchemy import select

from registry.agencies.models import Agency
from registry.changes.service import newest_seq
from registry.core.database import db
from registry.feed.queries import read_changes
from registry.projects.models import Project
from tests.factories import a_project
from tests.faults.entrance import scheduler_of
from tests.faults.processes import ALL, die_at
from tests.forked import Forked

KILLS = 40 if ALL else 4
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
        for _ in range(KILLS):
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
    assert seen == list(range(first + 1, first + 1 + len(seen)))
    assert Counter(subjects) == Counter(registered)
    assert len(registered) == KILLS * (2 * REGISTERED_BEFORE + 1)
