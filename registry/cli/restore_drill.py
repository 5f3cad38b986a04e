"""``registry restore-drill``: restores a backup into a temporary database, verifies it, and measures the time."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
from flask import Flask
from sqlalchemy import func, make_url, select
from sqlalchemy.exc import SQLAlchemyError

from registry.agencies.models import Agency
from registry.cases.models import Case
from registry.cli.app_context import as_owner, command_settings, connected, open_registry
from registry.cli.backup import backups_in, copies_of, journal_copy
from registry.cli.exit_codes import FAILED, NOT_FOUND, CommandFailed, UsageError
from registry.cli.output import FILE, as_json_option, cli_text, print_json, print_message, print_pairs
from registry.core.database import db, init_database
from registry.core.postgresql import libpq_address
from registry.core.schema import schema_is_current, schema_is_known, upgrade_schema
from registry.flags.models import Flag
from registry.journal.service import RESTORE_DRILLED, JournalEntry, JournalHead
from registry.journal.verification import verify_stored
from registry.projects.models import Project
from registry.settings import Settings

COUNTED: Final = {"agencies": Agency, "projects": Project, "flags": Flag, "cases": Case, "entries": JournalEntry}


@click.command("restore-drill")
@click.argument("file", required=False, type=FILE)
@as_json_option
def restore_drill(file: Path | None, as_json: bool) -> None:
    """Restore FILE into a temporary database, verify it, and print how long that took.

    Without FILE it is the newest backup in REGISTRY_BACKUP_DIR. The service may run meanwhile; the temporary database
    is deleted at the end. On PostgreSQL the owner needs the right to create databases. Exits with 1 when the backup's
    journal is broken, and when it is not part of the present journal. The journal gets an entry of a good drill.
    """
    settings = command_settings(read_only=True)
    file = file or _newest(settings)
    owner, _ = as_owner(settings)
    copies = copies_of(settings)
    copies.require_backup(file)
    began = time.monotonic()
    with _temporary_database(owner) as url:
        digest = copies.put_back(url, file, force=False)
        restored = time.monotonic()
        with open_registry(replace(owner, database_url=url, database_owner_url=None)):
            if not schema_is_current() and schema_is_known():
                upgrade_schema()
            faults = verify_stored()
            seq, head = db.session.execute(select(JournalHead.seq, JournalHead.hash)).one()
            counts = {name: db.session.scalar(select(func.count()).select_from(of)) for name, of in COUNTED.items()}
        ended = time.monotonic()
    drill: dict[str, Any] = {
        "file": file.name,
        "bytes": file.stat().st_size,
        "digest": digest,
        "head": f"{seq}:{head}",
        **counts,
        "restore_seconds": round(restored - began, 1),
        "verify_seconds": round(ended - restored, 1),
        "total_seconds": round(ended - began, 1),
    }
    (print_json if as_json else print_pairs)(drill)
    if faults:
        raise CommandFailed([cli_text("cli-restored-broken-journal", fault=faults[0])], FAILED)
    if _is_of_another_journal(settings, seq, head):
        raise CommandFailed([cli_text("cli-backup-of-another")], FAILED)
    entry = {name: drill[name] for name in ("file", "digest", "total_seconds")}
    not_journalled = journal_copy(settings, RESTORE_DRILLED, entry)
    print_message("cli-drill-done", seconds=drill["total_seconds"])
    if not_journalled is not None:
        print_message("cli-drill-not-journalled", reason=not_journalled)


def _newest(settings: Settings) -> Path:
    folder = settings.backup_dir
    if folder is None:
        raise UsageError(cli_text("cli-no-backup-folder"))
    backups = backups_in(folder) if folder.is_dir() else []
    if not backups:
        raise CommandFailed([cli_text("cli-no-backup-there", path=folder)], NOT_FOUND)
    return backups[-1]


def _is_of_another_journal(settings: Settings, seq: int, head: str) -> bool:
    """True when the present journal has another entry at the backup's head; False too when it cannot be read."""
    database = make_url(settings.database_url).database
    if settings.embedded and not (database and Path(database).is_file()):
        return False
    app = Flask("registry")
    init_database(app, settings.database_url, settings.database_limits)
    with connected(app):
        try:
            return db.session.scalar(select(JournalEntry.hash).where(JournalEntry.seq == seq)) != head
        except SQLAlchemyError:
            # A drill with the present database lost is the best of all.
            return False


@contextmanager
def _temporary_database(owner: Settings) -> Iterator[str]:
    """The address of an empty database, deleted at the end. Raises CommandFailed."""
    if owner.embedded:
        with TemporaryDirectory(prefix="registry-drill-") as folder:
            yield f"sqlite:///{folder}/registry.sqlite3"
        return
    import psycopg
    from psycopg import sql

    url = make_url(owner.database_url)
    name = f"registry_drill_{secrets.token_hex(4)}"
    with psycopg.connect(libpq_address(owner.database_url), autocommit=True) as connection:
        try:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege as error:
            raise CommandFailed([cli_text("cli-drill-needs-right", role=url.username)], FAILED) from error
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
