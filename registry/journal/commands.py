"""``registry journal``: verify the hash chain, print its head, and export the journal."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from registry.accounts.roles import Permission, Role, local_actor
from registry.cli.app_context import RegistryCommands
from registry.cli.output import FAILED, NOT_FOUND, CommandFailed, as_json_option, cli_text, print_json, print_message
from registry.core.database import db, transaction
from registry.journal import checkpoints, service
from registry.journal.checkpoints import add_key, checkpoint_keys, find_checkpoint, make_checkpoint
from registry.journal.jobs import send_to_witnesses
from registry.journal.merkle import read_checkpoint
from registry.journal.rows import reconcile as reconcile_rows, seal_rows
from registry.journal.service import COLUMNS, JournalEntry, columns_of
from registry.journal.verification import TIME_EXPLAINED, Head, head_now, time_falls_at, verify_and_save
from registry.journal.witnesses import failing_witnesses
from registry.projects.models import Project
from registry.projects.visibility import journal_restricted_reads
from registry.settings import read_settings

BATCH_SIZE = 1000
ORIGIN = re.compile(r"[^\s+\x00-\x1f]{1,200}")


class CheckpointType(click.ParamType[tuple[int, str]]):
    """A file with a checkpoint, as its size and root."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, str]:
        """Read the checkpoint; a usage error if there is none."""
        if isinstance(value, tuple):
            return value
        try:
            _origin, size, root = read_checkpoint(Path(value).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            self.fail(f"{value}: {error}", param, ctx)
        return size, root.hex()


class HeadType(click.ParamType[Head]):
    """``SEQ:HASH``, as ``registry journal head`` prints it."""

    name = "head"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Head:
        """Parse the head; a usage error if it is malformed."""
        if isinstance(value, Head):
            return value
        try:
            return Head.read(value)
        except ValueError:
            self.fail(cli_text("cli-head-wrong", value=value), param, ctx)


class OriginType(click.ParamType[str]):
    """The name of a log, which stands in a line of a signed note and before the plus of a verifier key."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name; a usage error for what no note can have."""
        if ORIGIN.fullmatch(value) is None:
            self.fail(cli_text("cli-origin-wrong", value=value), param, ctx)
        return str(value)


@click.group(cls=RegistryCommands)
def journal() -> None:
    """Verify and export the append-only journal."""


@journal.command()
@click.option(
    "--head",
    "earlier",
    type=HeadType(),
    metavar="SEQ:HASH",
    help="A head exported earlier; verifies that nothing before it changed.",
)
@click.option(
    "--checkpoint",
    "kept",
    type=CheckpointType(),
    multiple=True,
    help="A file with a checkpoint kept elsewhere; verifies that the entries are those that it signs.",
)
@as_json_option
def verify(earlier: Head | None, kept: Sequence[tuple[int, str]], as_json: bool) -> None:
    """Check every entry of the journal: content, order, gaps and end. Exits with 1 when a check fails."""
    entries = _head()
    faults = verify_and_save(earlier, kept=kept)
    if as_json:
        print_json(
            {
                "entries": entries.seq,
                "head": f"{entries.seq}:{entries.hash}",
                "faults": [asdict(fault) for fault in faults],
            }
        )
    if faults:
        raise CommandFailed([cli_text("cli-journal-broken", fault=fault) for fault in faults], FAILED)
    print_message("cli-journal-whole", entries=entries.seq, head=f"{entries.seq}:{entries.hash}")


@journal.command()
@click.argument("seq", type=click.IntRange(min=2))
@click.option("--reason", required=True, help="What had set the clock wrong, and since when.")
def explain(seq: int, reason: str) -> None:
    """Explain why entry SEQ is dated before the one before it, such as a clock that was ahead and was corrected.

    The journal gets an entry with the reason, and verifications no longer report this one.
    """
    actor = local_actor(Role.OPERATOR)
    if not time_falls_at(seq):
        raise CommandFailed([cli_text("cli-nothing-to-explain", seq=seq)], NOT_FOUND)
    with transaction():
        service.record(actor, TIME_EXPLAINED, "database:registry", {"entry": seq, "reason": reason})
    print_message("cli-journal-explained", seq=seq)


@journal.command()
@click.option("--since", type=click.IntRange(min=1), help="Print only what this entry or a later one explains last.")
@click.option("--accept", "reason", help="Why the rows may stay as they are. Seals them, with what differs.")
def reconcile(since: int | None, reason: str | None) -> None:
    """Compare every row with the acts that wrote it, and print what no act explains, as lines of JSON.

    Exits with 1 when there is anything.
    """
    actor = local_actor(Role.OPERATOR)
    differences = reconcile_rows(actor)
    for each in differences:
        if since is None or each.since >= since:
            click.echo(json.dumps(each._asdict()))
    if reason is not None:
        seal_rows(actor, reason, differences)
        differences = reconcile_rows(actor)
    if differences:
        raise CommandFailed([cli_text("cli-rows-differ", count=len(differences))], FAILED)
    print_message("cli-rows-explained")


@journal.command()
def head() -> None:
    """Print the last entry's number and hash as SEQ:HASH. Store it on another machine, for `verify --head`."""
    last = _head()
    click.echo(f"{last.seq}:{last.hash}")


@journal.command()
def checkpoint() -> None:
    """Sign the journal as it is now, print the checkpoint, and send it to the witnesses of REGISTRY_WITNESSES."""
    actor = local_actor(Role.OPERATOR)
    made = make_checkpoint(actor)
    if made is None:
        raise CommandFailed([cli_text("cli-journal-empty")], NOT_FOUND)
    settings = read_settings()
    send_to_witnesses(settings)
    click.echo(find_checkpoint(made.size).note, nl=False)
    failing = failing_witnesses()
    if failing:
        raise CommandFailed(
            [cli_text("cli-witness-failed", address=each.address, error=each.error) for each in failing], FAILED
        )


@journal.command()
def keys() -> None:
    """Print the verifier keys of checkpoints, the newest first, with their state."""
    for key in checkpoint_keys():
        click.echo(f"{key.verifier_key} {key.state}")


@journal.command()
@click.option(
    "--origin",
    type=OriginType(),
    help="Begin another log, as after a restored backup that lacks entries of a checkpoint.",
)
def new_key(origin: str | None) -> None:
    """Make a new key that signs checkpoints from now on, and print its verifier key. The former key is retired."""
    click.echo(add_key(local_actor(Role.OPERATOR), origin).verifier_key)


@journal.command()
@click.argument("key_id")
@click.option("--reason", required=True, help="Why nobody may trust it any more.")
def revoke_key(key_id: str, reason: str) -> None:
    """Revoke the key with that id of eight hexadecimal digits. One that is in use is replaced by a new one."""
    checkpoints.revoke_key(local_actor(Role.OPERATOR), key_id, reason)
    print_message("cli-key-revoked", key=key_id)


@journal.command()
def export() -> None:
    """Print every entry as a line of JSON, oldest first; the chain can be verified from these lines alone.

    The export itself is journalled as a read of all restricted projects first.
    """
    actor = local_actor(Role.AUDITOR)
    actor.require(Permission.JOURNAL_READ)
    restricted = db.session.scalars(select(Project.number).where(Project.is_restricted)).all()
    journal_restricted_reads(actor, restricted, "journal export")
    columns = [getattr(JournalEntry, name) for name in (*COLUMNS, "hash")]
    statement = select(*columns).order_by(JournalEntry.seq)
    rows = db.session.execute(statement, execution_options={"yield_per": BATCH_SIZE}).mappings()
    for row in map(dict, rows):
        line = {name: row[name] for name in (*columns_of(row), "hash")}
        click.echo(json.dumps(line, ensure_ascii=False, separators=(",", ":")))


def _head() -> Head:
    local_actor(Role.AUDITOR).require(Permission.JOURNAL_READ)
    return head_now()
