"""Deletion of old changes: whoever falls further behind reads the lists again."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import delete, func, select, update

from registry.changes.models import ChangeHead, RecordedChange
from registry.core.bulk import table_of
from registry.core.clock import now
from registry.core.transactions import require_transaction, transaction

RETENTION: Final = timedelta(days=90)
DELETED_AT_ONCE: Final = 10_000
# More changes than a register has in the time between a backup and its restoration.
LEAP: Final = 1_000_000_000
CHANGES: Final = table_of(RecordedChange)
HEAD: Final = table_of(ChangeHead)


def delete_old_changes() -> None:
    """Delete changes after ``RETENTION``, in parts, so that nobody who writes changes waits long."""
    while _delete_part():
        pass


def begin_anew() -> None:
    """Let the feed of a restored database go on with numbers that were never given, in the open transaction.

    Its next numbers were given to other changes already. Everybody who follows the feed reads the lists again.
    """
    next_numbers = {"seq": HEAD.c.seq + LEAP, "deleted_up_to": HEAD.c.seq + LEAP}
    require_transaction().execute(update(HEAD).values(next_numbers))


def _delete_part() -> bool:
    with transaction() as session:
        oldest = select(CHANGES.c.seq, CHANGES.c.at).order_by(CHANGES.c.seq).limit(DELETED_AT_ONCE).subquery()
        # Times may step back with a clock, numbers do not.
        last = session.scalar(select(func.max(oldest.c.seq)).where(oldest.c.at < now() - RETENTION))
        if last is None:
            return False
        session.execute(update(HEAD).values(deleted_up_to=last))
        session.execute(delete(CHANGES).where(CHANGES.c.seq <= last))
    return True
