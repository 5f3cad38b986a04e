"""Backups and restore drills as the journal knows them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select

from registry.core.database import db
from registry.journal.service import JournalEntry

BACKUP_STARTED: Final = "database.backup-started"
BACKUP_FAILED: Final = "database.backup-failed"
RESTORE_DRILLED: Final = "database.restore-drilled"
# Enough to find a good one before a few that failed.
READ: Final = 50


def last_backup_at() -> datetime | None:
    """When the newest ``registry backup`` that did not fail was started; None without one among the last entries."""
    statement = (
        select(JournalEntry.action, JournalEntry.at)
        .where(JournalEntry.action.in_((BACKUP_STARTED, BACKUP_FAILED)))
        .order_by(JournalEntry.seq.desc())
        .limit(READ)
    )
    failed = 0
    for action, at in db.session.execute(statement):
        if action == BACKUP_FAILED:
            failed += 1
        elif failed:
            failed -= 1
        else:
            return datetime.fromisoformat(at)
    return None


def last_drill_at() -> datetime | None:
    """When the newest backup was last restored by a successful ``registry restore-drill``; None if never."""
    statement = (
        select(JournalEntry.at).where(JournalEntry.action == RESTORE_DRILLED).order_by(JournalEntry.seq.desc()).limit(1)
    )
    at = db.session.scalar(statement)
    return None if at is None else datetime.fromisoformat(at)
