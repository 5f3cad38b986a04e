"""Copies of a SQLite database by its online backup API: one consistent state, whatever is written meanwhile.

A plain copy of the file would miss what still stands in the write-ahead log.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import make_url

from registry.cli.endings import FAILED, INVALID, NOT_FOUND, USAGE, Ended
from registry.cli.new_file import new_file
from registry.cli.speech import words
from registry.store.private_files import make_private

WAIT_S = 30
OURS = {"alembic_version", "journal", "journal_head"}


def take(url: str, target: Path) -> str:
    """Copy the database to ``target``; the digest of what is in the copy."""
    path = _path(url)
    if not path.is_file():
        raise Ended([words("cli-no-database", path=path)], NOT_FOUND)
    if target.exists() and target.samefile(path):
        raise Ended([words("cli-backup-onto-itself", path=target)], USAGE)
    with _refused_clearly(), new_file(target) as making:
        with closing(_read_only(path)) as source, closing(sqlite3.connect(making)) as copy:
            source.backup(copy, progress=_patience())
            # One file, without a log beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
        require_backup(making)
        return digest(making)


def require_backup(file: Path) -> None:
    """Raise Ended unless the file is a whole SQLite database of this service."""
    try:
        with closing(_read_only(file)) as backup:
            checked = backup.execute("PRAGMA integrity_check(1)").fetchone()[0]
            tables = {name for (name,) in backup.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError as error:
        raise Ended([words("cli-not-a-backup", path=file, reason=error)], INVALID) from error
    if checked != "ok":
        raise Ended([words("cli-not-a-backup", path=file, reason=checked)], INVALID)
    if not tables >= OURS:
        raise Ended([words("cli-not-a-backup", path=file, reason=words("cli-another-database"))], INVALID)


def has_records(url: str) -> bool:
    """True when something was ever recorded in the database."""
    path = _path(url)
    if not path.is_file():
        return False
    with _refused_clearly(), closing(_read_only(path)) as there:
        named = "SELECT count(*) FROM sqlite_master WHERE name = 'journal_head'"
        if not there.execute(named).fetchone()[0]:
            return bool(there.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
        return bool(there.execute("SELECT seq FROM journal_head").fetchone()[0])


def put_back(url: str, file: Path) -> str:
    """Make the database what the file is, in one transaction; the digest of what is in it then."""
    path = _path(url)
    with _refused_clearly(), closing(_read_only(file)) as source:
        make_private(path)
        with closing(sqlite3.connect(path, timeout=WAIT_S)) as there:
            # Through the library and not by renaming files: another process may have the database open.
            source.backup(there, progress=_patience())
        return digest(path)


def digest(path: Path) -> str:
    """SHA-256, in hex, over all rows of all tables."""
    summed = hashlib.sha256()
    with closing(_read_only(path)) as database:
        database.execute("BEGIN")
        names = [
            name
            for (name,) in database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
                " ORDER BY name"
            )
        ]
        for name in names:
            summed.update(f"{name}\n".encode())
            for row in database.execute(f'SELECT * FROM "{name}" ORDER BY rowid'):  # noqa: S608 - names of its own
                summed.update(f"{row!r}\n".encode())
    return summed.hexdigest()


def _path(url: str) -> Path:
    return Path(make_url(url).database or "")


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=WAIT_S)


def _patience() -> Callable[[int, int, int], None]:
    until = time.monotonic() + WAIT_S

    def look(_status: int, _remaining: int, _total: int) -> None:
        # The library asks again and again while another process holds the database.
        if time.monotonic() > until:
            raise TimeoutError

    return look


@contextmanager
def _refused_clearly() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise Ended([words("cli-database-busy", seconds=WAIT_S)], FAILED) from error
    except (sqlite3.Error, OSError) as error:
        raise Ended([words("cli-database-unusable", reason=error)], FAILED) from error
