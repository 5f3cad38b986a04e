"""Checks of the database: disk space, integrity of the SQLite file, and the standby of PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from threading import Lock
from typing import Final

from flask import current_app
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from registry.core.database import STANDBY, db
from registry.core.dialects import database_file
from registry.core.postgresql import libpq_address

# Storage health checks: disk space and SQLite file integrity. Cheap enough for every ``/readyz``.

DISK_FULL: Final = "53100"
MIN_FREE_BYTES: Final = 10 * 1024 * 1024
# Reads the whole file: a tenth of a second for 100 MiB.
CHECK_INTERVAL_S: Final = 600
SPILL_INTERVAL_S: Final = 10
MAX_CHECKED_SIZE: Final = 512 * 1024 * 1024
CORRUPTION_CODES: Final = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
# Spills about two megabytes into a temporary file on the data disk, without writing WAL or the catalogue.
SPILL: Final = text("SELECT count(*) FROM generate_series(1, 100000)")

_lock = Lock()
_checked: dict[str, tuple[float, bool]] = {}
_spilled: dict[str, tuple[float, bool]] = {}


def is_disk_full() -> bool:
    """Return True when the disk of the database is full.

    SQLite: less than 10 MiB are free. PostgreSQL, whose disk may be on another machine: a temporary file cannot be
    written. This is tried at most every ten seconds, because ``/readyz`` needs no authentication.
    """
    file = database_file()
    if file is not None:
        disk = os.statvfs(file.parent)
        return disk.f_bavail * disk.f_frsize < MIN_FREE_BYTES
    with _lock:
        tried_at, was_full = _spilled.get(str(db.engine.url), (None, False))
        if tried_at is None or time.monotonic() - tried_at >= SPILL_INTERVAL_S:
            was_full = _spill_fails()
            _spilled[str(db.engine.url)] = (time.monotonic(), was_full)
    return was_full


def _spill_fails() -> bool:
    db.session.execute(text("SET LOCAL work_mem = '64kB'"))
    try:
        db.session.execute(SPILL)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != DISK_FULL:
            raise
        return True
    finally:
        db.session.rollback()
    return False


def is_damaged() -> bool:
    """Return True when the SQLite file is damaged. The schema is read on each call, the whole file every ten
    minutes.
    """
    path = database_file()
    if path is None:
        return False
    with _lock:
        checked_at, was_damaged = _checked.get(str(path), (None, False))
        due = checked_at is None or time.monotonic() - checked_at >= CHECK_INTERVAL_S
        try:
            # A new connection: an open one may still have undamaged pages in its cache.
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as database:
                database.execute("SELECT count(*) FROM sqlite_master").fetchone()
                if (due or was_damaged) and path.stat().st_size <= MAX_CHECKED_SIZE:
                    was_damaged = database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok"
                    _checked[str(path)] = (time.monotonic(), was_damaged)
        except sqlite3.DatabaseError as error:
            if not is_corruption_error(error):
                raise
            return True
        return was_damaged


def is_corruption_error(error: BaseException | None) -> bool:
    """True for the error codes of SQLite for a damaged file, or for a file that is not a database."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in CORRUPTION_CODES


# The standby of PostgreSQL: whether it answers, and how late it is. Any role may ask; no right is needed.

CONNECT_TIMEOUT_S: Final = 2
# Of a standby that is only just behind, which it always is while somebody writes.
TRIES: Final = 10
PAUSE_S: Final = 0.1
REPLAYED: Final = (
    "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn,"
    " extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float"
)


@dataclass(frozen=True, slots=True)
class Standby:
    """``lag_s``: 0 when it has all changes, else seconds since its last one; None when it does not answer.

    ``reason`` is what the client library says then.
    """

    place: str
    lag_s: float | None
    reason: str = ""


def standby_state() -> Standby | None:
    """Return the standby of ``REGISTRY_DATABASE_READ_URL``, or of the hosts of ``REGISTRY_DATABASE_URL``; None without
    one.
    """
    url: str | None = current_app.extensions.get(STANDBY)
    if url is None:
        return None
    # Imported here: on SQLite psycopg is not needed.
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    address = make_conninfo(
        libpq_address(url), target_session_attrs="standby", connect_timeout=CONNECT_TIMEOUT_S, options="-c timezone=UTC"
    )
    given = conninfo_to_dict(address)
    place = f"{given.get('host')}:{given.get('port') or 5432}"
    written = db.session.scalar(text("SELECT pg_current_wal_lsn()::text"))
    try:
        with psycopg.connect(address, autocommit=True) as connection:
            place = f"{connection.info.host}:{connection.info.port}"
            for _ in range(TRIES):
                has_all, seconds = connection.execute(REPLAYED, (written,)).fetchone() or (False, None)
                if has_all:
                    return Standby(place, 0.0)
                time.sleep(PAUSE_S)
            return Standby(place, max(float(seconds or 0.0), TRIES * PAUSE_S))
    except psycopg.Error as error:
        return Standby(place, None, " ".join(str(error).split()))
