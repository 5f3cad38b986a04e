"""Flag lock: audits and reviewers do not change flags, cases and orders concurrently.

PostgreSQL uses a transaction-level advisory lock, taken before the first read: audits take it exclusively, reviewers
share it. SQLite needs none: ``transaction()`` begins IMMEDIATE, which allows one writer at a time.
"""

from __future__ import annotations

from registry.core.dialects import advisory_lock
from registry.core.transactions import require_transaction

FLAG_LOCK = 742_003


def lock_flags_for_audit() -> None:
    """Block until no other transaction writes flags; hold the lock exclusively until the transaction ends."""
    advisory_lock(require_transaction(), FLAG_LOCK)


def lock_flags_for_review() -> None:
    """Block until no audit writes flags; block audits until the transaction ends."""
    advisory_lock(require_transaction(), FLAG_LOCK, shared=True)
