"""What an answer says when the database does not do what it was asked: gone, too slow, or without room."""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError

from registry.core.errors import RegistryError
from registry.http.http_errors import DatabaseBusy, DatabaseUnavailable, StorageFull

# The last one: every connection of the pool has been busy for long.
DATABASE_ERRORS: Final = (OperationalError, InterfaceError, TimeoutError)
DISK_FULL: Final = "53100"
# lock_not_available, query_canceled (the statement timeout), deadlock_detected, serialization_failure,
# too_many_connections: the server answers and nothing was changed.
BUSY: Final = ("55P03", "57014", "40P01", "40001", "53300")
SQLITE_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def error_of(error: Exception) -> RegistryError:
    """The typed error for one of ``DATABASE_ERRORS``."""
    original = error.orig if isinstance(error, DBAPIError) else None
    sqlstate = getattr(original, "sqlstate", None)
    sqlite_code = getattr(original, "sqlite_errorcode", 0) & 0xFF
    if sqlstate == DISK_FULL or sqlite_code == sqlite3.SQLITE_FULL:
        return StorageFull()
    if isinstance(error, TimeoutError) or sqlstate in BUSY or sqlite_code in SQLITE_BUSY:
        return DatabaseBusy()
    return DatabaseUnavailable()
