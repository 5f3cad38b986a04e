"""Nightly audits killed with SIGKILL: nothing is lost or duplicated, and the next start completes the audit."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from flask import Flask

from registry.cases.models import Case, CaseEvent, CaseFlag
from registry.core.clock import local_date, local_instant, today
from registry.core.database import db
from registry.core.outbox import OutboxMessage
from registry.flags.models import AuditChange, AuditRun, Flag
from registry.journal.service import JournalEntry, JournalHead
from tests.audits.steps import create_projects, installed, set_verified, table
from tests.faults.entrance import AUDIT_AT
from tests.faults.processes import ALL, AT_THE_COMMIT, Process, next_start

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
