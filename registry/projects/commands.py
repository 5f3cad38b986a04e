"""``registry projects``: import and export."""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from registry.accounts.roles import Role, local_actor
from registry.cli.app_context import RegistryCommands
from registry.cli.output import FILE, UsageError, as_json_option, cli_text, dry_run_option, language
from registry.core.lists import kind_of
from registry.imports import commands
from registry.imports.service import ImportOptions
from registry.projects.exports import export_csv, export_xlsx
from registry.projects.filters import FILTERS


@click.group(cls=RegistryCommands)
def projects() -> None:
    """Import and export projects."""


@projects.command("import")
@click.argument("file", type=FILE)
@dry_run_option
@commands.import_options
@click.option("--reason", help="Why registered projects change, for their history.")
@commands.answers_option
@as_json_option
def import_(
    file: Path,
    dry_run: bool,
    strict: bool,
    columns: tuple[str, ...],
    values: tuple[str, ...],
    reason: str | None,
    answers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Import projects from FILE, CSV or XLSX, by their numbers, or by agency and external_id.

    An invalid row is reported on standard error and does not stop the import; the command then exits with 5.
    """
    commands.import_file(
        "projects",
        file,
        dry_run,
        as_json,
        ImportOptions(
            commands.column_mapping(columns),
            strict,
            commands.checked_reason(reason),
            commands.row_answers(answers),
            commands.chosen_values(values),
        ),
    )


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each filter of the project list: ``--work-type`` (or ``--work_type``) for ``work_type``."""
    for name, known in reversed(list(FILTERS.items())):
        kind = kind_of(known)
        takes = ", ".join(getattr(kind, "options", ())) or kind.values
        names = [f"--{name.replace('_', '-')}"] + ([f"--{name}"] if "_" in name else [])
        command = click.option(*names, f"filter_{name}", metavar="VALUE", help=takes)(command)
    return command


@projects.command()
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["csv", "xlsx"]),
    default="csv",
    show_default=True,
    help="The file format.",
)
@click.option(
    "--headers",
    type=click.Choice(["codes", "labels"]),
    default="codes",
    show_default=True,
    help="Names of fields, or their labels in the language of the command line.",
)
@click.argument("filters", nargs=-1, metavar="[NAME=VALUE]...")
@filter_options
def export(file_format: str, headers: str, filters: tuple[str, ...], **options: str | None) -> None:
    """Write all fields of the projects that match the filters to standard output.

    A filter is an option or NAME=VALUE, named as the field; separate several values by commas: `stage=pilot,testing`.
    """
    actor = local_actor(Role.AUDITOR)
    raw_filters = parse_filters(filters, options)
    out = sys.stdout.buffer
    labels_in = language() if headers == "labels" else None
    if file_format == "csv":
        for chunk in export_csv(actor, raw_filters, labels_in=labels_in):
            out.write(chunk)
        out.flush()
        return
    if sys.stdout.isatty():
        raise UsageError(cli_text("cli-xlsx-to-terminal"))
    with tempfile.TemporaryDirectory(prefix="registry-") as folder:
        path = Path(folder) / "projects.xlsx"
        export_xlsx(actor, raw_filters, path, labels_in=labels_in)
        with path.open("rb") as file:
            shutil.copyfileobj(file, out)
        out.flush()


def parse_filters(pairs: tuple[str, ...], options: dict[str, str | None]) -> dict[str, str]:
    """Filter name → value. Raises UsageError for a pair without ``=`` and for a duplicate filter."""
    filters = {name.removeprefix("filter_"): value for name, value in options.items() if value is not None}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise UsageError(cli_text("cli-filter-wrong", text=pair))
        if name in filters:
            raise UsageError(cli_text("cli-filter-twice", name=name))
        filters[name] = value
    return filters
