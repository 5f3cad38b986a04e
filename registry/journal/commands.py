"""``registry journal``: verify the hash chain, print its head, and export the journal."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click
from sqlalchemy import select

from registry.accounts.roles import Permission, Role, local_actor
from registry.cli.app_context import in_registry
from registry.cli.exit_codes import FAILED, NOT_FOUND, CommandFailed
from registry.cli.output import as_json_option, cli_text, print_json, print_message
from registry.core.database import db, transaction
from registry.journal import service
from registry.journal.service import COLUMNS, JournalEntry, columns_of
from registry.journal.verification import TIME_EXPLAINED, Head, head_now, time_falls_at, verify_and_save
from registry.projects.models import Project
from registry.projects.visibility import journal_restricted_reads

BATCH_SIZE = 1000


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


@click.group()
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
@as_json_option
@in_registry
def verify(earlier: Head | None, as_json: bool) -> None:
    """Check every entry of the journal: content, order, gaps and end. Exits with 1 when a check fails."""
    entries = _head()
    faults = verify_and_save(earlier)
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
@in_registry
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
@in_registry
def head() -> None:
    """Print the last entry's number and hash as SEQ:HASH. Store it on another machine, for `verify --head`."""
    last = _head()
    click.echo(f"{last.seq}:{last.hash}")


@journal.command()
@in_registry
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
