"""What an answer says when the database does not do what it was asked: gone, too slow, or without room."""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError

from registry.http.refusals import DatabaseNotReachable, StorageFull
from registry.store.errors import Refusal

# The last one: every connection of the pool has been busy for long.
DATABASE_AWAY: Final = (OperationalError, InterfaceError, TimeoutError)
DISK_FULL: Final = "53100"


def refusal_of(error: Exception) -> Refusal:
    """The refusal that one of ``DATABASE_AWAY`` is told as."""
    original = error.orig if isinstance(error, DBAPIError) else None
    if getattr(original, "sqlstate", None) == DISK_FULL:
        return StorageFull()
    if getattr(original, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return StorageFull()
    return DatabaseNotReachable()
