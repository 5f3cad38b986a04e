"""SQLite backup and restore by the online backup API: a consistent copy, even during writes.

A plain copy of the file would lack the contents of the write-ahead log.
"""

import hashlib
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import make_url

from registry.cli.output import CONFLICT, FAILED, INVALID, NOT_FOUND, USAGE, CommandFailed, cli_text
from registry.core.change_triggers import PENDING
from registry.core.clock import now
from registry.core.database_checks import is_corruption_error
from registry.core.files import make_private, new_file
from registry.core.installation import ScheduledJob

WAIT_S = 30
UNREADABLE = "unreadable"
# On a full disk: whoever has the database open has its shared memory already.
NO_SHARED_MEMORY = (sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP)
OWN_TABLES = {"alembic_version", "journal", "journal_head"}


class DatabaseDamaged(CommandFailed):
    """The database file is damaged or no database."""


class _PagesDamaged(Exception):
    """Pages of a file that can be opened are damaged."""


def take(url: str, target: Path) -> str:
    """Copy the database to ``target``. Return the digest of the copy."""
    path = _path(url)
    if not path.is_file():
        raise CommandFailed([cli_text("cli-no-database", path=path)], NOT_FOUND)
    if target.exists() and target.samefile(path):
        raise CommandFailed([cli_text("cli-backup-onto-itself", path=target)], USAGE)
    with _translate_errors(), new_file(target) as making:
        with _source(path, making.parent) as source, closing(sqlite3.connect(making)) as copy:
            source.backup(copy, progress=_patience())
            # One file, without a write-ahead log beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
        require_backup(making)
        return digest(making)


def require_backup(file: Path) -> None:
    """Raise CommandFailed unless the file is a complete SQLite database of this service."""
    try:
        with closing(_read_only(file)) as backup:
            checked = backup.execute("PRAGMA integrity_check(1)").fetchone()[0]
            tables = {name for (name,) in backup.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError as error:
        raise CommandFailed([cli_text("cli-not-a-backup", path=file, reason=error)], INVALID) from error
    if checked != "ok":
        raise CommandFailed([cli_text("cli-not-a-backup", path=file, reason=checked)], INVALID)
    if not tables >= OWN_TABLES:
        raise CommandFailed([cli_text("cli-not-a-backup", path=file, reason=cli_text("cli-another-database"))], INVALID)


def present_head(url: str) -> str | None:
    """Return the head of the database's journal as ``SEQ:HASH``; None when the journal is empty.

    Returns ``unreadable`` for a damaged file, and for a database of another application.
    """
    path = _path(url)
    if not path.is_file():
        return None
    try:
        with _translate_errors(), closing(_read_only(path)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "journal_head" not in tables:
                return UNREADABLE if tables else None
            seq, head_hash = connection.execute("SELECT seq, hash FROM journal_head").fetchone()
    except DatabaseDamaged:
        return UNREADABLE
    return f"{seq}:{head_hash}" if seq else None


def put_back(url: str, file: Path, *, force: bool) -> str:
    """Replace the database's contents with the file in one transaction. Return the new digest.

    Raises CommandFailed when another process has the database open, unless ``force``.
    """
    path = _path(url)
    with _translate_errors(), closing(_read_only(file)) as source:
        make_private(path)
        try:
            _overwrite(path, source, force=force)
        except (sqlite3.DatabaseError, _PagesDamaged) as error:
            if not (isinstance(error, _PagesDamaged) or is_corruption_error(error)):
                raise
            _set_aside(path)
            make_private(path)
            _overwrite(path, source, force=force)
        return digest(path)


def _overwrite(path: Path, source: sqlite3.Connection, *, force: bool) -> None:
    with closing(sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)) as connection:
        if not force:
            _lock_exclusively(connection)
            # Damage that opening does not meet: what is overwritten could not be recovered any more.
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise _PagesDamaged
        # By the library instead of renaming files: with ``force``, another process may have the database open.
        source.backup(connection, progress=_patience())


def _lock_exclusively(connection: sqlite3.Connection) -> None:
    """Block all other connections until this one is closed. Raises CommandFailed when there is one.

    A connection to a database in WAL mode holds a shared lock, and leaving WAL mode needs an exclusive one.
    """
    connection.execute("PRAGMA busy_timeout = 1000")
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise
        raise CommandFailed([cli_text("cli-database-in-use", sessions="SQLite")], CONFLICT) from error


def _set_aside(path: Path) -> None:
    """Rename a damaged file and its log, from which data may still be recovered by hand."""
    end = f".damaged-{now():%Y%m%dT%H%M%S}"
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        if path.with_name(name).exists():
            path.with_name(name).rename(path.with_name(f"{name}{end}"))


def digest(path: Path) -> str:
    """Return the SHA-256, in hex, of all rows of all tables but those of scheduled jobs and of pending changes.

    A scheduler that runs meanwhile writes in the one, each commit empties the other, and nobody's record is in them.
    """
    summed = hashlib.sha256()
    with closing(_read_only(path)) as database:
        database.execute("BEGIN")
        names = [
            name
            for (name,) in database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
                " ORDER BY name"
            )
            if name not in (ScheduledJob.__tablename__, PENDING)
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


@contextmanager
def _source(path: Path, folder: Path) -> Iterator[sqlite3.Connection]:
    """Open the database for reading. SQLite cannot read one in WAL mode in a read-only folder or on a full disk,
    unless it is in use.

    Then nobody else writes there either: the file is opened as immutable, or, if a killed service left a log, copied
    with its log to ``folder``, where SQLite can apply the log.
    """
    if _can_be_read(path):
        with closing(_read_only(path)) as source:
            yield source
        return
    log = path.with_name(f"{path.name}-wal")
    if not log.exists() or not log.stat().st_size:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as source:
            yield source
        return
    with TemporaryDirectory(dir=folder, prefix=".backup-") as temporary:
        copied = Path(shutil.copyfile(path, Path(temporary) / path.name))
        shutil.copyfile(log, copied.with_name(log.name))
        with closing(sqlite3.connect(copied)) as source:
            yield source


def _can_be_read(path: Path) -> bool:
    try:
        with closing(_read_only(path)) as source:
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        unreadable = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
        if not unreadable and error.sqlite_errorcode not in NO_SHARED_MEMORY:
            raise
        return False
    return True


def _patience() -> Callable[[int, int, int], None]:
    until = time.monotonic() + WAIT_S

    def check_timeout(_status: int, _remaining: int, _total: int) -> None:
        # The library retries for as long as another process holds the database.
        if time.monotonic() > until:
            raise TimeoutError

    return check_timeout


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise CommandFailed([cli_text("cli-database-busy", seconds=WAIT_S)], FAILED) from error
    except sqlite3.DatabaseError as error:
        if is_corruption_error(error):
            raise DatabaseDamaged([cli_text("cli-database-damaged", reason=error)], FAILED) from error
        raise CommandFailed([cli_text("cli-database-unusable", reason=error)], FAILED) from error
    except (sqlite3.Error, OSError) as error:
        raise CommandFailed([cli_text("cli-database-unusable", reason=error)], FAILED) from error
