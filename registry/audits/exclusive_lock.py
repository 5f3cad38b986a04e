"""Exclusive audit lock: one audit at a time, across processes and machines."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sqlalchemy import text
from sqlalchemy.orm import Session

from registry.core.database import db
from registry.core.dialects import database_file
from registry.core.errors import Conflict
from registry.core.files import make_private
from registry.core.postgresql import extend_timeouts
from registry.core.transactions import in_transaction, transaction

AUDIT_LOCK = 742_002


class AuditRunning(Conflict):
    """Another audit is running."""


@contextmanager
def exclusive_lock(first: Callable[[], None] | None = None) -> Iterator[Session]:
    """Open a transaction under the exclusive audit lock. Raises AuditRunning, without waiting, when an audit runs.

    ``first`` is called under this lock before anything keeps others from writing; it only reads.
    PostgreSQL uses a transaction-level advisory lock. SQLite uses a lock on a file beside the database, because a
    second writer would wait instead of failing. Both end with the process, so a killed audit blocks nothing.
    """
    database = database_file()
    if database is None:
        with transaction() as session:
            extend_timeouts(session.connection())
            if not session.scalar(text(f"SELECT pg_try_advisory_xact_lock({AUDIT_LOCK})")):
                raise AuditRunning
            if first is not None:
                first()
            yield session
        return
    path = Path(f"{database}.audit-lock")
    make_private(path)
    with path.open("a", encoding="ascii") as file:
        _lock(file)
        if first is not None:
            if not in_transaction():
                # Leave a snapshot from before the lock: an audit may have ended since.
                db.session.rollback()
            first()
        with transaction() as session:
            yield session


def _lock(file: IO[str]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise AuditRunning from error
