"""Import commands for projects and agencies: progress bar, summary and row errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from registry.accounts.actors import local_actor
from registry.accounts.roles import Role
from registry.cli.app_context import shown
from registry.cli.exit_codes import FAILED, INVALID, MAX_ERRORS_SHOWN, CommandFailed, UsageError
from registry.cli.output import cli_text, print_json, print_message, progress
from registry.cli.pagination import every_item
from registry.imports.models import ImportRun
from registry.imports.service import NO_OPTIONS, ImportOptions, errors_of, import_now

SHOWN = ("id", "state", "dry_run", "total", "processed", "created", "updated", "unchanged", "rejected")
COUNTS = ("total", "created", "updated", "unchanged", "rejected")


def import_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that map columns and refuse unknown ones."""
    command = click.option("--strict", is_flag=True, help="Refuse unknown columns; take every row for a record.")(
        command
    )
    return click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="HEADER=FIELD",
        help="The field of a header; without a field the column is left out. Repeatable.",
    )(command)


def column_mapping(pairs: Sequence[str]) -> dict[str, str | None]:
    """Header → field, None without one. Raises UsageError for a text without ``=``."""
    mapping: dict[str, str | None] = {}
    for pair in pairs:
        header, separator, name = pair.rpartition("=")
        if not separator:
            raise UsageError(cli_text("cli-column-wrong", text=pair))
        mapping[header] = name or None
    return mapping


def import_file(kind: str, path: Path, dry_run: bool, as_json: bool, options: ImportOptions = NO_OPTIONS) -> None:
    """Import the file, print the summary, and exit with 5 when a row was rejected."""
    actor = local_actor(Role.ADMINISTRATOR)
    content = path.read_bytes()
    with progress("cli-importing") as on_progress:

        def report_progress(run_so_far: ImportRun) -> None:
            on_progress(run_so_far.processed, run_so_far.total)

        run = import_now(actor, kind, dry_run, path.name, content, report_progress, options)
    if run.state == "failed":
        raise CommandFailed([cli_text("cli-import-failed", reason=cli_text(run.failure or "internal-error"))], FAILED)
    warnings = [cli_text(each["code"], **each["params"]) for each in run.warnings or []]
    errors = every_item(lambda page: errors_of(actor, run, page)) if run.rejected else []
    if as_json:
        print_json(shown(SHOWN, run) | {"warnings": warnings, "errors": [error_row(error) for error in errors]})
    else:
        for warning in warnings:
            click.echo(warning, err=True)
        click.echo("  ".join(f"{name} {getattr(run, name)}" for name in COUNTS))
        print_row_errors(errors)
        print_message("cli-import-checked" if dry_run else "cli-import-done")
    if run.rejected:
        raise click.exceptions.Exit(INVALID)


def error_row(error: Mapping[str, Any]) -> dict[str, Any]:
    """Represent a row error as the API does: row, column, code, message and value."""
    return {
        "row": error["row"],
        "column": error["column"],
        "code": error["code"],
        "message": cli_text(error["code"], **error["params"]),
        "value": error.get("value"),
    }


def print_row_errors(errors: Sequence[Mapping[str, Any]]) -> None:
    """Print the first row errors to stderr with row, column, code and message, and the number of further ones."""
    for error in errors[:MAX_ERRORS_SHOWN]:
        line = error_row(error)
        code = "cli-bad-row" if line["column"] is None else "cli-bad-cell"
        print_message(code, **line)
    if len(errors) > MAX_ERRORS_SHOWN:
        print_message("cli-bad-rows-more", count=len(errors) - MAX_ERRORS_SHOWN)
