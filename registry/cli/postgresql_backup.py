"""PostgreSQL backup and restore by pg_dump and pg_restore, in the custom format."""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from registry.cli.output import CONFLICT, FAILED, INVALID, CommandFailed, cli_text
from registry.core.files import new_file
from registry.core.installation import ScheduledJob
from registry.core.postgresql import libpq_address, require_direct_connection

OWN_ENTRIES = ("TABLE DATA public journal_head ", "TABLE DATA public alembic_version ")
LOCK_WAIT = "-c lock_timeout=60000"
UNREADABLE = "unreadable"
SESSIONS_END_S = 2
# Background processes of the server, such as autovacuum, have no user.
SESSIONS = """
    SELECT pid, usename, application_name FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL ORDER BY pid
"""

TABLES = """
    SELECT relname, array_agg(attname::text ORDER BY array_position(indkey::smallint[], attnum))
    FROM pg_class JOIN pg_index ON indrelid = pg_class.oid AND indisprimary
    JOIN pg_attribute ON attrelid = pg_class.oid AND attnum = ANY (indkey)
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    GROUP BY relname ORDER BY relname COLLATE "C"
"""


def take(url: str, target: Path) -> str:
    """Dump the database to ``target``. Return the digest of its contents, from the same snapshot."""
    with _translate_errors(), _snapshot(url) as (connection, snapshot), new_file(target) as making:
        _run(url, "pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={making}")
        require_backup(making)
        return _digest(connection)


def require_backup(file: Path) -> None:
    """Raise CommandFailed unless the file is a complete dump of this service's database."""
    listed = subprocess.run(  # noqa: S603 - PostgreSQL's own tool, no shell
        [_tool("pg_restore"), "--list", "--", str(file)], capture_output=True, text=True, check=False, errors="replace"
    )
    if listed.returncode:
        raise CommandFailed([cli_text("cli-not-a-backup", path=file, reason=_last_line(listed.stderr))], INVALID)
    if not all(name in listed.stdout for name in OWN_ENTRIES):
        raise CommandFailed([cli_text("cli-not-a-backup", path=file, reason=cli_text("cli-another-database"))], INVALID)


def present_head(url: str) -> str | None:
    """Return the head of the database's journal as ``SEQ:HASH``; None when the journal is empty.

    Returns ``unreadable`` when the database has tables of another application.
    """
    with _translate_errors(), _connection(url) as connection:
        has_journal = connection.execute("SELECT to_regclass('public.journal_head') IS NOT NULL").fetchone()
        if has_journal is None or not has_journal[0]:
            return UNREADABLE if connection.execute(TABLES).fetchone() is not None else None
        head = connection.execute("SELECT seq, hash FROM public.journal_head").fetchone()
        return None if head is None or not head[0] else f"{head[0]}:{head[1]}"


def put_back(url: str, file: Path, *, force: bool) -> str:
    """Replace the database's contents with the file in one transaction. Return the new digest.

    Raises CommandFailed when the database has other sessions; with ``force`` they are terminated.
    """
    with _translate_errors():
        _require_alone(url, force=force)
        _run(url, "pg_restore", "--clean", "--if-exists", "--single-transaction", "--exit-on-error", "--", str(file))
        with _snapshot(url) as (connection, _):
            return _digest(connection)


def _require_alone(url: str, *, force: bool) -> None:
    with _connection(url) as connection:
        # A session that was closed just now may still be listed.
        end = time.monotonic() + SESSIONS_END_S
        while (sessions := connection.execute(SESSIONS).fetchall()) and not force and time.monotonic() < end:
            time.sleep(0.1)
        if sessions and not force:
            descriptions = ", ".join(
                f"{user or '-'} ({application or '-'}, pid {pid})" for pid, user, application in sessions
            )
            raise CommandFailed([cli_text("cli-database-in-use", sessions=descriptions)], CONFLICT)
        for pid, _user, _application in sessions:
            try:
                connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            except psycopg.errors.InsufficientPrivilege as error:
                raise CommandFailed([cli_text("cli-sessions-not-ended", reason=error)], FAILED) from error


def _digest(connection: psycopg.Connection) -> str:
    """Return the SHA-256, in hex, of all rows of all tables, without scheduled jobs (``sqlite_backup.digest``)."""
    summed = hashlib.sha256()
    for name, key in connection.execute(TABLES).fetchall():
        if name == ScheduledJob.__tablename__:
            continue
        summed.update(f"{name}\n".encode())
        order = sql.SQL(", ").join(sql.Identifier(column) for column in key)
        query = sql.SQL("COPY (SELECT * FROM public.{} ORDER BY {}) TO STDOUT").format(sql.Identifier(name), order)
        with connection.cursor().copy(query) as rows:
            for piece in rows:
                summed.update(piece)
    return summed.hexdigest()


def _run(url: str, tool: str, *arguments: str) -> None:
    password = make_url(url).password
    # The password is passed in the environment, because every user can read a process's arguments.
    secret = {} if password is None else {"PGPASSWORD": str(password)}
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own tool, no shell
        [_tool(tool), "--no-owner", "--no-privileges", f"--dbname={libpq_address(url, password=False)}", *arguments],
        env={**os.environ, "PGOPTIONS": LOCK_WAIT, **secret},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        with _connection(url) as connection:
            version = connection.info.server_version // 10_000
        raise CommandFailed(
            [cli_text("cli-tool-failed", tool=tool, reason=_last_line(done.stderr), version=version)], FAILED
        )


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise CommandFailed([cli_text("cli-tool-missing", tool=name)], FAILED)
    return path


def _connection(url: str) -> psycopg.Connection:
    """Connect to the server itself, because behind a pooler what pg_dump sets would stay for other clients.

    Raises ConnectionIsPooled.
    """
    connection = psycopg.connect(libpq_address(url), options="-c timezone=UTC")
    try:
        require_direct_connection(connection)
        connection.rollback()
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _snapshot(url: str) -> Iterator[tuple[psycopg.Connection, str]]:
    with _connection(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        if row is None:
            raise RuntimeError("a SELECT without FROM has a row")
        yield connection, row[0]


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        raise CommandFailed([cli_text("cli-database-unusable", reason=" ".join(str(error).split()))], FAILED) from error
    except OSError as error:
        raise CommandFailed([cli_text("cli-file-not-writable", reason=error)], FAILED) from error
