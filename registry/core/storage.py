"""Is there room on the database's disk, and is a SQLite file whole? Cheap enough for every ``/readyz``."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from registry.core.database import db, is_sqlite

DISK_FULL: Final = "53100"
LEAST_ROOM: Final = 10 * 1024 * 1024
# The whole file is read: a tenth of a second for 100 MiB.
CHECKED_EVERY_S: Final = 600
SPILLED_EVERY_S: Final = 10
LARGEST_CHECKED: Final = 512 * 1024 * 1024
DAMAGED: Final = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
# Spills some two megabytes into a temporary file on the disk of the data, and writes neither WAL nor catalogue.
SPILL: Final = text("SELECT count(*) FROM generate_series(1, 100000)")

_lock = Lock()
_checked: dict[str, tuple[float, bool]] = {}
_spilled: dict[str, tuple[float, bool]] = {}


def has_no_room() -> bool:
    """True when the disk of the database is full.

    SQLite: less than 10 MiB are left. PostgreSQL, whose disk may be another machine's: a temporary file does not fit,
    which is tried every ten seconds at most, as anybody may ask.
    """
    if is_sqlite():
        there = os.statvfs(_file().parent)
        return there.f_bavail * there.f_frsize < LEAST_ROOM
    with _lock:
        tried_at, was_full = _spilled.get(str(db.engine.url), (None, False))
        if tried_at is None or time.monotonic() - tried_at >= SPILLED_EVERY_S:
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
    """True when the SQLite file is damaged. Its schema is read each time, all of it every ten minutes."""
    if not is_sqlite():
        return False
    path = _file()
    with _lock:
        checked_at, was_damaged = _checked.get(str(path), (None, False))
        due = checked_at is None or time.monotonic() - checked_at >= CHECKED_EVERY_S
        try:
            # A connection of its own: one that is open already has the pages of before in memory.
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as database:
                database.execute("SELECT count(*) FROM sqlite_master").fetchone()
                if (due or was_damaged) and path.stat().st_size <= LARGEST_CHECKED:
                    was_damaged = database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok"
                    _checked[str(path)] = (time.monotonic(), was_damaged)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            return True
        return was_damaged


def is_damage(error: BaseException | None) -> bool:
    """True for what SQLite says of a file that is damaged, or that is no database at all."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in DAMAGED


def _file() -> Path:
    return Path(db.engine.url.database or "")
