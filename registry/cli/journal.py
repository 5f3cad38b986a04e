"""``registry journal``: verify the hash chain, tell its head, and take the journal off the machine."""

from __future__ import annotations

import json
import re
from typing import Any

import click
from sqlalchemy import select

from registry.access.actors import local_actor
from registry.access.roles import Permission, Role
from registry.cli.endings import FAILED, Ended
from registry.cli.opening import in_registry
from registry.cli.speech import print_json, say, words
from registry.store.database import db
from registry.store.journal import COLUMNS, JournalEntry, JournalHead

ROWS_AT_A_TIME = 1000


class Head(click.ParamType[tuple[int, str]]):
    """``SEQ:HASH``, as ``registry journal head`` prints it."""

    name = "head"
    shape = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, str]:
        """Number and hash, or a usage error."""
        if isinstance(value, tuple):
            return value
        found = self.shape.fullmatch(value)
        if found is None:
            self.fail(words("cli-head-wrong", value=value), param, ctx)
        return int(found[1]), found[2]


@click.group()
def journal() -> None:
    """Verify, read out and export the append-only journal."""


@journal.command()
@in_registry
def head() -> None:
    """Print the last entry's number and hash as SEQ:HASH. Keep it on another machine, for `verify --head`."""
    local_actor(Role.AUDITOR).require(Permission.JOURNAL_READ)
    seq, last = db.session.execute(select(JournalHead.seq, JournalHead.hash)).one()
    click.echo(f"{seq}:{last}")


@journal.command()
@in_registry
def export() -> None:
    """Print every entry as a line of JSON, oldest first; the chain can be checked from these lines alone."""
    local_actor(Role.AUDITOR).require(Permission.JOURNAL_READ)
    columns = [getattr(JournalEntry, name) for name in (*COLUMNS, "hash")]
    statement = select(*columns).order_by(JournalEntry.seq)
    rows = db.session.execute(statement, execution_options={"yield_per": ROWS_AT_A_TIME}).mappings()
    for row in rows:
        click.echo(json.dumps(dict(row), ensure_ascii=False, separators=(",", ":")))
