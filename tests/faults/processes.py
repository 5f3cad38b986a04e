"""Processes for the fault tests, and the number of faults per run."""

from __future__ import annotations

import os
import signal
from datetime import datetime
from pathlib import Path
from threading import Event
from types import TracebackType

from sqlalchemy import event

from registry.audits.jobs import run_due_audit
from registry.core.database import db
from registry.flags.models import AuditRun
from tests.faults import entrance
from tests.faults.entrance import AUDIT_AT
from tests.forked import Forked

# The full counts take minutes and run on request; a small sample always runs.
ALL = os.environ.get("REGISTRY_FAULTS") == "all"
# More than an audit's statements: a process that is to stop before this one stops before its commit.
AT_THE_COMMIT = 10_000


def die_at(statement: int) -> None:
    """Kill this process before the statement of that number from now on, or before its next commit."""
    executed = 0

    @event.listens_for(db.engine, "before_cursor_execute")
    def before_statement(*_details: object) -> None:
        nonlocal executed
        executed += 1
        if executed == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    @event.listens_for(db.engine, "commit")
    def before_commit(_connection: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Process:
    """A process of tests/faults/entrance.py that executes commands."""

    def __init__(self, url: str, data_dir: Path) -> None:
        """Start the process and wait until it is ready."""
        self._process = Forked(entrance.main, url, str(data_dir))

    def __enter__(self) -> Process:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def order(self, line: str) -> None:
        """Send a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        """Wait for the next output line. Fails when the process is dead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the process died with {self._process.wait()}"
        return line.strip()


def next_start(instant: datetime) -> AuditRun:
    """Run the next ticks of a scheduler. PostgreSQL needs a moment to notice that a process was killed."""
    for _ in range(500):
        run = run_due_audit(AUDIT_AT, instant)
        if run is not None:
            return run
        Event().wait(0.02)
    raise AssertionError("the claim of a killed process is still held")
