"""Test driver process: runs the service and executes commands from stdin, one line of output for each.

- ``tick INSTANT``: a scheduler's tick at that instant; prints ``ran STATUS`` or ``none``.
- ``clock INSTANT``: a tick in a process whose clock shows that instant; prints the same.
- ``audit``: a manual audit; prints ``ran STATUS`` or ``AuditRunning``.
- ``stop INSTANT N``: a child process starts the nightly audit and stops before its N-th statement, or, after the last,
  before the commit: ``stopped PID PHASE``. PHASE has a letter for each executed statement: ``w`` for one that wrote
  flags, ``-`` for others. The test kills the child; ``dead PID`` is printed then.

The service contains none of this: the child stops in a SQLAlchemy event.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime, time

import time_machine
from flask import Flask
from sqlalchemy import Connection, event

from registry.accounts.roles import Actor, Role
from registry.audits.jobs import run_due_audit
from registry.audits.schedule import AuditRunning
from registry.audits.service import run_audit
from registry.cli.app_context import open_registry
from registry.core.database import db
from registry.settings import read_settings

AUDIT_AT = time(2)
WRITES_FLAGS = ("INSERT INTO flags", "INSERT INTO audit_changes", "UPDATE flags")


def main(url: str, data_dir: str) -> None:
    """Execute commands until stdin ends. Only this process or the child opens the registry, never both."""
    app: Flask | None = None
    with ExitStack() as open_here:
        for line in sys.stdin:
            word, *rest = line.split()
            if word == "stop":
                in_a_child(url, data_dir, datetime.fromisoformat(rest[0]), int(rest[1]))
                continue
            app = app or open_here.enter_context(scheduler_of(url, data_dir))
            with app.app_context():
                print_line(ORDERS[word](*map(datetime.fromisoformat, rest)))


def scheduler_of(url: str, data_dir: str) -> AbstractContextManager[Flask]:
    """Open the registry as ``registry scheduler`` does."""
    settings = {
        "REGISTRY_DATABASE_URL": url,
        "REGISTRY_DATA_DIR": data_dir,
        "REGISTRY_SECRET_KEY": "of-the-tests-and-nobody-else",
    }
    return open_registry(read_settings(settings))


def tick(instant: datetime | None) -> str:
    """Run a scheduler's tick."""
    run = run_due_audit(AUDIT_AT, instant)
    return "none" if run is None else f"ran {run.status}"


def tick_by_clock(instant: datetime) -> str:
    """Run a scheduler's tick while the process's clock shows that instant."""
    with time_machine.travel(instant, tick=False):
        return tick(None)


def manual_audit() -> str:
    """Run a manual audit."""
    try:
        return f"ran {run_audit(Actor('operator@faults', Role.OPERATOR)).status}"
    except AuditRunning:
        return "AuditRunning"


ORDERS = {"tick": tick, "clock": tick_by_clock, "audit": manual_audit}


def in_a_child(url: str, data_dir: str, instant: datetime, at: int) -> None:
    """Fork a process that stops before its ``at``-th statement, and wait until it is dead."""
    child = os.fork()
    if child == 0:
        with scheduler_of(url, data_dir):
            stop_before(at)
            tick(instant)
        raise AssertionError("the night ended before it could be stopped")
    os.waitpid(child, 0)
    print_line(f"dead {child}")


def stop_before(at: int) -> None:
    """Count statements from now on, and stop before the ``at``-th, or before an earlier commit."""
    done: list[str] = []

    def stop() -> None:
        print_line(f"stopped {os.getpid()} {''.join(done)}")
        while True:
            signal.pause()

    def statement(conn: Connection, cursor: object, sql: str, *rest: object) -> None:
        if len(done) == at:
            stop()
        done.append("w" if sql.startswith(WRITES_FLAGS) else "-")

    def commit(conn: Connection) -> None:
        stop()

    event.listen(db.engine, "before_cursor_execute", statement)
    event.listen(db.engine, "commit", commit)


def print_line(text: str) -> None:
    """Print one line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
