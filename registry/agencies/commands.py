"""``registry agencies``: import agencies."""

from pathlib import Path

import click

from registry.cli.app_context import RegistryCommands
from registry.cli.output import FILE, as_json_option, dry_run_option
from registry.imports.commands import chosen_values, column_mapping, import_file, import_options
from registry.imports.service import ImportOptions


@click.group(cls=RegistryCommands)
def agencies() -> None:
    """Manage the agencies that must register projects."""


@agencies.command("import")
@click.argument("file", type=FILE)
@dry_run_option
@import_options
@as_json_option
def import_(
    file: Path, dry_run: bool, strict: bool, columns: tuple[str, ...], values: tuple[str, ...], as_json: bool
) -> None:
    """Import agencies from FILE, CSV or XLSX. A known BIN is updated, a new one registered.

    An invalid row is reported on standard error and does not stop the import; the command then exits with 5.
    """
    import_file(
        "agencies", file, dry_run, as_json, ImportOptions(column_mapping(columns), strict, values=chosen_values(values))
    )
