"""What importing a file has in common for projects and agencies: the bar, the summary, the bad rows by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from registry.accounts.actors import local_actor
from registry.accounts.roles import Role
from registry.cli.app_context import shown
from registry.cli.exit_codes import FAILED, INVALID, MAX_ERRORS_SHOWN, CommandFailed
from registry.cli.output import cli_text, print_json, print_message, progress
from registry.cli.pagination import every_item
from registry.imports.models import ImportRun
from registry.imports.service import errors_of, import_now

SHOWN = ("id", "state", "dry_run", "total", "processed", "created", "updated", "unchanged", "rejected")
COUNTS = ("total", "created", "updated", "unchanged", "rejected")


def import_file(kind: str, path: Path, dry_run: bool, as_json: bool) -> None:
    """Import the file, tell what became of its rows, and end with 5 when one was refused."""
    actor = local_actor(Role.ADMINISTRATOR)
    content = path.read_bytes()
    with progress("cli-importing") as on_progress:

        def tell(so_far: ImportRun) -> None:
            on_progress(so_far.processed, so_far.total)

        run = import_now(actor, kind, dry_run, path.name, content, tell)
    if run.state == "failed":
        raise CommandFailed([cli_text("cli-import-failed", reason=cli_text(run.failure or "internal-error"))], FAILED)
    errors = every_item(lambda page: errors_of(actor, run, page)) if run.rejected else []
    if as_json:
        print_json(shown(SHOWN, run) | {"errors": [spoken(error) for error in errors]})
    else:
        click.echo("  ".join(f"{name} {getattr(run, name)}" for name in COUNTS))
        say_bad_rows(errors)
        print_message("cli-import-checked" if dry_run else "cli-import-done")
    if run.rejected:
        raise click.exceptions.Exit(INVALID)


def spoken(error: Mapping[str, Any]) -> dict[str, Any]:
    """A bad row as the API shows it: row, column, code and the message."""
    return {
        "row": error["row"],
        "column": error["column"],
        "code": error["code"],
        "message": cli_text(error["code"], **error["params"]),
    }


def say_bad_rows(errors: Sequence[Mapping[str, Any]]) -> None:
    """The first of the bad rows on stderr, each with row, column, code and message, and how many more there are."""
    for error in errors[:MAX_ERRORS_SHOWN]:
        line = spoken(error)
        code = "cli-bad-row" if line["column"] is None else "cli-bad-cell"
        print_message(code, **line)
    if len(errors) > MAX_ERRORS_SHOWN:
        print_message("cli-bad-rows-more", count=len(errors) - MAX_ERRORS_SHOWN)
