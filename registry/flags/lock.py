"""People and audits never write flags, cases and orders at once: each waits for the other to commit.

PostgreSQL: an advisory lock of the transaction, taken before anything is read; audits alone, people beside one another.
SQLite: ``transaction()`` has begun IMMEDIATE already, and that is one writer at a time.
"""

from __future__ import annotations

from sqlalchemy import text

from registry.core.database import is_sqlite
from registry.core.transactions import require_transaction

FLAG_LOCK = 742_003


def lock_flags_for_audit() -> None:
    """Wait until nobody else writes flags, and keep everybody out until the open transaction ends."""
    _take("pg_advisory_xact_lock")


def lock_flags_for_review() -> None:
    """Wait until no audit writes flags, and keep audits out until the open transaction ends."""
    _take("pg_advisory_xact_lock_shared")


def _take(function: str) -> None:
    session = require_transaction()
    if not is_sqlite():
        session.execute(text(f"SELECT {function}({FLAG_LOCK})"))
