"""``registry backup``, ``restore`` and ``restore-drill``: the whole database in one file, also while the service runs.

The secret key in the data folder is not part of it; a missing key is created.
"""

import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
from sqlalchemy import delete, func, make_url, select, update
from sqlalchemy.exc import SQLAlchemyError

from registry.accounts.account_changes import end_access
from registry.accounts.models import Account, account_named
from registry.accounts.roles import Role, local_actor
from registry.accounts.sessions import WebSession
from registry.accounts.tokens import Token
from registry.agencies.models import Agency
from registry.cases.models import Case
from registry.changes.service import restart_feed
from registry.cli import output, postgresql_backup as postgres_copies, sqlite_backup as sqlite_copies
from registry.cli.app_context import as_owner, command_settings, has_database_file, open_database, open_registry
from registry.cli.sqlite_backup import UNREADABLE
from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction
from registry.core.postgresql import libpq_address
from registry.core.schema import grant_to_service, schema_is_current, schema_is_known, upgrade_schema
from registry.flags.models import Flag
from registry.journal import service as journal
from registry.journal.rows import upgrade_and_seal
from registry.journal.service import BACKUP_FAILED, BACKUP_STARTED, RESTORE_DRILLED, JournalEntry, JournalHead
from registry.journal.verification import verify_and_save, verify_stored
from registry.projects.models import Project
from registry.settings import Settings
from registry.webhooks.models import DisabledReason, Webhook
from registry.webhooks.queue import disable

# The backup folder (``REGISTRY_BACKUP_DIR``): names of backups, which one is the newest, and rotation.

FORMAT: Final = "registry-%Y%m%dT%H%M%SZ.backup"
NAME: Final = re.compile(r"registry-[0-9]{8}T[0-9]{6}Z\.backup")


def new_backup(folder: Path) -> Path:
    """Return the path of a backup that is taken now."""
    return folder / now().astimezone(UTC).strftime(FORMAT)


def backups_in(folder: Path) -> list[Path]:
    """Return the backups in the folder, oldest first. Raises OSError. Files of other names are left alone."""
    return sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name) and path.is_file())


def taken_at(backup: Path) -> datetime:
    """Return when the backup was taken, by its name: a copy has another time of change."""
    return datetime.strptime(backup.name, FORMAT).replace(tzinfo=UTC)


def delete_old(folder: Path, keep: int) -> list[Path]:
    """Delete all but the newest ``keep`` backups in the folder. Return the deleted ones. Raises OSError."""
    old = backups_in(folder)[:-keep]
    for path in old:
        path.unlink()
    return old


# Access after a restore: a backup brings back sessions, tokens, webhooks and accounts that had been ended since.
#
# All sessions end, and tokens and webhooks wait until somebody has looked at them. An account that the replaced
# journal disabled stays disabled. Passwords and second factors are those of the backup.

DISABLED, ENABLED, RENAMED = "account.disabled", "account.enabled", "account.renamed"


def disabled_accounts(settings: Settings) -> list[str] | None:
    """Return the names, also former ones, of the accounts that the present journal disabled last; None if it is
    unreadable.
    """
    try:
        with open_database(settings):
            columns = (JournalEntry.subject, JournalEntry.action, JournalEntry.details)
            statement = select(*columns).where(JournalEntry.action.in_((DISABLED, ENABLED, RENAMED)))
            entries = db.session.execute(statement.order_by(JournalEntry.seq)).all()
    except SQLAlchemyError:
        return None
    # The backup may know an account by any of its names.
    names: dict[str, set[str]] = {}
    last: dict[str, str] = {}
    for subject, action, details in entries:
        name = subject.partition(":")[2]
        if action == RENAMED:
            present = json.loads(details)["name"]
            names[present] = names.pop(name, {name}) | {present}
            last[present] = last.pop(name, ENABLED)
        else:
            last[name] = action
    return sorted({each for name, action in last.items() if action == DISABLED for each in names.get(name, {name})})


def end_restored_access(disabled: list[str] | None) -> dict[str, Any]:
    """End what a restore has brought back, in the open transaction. Returns what was ended, for the journal."""
    session = require_transaction()
    still_disabled = []
    for name in disabled or []:
        account = account_named(name)
        if account is not None and account.disabled_at is None:
            _disable(account)
            still_disabled.append(account.name)
    working = (Token.revoked_at.is_(None), Token.pending_since.is_(None))
    tokens = list(session.scalars(update(Token).where(*working).values(pending_since=now()).returning(Token.key_id)))
    webhooks = session.scalars(select(Webhook).where(Webhook.disabled_at.is_(None)).order_by(Webhook.id)).all()
    for webhook in webhooks:
        disable(webhook, DisabledReason.RESTORED)
    session.execute(delete(WebSession))
    return {"disabled": still_disabled, "tokens": len(tokens), "webhooks": len(webhooks)}


def _disable(account: Account) -> None:
    account.disabled_at = now()
    end_access(account)
    actor, details = local_actor(Role.ADMINISTRATOR), {"reason": "disabled in the replaced journal"}
    journal.record(actor, "account.disabled", f"account:{account.name}", details)


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.option("--keep", type=click.IntRange(1), metavar="N", help="Keep only the newest N in REGISTRY_BACKUP_DIR.")
def backup(file: Path | None, force: bool, keep: int | None) -> None:
    """Write the whole database to FILE, also while the service runs, and print the digest of its contents.

    FILE is written completely or not at all, and only its owner can read it. Without FILE it is a new file in
    REGISTRY_BACKUP_DIR, where --keep then deletes older ones. PostgreSQL uses pg_dump's custom format.
    """
    settings = command_settings(read_only=True)
    folder = settings.backup_dir
    if file is not None and keep is not None:
        raise output.UsageError(output.cli_text("cli-keep-without-file"))
    if file is None:
        if folder is None:
            raise output.UsageError(output.cli_text("cli-no-backup-folder"))
        file = new_backup(folder)
    _take(settings, file, force=force)
    if folder is not None and keep is not None:
        for old in delete_old(folder, keep):
            output.print_message("cli-backup-deleted", path=old)


def _take(settings: Settings, file: Path, *, force: bool) -> None:
    if not file.parent.is_dir():
        raise output.CommandFailed([output.cli_text("cli-no-such-folder", path=file.parent)], output.FAILED)
    if file.exists() and file.stat().st_size and not force:
        raise output.CommandFailed([output.cli_text("cli-file-there", path=file)], output.CONFLICT)
    # Before the copy, which then holds the entry: the head of the journal that is kept with a backup is in the backup.
    not_journalled = journal_copy(settings, BACKUP_STARTED, {"file": file.name})
    digest = None
    try:
        digest = copies_of(settings).take(settings.database_url, file)
    finally:
        if digest is None and not_journalled is None:
            journal_copy(settings, BACKUP_FAILED, {"file": file.name})
    click.echo(digest)
    output.print_message("cli-backup-done", path=file)
    if not_journalled is not None:
        output.print_message("cli-backup-not-journalled", reason=not_journalled)


@click.command()
@click.argument("file", type=output.FILE)
@click.option("--replace", is_flag=True, help="Replace existing records.")
@click.option("--force", is_flag=True, help="In an emergency: do so even while the service runs.")
def restore(file: Path, replace: bool, force: bool) -> None:
    """Replace the database with the one in FILE, check its journal, and print its digest.

    Stop the service before. Exits with 4 when the present database has records, unless --replace is given, and when
    others use it. With --force it does not wait for them, and on PostgreSQL ends their sessions: what they save
    meanwhile is lost. The restored journal gets an entry. Uses the role of REGISTRY_DATABASE_OWNER_URL if it is set.
    """
    settings = command_settings()
    owner, service_role = as_owner(settings)
    copies = copies_of(settings)
    copies.require_backup(file)
    replaced = copies.present_head(owner.database_url)
    if replaced is not None and not (replace or force):
        raise output.CommandFailed([output.cli_text("cli-records-there")], output.CONFLICT)
    disabled = disabled_accounts(owner) if replaced not in (None, UNREADABLE) else []
    digest = copies.put_back(owner.database_url, file, force=force)
    with open_registry(owner):
        if not schema_is_current() and schema_is_known():
            upgrade_and_seal(local_actor(Role.OPERATOR), service_role)
        elif service_role is not None and schema_is_current():
            grant_to_service(service_role)
        faults = verify_and_save() if schema_is_current() else verify_stored()
        if schema_is_current():
            _journal_restore(file, digest, replaced, disabled, force=force)
        else:
            output.print_message("cli-restored-old-schema")
    click.echo(digest)
    if faults:
        raise output.CommandFailed([output.cli_text("cli-restored-broken-journal", fault=faults[0])], output.FAILED)
    output.print_message("cli-restored", path=file)


def journal_copy(settings: Settings, action: str, details: dict[str, object]) -> str | None:
    """Add an entry to the journal of the database that is copied. Return why there is none, where it cannot be written.

    A database that is read-only, full or of another version is backed up too: without the entry.
    """
    if not has_database_file(settings):
        return output.cli_text("cli-no-database", path=make_url(settings.database_url).database)
    try:
        with open_database(settings):
            if not schema_is_current():
                return output.cli_text("cli-another-schema")
            with transaction():
                journal.record(local_actor(Role.OPERATOR), action, "database:registry", details)
    except SQLAlchemyError as error:
        return str(getattr(error, "orig", error)).strip()
    return None


def _journal_restore(file: Path, digest: str, replaced: str | None, disabled: list[str] | None, *, force: bool) -> None:
    """Add the restore to the restored journal, and end the access that it has brought back.

    ``replaced_head``: the head of the replaced journal. ``disabled``: the accounts that it has disabled.
    """
    details: dict[str, object] = {"file": file.name, "digest": digest, "replaced_head": replaced, "forced": force}
    with transaction():
        restart_feed()
        ended = end_restored_access(disabled)
        details |= ended
        journal.record(local_actor(Role.OPERATOR), "database.restored", "database:registry", details)
    output.print_message("cli-restored-access", tokens=ended["tokens"], webhooks=ended["webhooks"])
    if ended["disabled"]:
        output.print_message("cli-restored-disabled", names=", ".join(ended["disabled"]))
    if disabled is None or replaced == UNREADABLE:
        output.print_message("cli-restored-unknown")


def copies_of(settings: Settings) -> Any:
    """Return the module that copies this kind of database."""
    return sqlite_copies if settings.embedded else postgres_copies


# ``registry restore-drill``: restores a backup into a temporary database, verifies it, and measures the time.

COUNTED: Final = {"agencies": Agency, "projects": Project, "flags": Flag, "cases": Case, "entries": JournalEntry}


@click.command("restore-drill")
@click.argument("file", required=False, type=output.FILE)
@output.as_json_option
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
    (output.print_json if as_json else output.print_pairs)(drill)
    if faults:
        raise output.CommandFailed([output.cli_text("cli-restored-broken-journal", fault=faults[0])], output.FAILED)
    if _is_of_another_journal(settings, seq, head):
        raise output.CommandFailed([output.cli_text("cli-backup-of-another")], output.FAILED)
    entry = {name: drill[name] for name in ("file", "digest", "total_seconds")}
    not_journalled = journal_copy(settings, RESTORE_DRILLED, entry)
    output.print_message("cli-drill-done", seconds=drill["total_seconds"])
    if not_journalled is not None:
        output.print_message("cli-drill-not-journalled", reason=not_journalled)


def _newest(settings: Settings) -> Path:
    folder = settings.backup_dir
    if folder is None:
        raise output.UsageError(output.cli_text("cli-no-backup-folder"))
    backups = backups_in(folder) if folder.is_dir() else []
    if not backups:
        raise output.CommandFailed([output.cli_text("cli-no-backup-there", path=folder)], output.NOT_FOUND)
    return backups[-1]


def _is_of_another_journal(settings: Settings, seq: int, head: str) -> bool:
    """Return True when the present journal has another entry at the backup's head; False too when it cannot be read."""
    if not has_database_file(settings):
        return False
    with open_database(settings):
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
            raise output.CommandFailed(
                [output.cli_text("cli-drill-needs-right", role=url.username)], output.FAILED
            ) from error
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
