"""``registry backup`` and ``registry restore``: the whole database in one file, taken while the service runs.

The secret key in the data folder is no part of it: a new one is made where it is missing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from registry.cli import postgres_copies, sqlite_copies
from registry.cli.endings import CONFLICT, FAILED, Ended
from registry.cli.opening import as_owner, command_settings, registry_open
from registry.cli.options import FILE
from registry.cli.speech import say, words
from registry.settings import Settings
from registry.store.journal_check import verify_stored
from registry.store.schema import grant_to_service, schema_is_current

force_option = click.option("--force", is_flag=True, help="Replace what is there.")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@force_option
def backup(file: Path, force: bool) -> None:
    """Write the whole database to FILE, also while the service runs, and print the digest of what is in it.

    The file is complete or not there at all, and only its owner may read it. On PostgreSQL it is pg_dump's custom
    format.
    """
    settings = command_settings()
    if not file.parent.is_dir():
        raise Ended([words("cli-no-such-folder", path=file.parent)], FAILED)
    if file.exists() and file.stat().st_size and not force:
        raise Ended([words("cli-file-there", path=file)], CONFLICT)
    digest = _copies(settings).take(settings.database_url, file)
    click.echo(digest)
    say("cli-backup-done", path=file)


@click.command()
@click.argument("file", type=FILE)
@force_option
def restore(file: Path, force: bool) -> None:
    """Put the database in FILE in the place of the present one, check its journal, and print its digest.

    Refused with 4 when the present database has records, unless --force is given. Take the service down before. With
    REGISTRY_DATABASE_OWNER_URL it works as that role.
    """
    settings = command_settings()
    owner, service_role = as_owner(settings)
    copies = _copies(settings)
    copies.require_backup(file)
    if copies.has_records(owner.database_url) and not force:
        raise Ended([words("cli-records-there")], CONFLICT)
    digest = copies.put_back(owner.database_url, file)
    with registry_open(owner):
        if service_role is not None:
            grant_to_service(service_role)
        if not schema_is_current():
            say("cli-restored-old-schema")
        faults = verify_stored()
    click.echo(digest)
    if faults:
        raise Ended([words("cli-restored-broken-journal", fault=faults[0])], FAILED)
    say("cli-restored", path=file)


def _copies(settings: Settings) -> Any:
    return sqlite_copies if settings.embedded else postgres_copies
