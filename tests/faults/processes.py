"""Real processes of the service for the faults, and how many faults a run tries."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from threading import Event
from types import TracebackType

from registry.audits.jobs import run_due_audit
from registry.flags.audit_runs import AuditRun
from tests.faults import entrance
from tests.faults.entrance import AUDIT_AT
from tests.forked import Forked

# The promised counts take minutes: they are tried when asked for, a small sample always.
ALL = os.environ.get("REGISTRY_FAULTS") == "all"
# No audit sends so many statements: one told to stop before this one stops before its commit.
AT_THE_COMMIT = 10_000


class Process:
    """One process of tests/faults/entrance.py, given orders and asked for answers."""

    def __init__(self, url: str, data_dir: Path) -> None:
        """Start it; it answers when it is ready."""
        self._process = Forked(entrance.main, url, str(data_dir))

    def __enter__(self) -> Process:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def order(self, line: str) -> None:
        """Give an order."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        """Wait for the next answer. Fails when the process is dead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the process died with {self._process.wait()}"
        return line.strip()


def next_start(moment: datetime) -> AuditRun:
    """The next ticks of a scheduler. PostgreSQL takes a moment to see that a killed process is gone."""
    for _ in range(500):
        run = run_due_audit(AUDIT_AT, moment)
        if run is not None:
            return run
        Event().wait(0.02)
    raise AssertionError("the claim of a killed process is still held")
