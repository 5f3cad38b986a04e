"""``registry imports``, and what the import commands of projects and agencies share: summary and row errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from registry.accounts.roles import Actor, Role, local_actor
from registry.cli.app_context import RegistryCommands, shown
from registry.cli.output import (
    FAILED,
    INVALID,
    MAX_ERRORS_SHOWN,
    CommandFailed,
    UsageError,
    as_json_option,
    cli_text,
    every_item,
    language,
    print_json,
    print_message,
    progress,
)
from registry.core.errors import Invalid
from registry.core.translations import LANGUAGES
from registry.imports.files import marked_import, row_error_text, write_marked_file, write_template
from registry.imports.models import ANSWERS, ImportKind, ImportRun
from registry.imports.queries import errors_of
from registry.imports.same_project import answer_questions
from registry.imports.service import NO_OPTIONS, ImportOptions, import_now, run_dry_run_now
from registry.imports.undo import undo_import
from registry.projects.schemas import PROJECT_PATCH

SHOWN = ("id", "state", "dry_run", "total", "processed", "created", "updated", "unchanged", "rejected", "unanswered")
COUNTS = ("total", "created", "updated", "unchanged", "rejected")


def import_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that map columns and refuse unknown ones."""
    command = click.option(
        "--value",
        "values",
        multiple=True,
        metavar="FIELD=HOW|FIELD:WORD=CODE",
        help="How cells are read: thousand, million or billion, day or month first, or what a word means. Repeatable.",
    )(command)
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


def chosen_values(texts: Sequence[str]) -> dict[str, Any]:
    """Field → how its cells are read, or word → code, None without one. Raises UsageError for other texts."""
    values: dict[str, Any] = {}
    for text in texts:
        left, separator, chosen = text.rpartition("=")
        name, is_word, word = left.partition(":")
        if not (separator and name) or (name in values and not (is_word and isinstance(values[name], dict))):
            raise UsageError(cli_text("cli-value-wrong", text=text))
        if is_word:
            values.setdefault(name, {})[word] = chosen or None
        else:
            values[name] = chosen
    return values


def row_answers(texts: Sequence[str]) -> dict[int, str]:
    """Row → answer. Raises UsageError for a text that is not ``ROW=same`` or ``ROW=new``."""
    answers: dict[int, str] = {}
    for text in texts:
        row, _, answer = text.partition("=")
        if not (row.isascii() and row.isdigit()) or answer not in ANSWERS:
            raise UsageError(cli_text("cli-answer-wrong", text=text))
        answers[int(row)] = answer
    return answers


answers_option = click.option(
    "--answer",
    "answers",
    multiple=True,
    metavar="ROW=same|new",
    help="Whether a row is the registered project that it resembles, or a new one. Repeatable.",
)


def checked_reason(text: str | None) -> str | None:
    """Return the reason that an option gives. Raises Invalid for one that is too long."""
    loaded, problems = PROJECT_PATCH.load_filled_texts({"change_reason": text or ""})
    if problems:
        raise Invalid(problems)
    return loaded.get("change_reason")


def import_file(kind: str, path: Path, dry_run: bool, as_json: bool, options: ImportOptions = NO_OPTIONS) -> None:
    """Import the file, print the summary, and exit with 5 when a row was rejected."""
    actor = local_actor(Role.ADMINISTRATOR)
    with progress("cli-importing") as on_progress:

        def report_progress(run_so_far: ImportRun) -> None:
            on_progress(run_so_far.processed, run_so_far.total)

        run = import_now(actor, kind, dry_run, path.name, path.read_bytes(), report_progress, options)
    print_run(actor, run, as_json)


def print_run(actor: Actor, run: ImportRun, as_json: bool) -> None:
    """Print the summary of a run that has ended, and exit with 5 when a row was rejected."""
    if run.state == "failed":
        raise CommandFailed([cli_text("cli-import-failed", reason=cli_text(run.failure or "internal-error"))], FAILED)
    warnings = [cli_text(each["code"], **each["params"]) for each in run.warnings or []]
    errors = every_item(lambda page: errors_of(actor, run, page)) if run.rejected else []
    if as_json:
        forecast = {"would_flag": run.would_flag} if run.dry_run else {}
        errors_shown = [error_row(error, run.kind) for error in errors]
        print_json(shown(SHOWN, run) | forecast | {"warnings": warnings, "errors": errors_shown})
    else:
        for warning in warnings:
            click.echo(warning, err=True)
        click.echo("  ".join(f"{name} {getattr(run, name)}" for name in COUNTS))
        print_row_errors(errors, run.kind)
        print_message("cli-import-checked" if run.dry_run else "cli-import-done")
    if run.rejected:
        raise click.exceptions.Exit(INVALID)


@click.group("imports", cls=RegistryCommands)
def imports() -> None:
    """Run dry runs, and fetch marked files and templates."""


@imports.command("run")
@click.argument("import_id", type=int, metavar="ID")
@click.option("--reason", help="Why registered projects change; by default that of the dry run.")
@answers_option
@as_json_option
def run_(import_id: int, reason: str | None, answers: tuple[str, ...], as_json: bool) -> None:
    """Import the file of the dry run ID; it is kept for seven days."""
    actor = local_actor(Role.ADMINISTRATOR)
    if answers:
        answer_questions(actor, import_id, row_answers(answers))
    print_run(actor, run_dry_run_now(actor, import_id, change_reason=checked_reason(reason)), as_json)


@imports.command("undo")
@click.argument("import_id", type=int, metavar="ID")
@click.option("--reason", required=True, help="Why, for the history of each project.")
@as_json_option
def undo_(import_id: int, reason: str, as_json: bool) -> None:
    """Undo import ID that was run by the command line, within 30 days."""
    run = undo_import(local_actor(Role.ADMINISTRATOR), import_id, checked_reason(reason) or reason)
    undone = run.undone or {}
    if as_json:
        print_json(undone)
    else:
        click.echo("  ".join(f"{name} {len(undone[name])}" for name in ("restored", "withdrawals", "left")))


@imports.command("errors")
@click.argument("import_id", type=int, metavar="ID")
@click.argument("target", type=click.Path(dir_okay=False, writable=True, path_type=Path), metavar="FILE")
@click.option("--only-wrong", is_flag=True, help="Without the right rows.")
def errors_(import_id: int, target: Path, only_wrong: bool) -> None:
    """Write the file of import ID to FILE as XLSX, with wrong cells marked."""
    run = marked_import(local_actor(Role.ADMINISTRATOR), import_id)
    write_marked_file(target, run, language(), only_wrong=only_wrong)


@imports.command("template")
@click.argument("target", type=click.Path(dir_okay=False, writable=True, path_type=Path), metavar="FILE")
@click.option("--kind", type=click.Choice(ImportKind.codes()), default="projects", show_default=True, help="The rows.")
@click.option("--language", "chosen", type=click.Choice(LANGUAGES), help="By default that of the command line.")
def template_(target: Path, kind: str, chosen: str | None) -> None:
    """Write a template to fill in to FILE as XLSX."""
    write_template(target, kind, chosen or language())


def error_row(error: Mapping[str, Any], kind: str | None = None) -> dict[str, Any]:
    """Represent a row error as the API does: row, column, code, message and value; ``kind`` of an import."""
    text = cli_text(error["code"], **error["params"]) if kind is None else row_error_text(kind, error, language())
    return {
        "row": error["row"],
        "column": error["column"],
        "code": error["code"],
        "message": text,
        "value": error.get("value"),
    }


def print_row_errors(errors: Sequence[Mapping[str, Any]], kind: str | None = None) -> None:
    """Print the first row errors to stderr with row, column, code and message, and the number of further ones."""
    for error in errors[:MAX_ERRORS_SHOWN]:
        line = error_row(error, kind)
        has_value = line["value"] is not None
        code = "cli-bad-row" if line["column"] is None else "cli-bad-value" if has_value else "cli-bad-cell"
        print_message(code, **line)
    if len(errors) > MAX_ERRORS_SHOWN:
        print_message("cli-bad-rows-more", count=len(errors) - MAX_ERRORS_SHOWN)
