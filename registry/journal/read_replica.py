"""Reading lists and exports from a standby of PostgreSQL (``REGISTRY_DATABASE_READ_URL``).

A standby is used while its journal ends as the primary's: every change records one in its own transaction, in the order
of commits, so a standby that has it has every change that was committed before the request asked. A reader sees the own
writes, those of others, and no project that was withdrawn from view. When the standby is late or away, the primary is
read. What is not journalled (inboxes, drafts, sessions) is always read from the primary.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from registry.core.database import AUTOCOMMIT_READS, REPLICA, TRANSACTION_OPEN, db
from registry.core.postgresql import extend_timeouts, is_replica_paused, pause_replica
from registry.journal.service import JournalHead

log = logging.getLogger(__name__)

HEAD: Final = select(JournalHead.seq, JournalHead.hash)


def use_read_replica(*, for_export: bool = False) -> bool:
    """Read from the standby for the rest of this request, or until it writes. Returns False for the primary.

    ``for_export``: with the timeouts of exports, because a slow reader keeps the transaction open.
    """
    session = db.session()
    if REPLICA not in db.engines or session.info.get(TRANSACTION_OPEN) or is_replica_paused():
        return False
    head = session.execute(HEAD).one()
    session.rollback()
    # The proof holds for one connection, which only a transaction keeps.
    autocommit = session.info.pop(AUTOCOMMIT_READS, False)
    session.info[REPLICA] = True
    try:
        # By its hash: a former primary may have entries of its own with the same numbers. And none after it: these may
        # be its own while nobody has written to the new one.
        if session.execute(HEAD).one() == head:
            if for_export:
                extend_timeouts(session.connection())
            return True
    except SQLAlchemyError as error:
        pause_replica()
        log.warning("the read replica cannot be used; the primary is read", exc_info=error)
    read_primary()
    if autocommit:
        session.info[AUTOCOMMIT_READS] = True
    return False


@contextmanager
def reads_from_replica() -> Iterator[None]:
    """Read from the standby inside the block, if it has all changes: for the list on a page that shows more."""
    autocommit = db.session().info.get(AUTOCOMMIT_READS, False)
    used = use_read_replica()
    try:
        yield
    finally:
        if used:
            read_primary()
            if autocommit:
                db.session().info[AUTOCOMMIT_READS] = True


def read_primary() -> None:
    """End reading from the standby: for what is not journalled, such as the inbox in the header of every page."""
    session = db.session()
    if session.info.pop(REPLICA, False):
        session.rollback()
