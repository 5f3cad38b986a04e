"""``registry users import``: people from a table."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import click

from registry.accounts.confirmers import command_actor
from registry.accounts.people_import import import_people
from registry.cli.app_context import in_registry
from registry.cli.exit_codes import INVALID
from registry.cli.output import print_message
from registry.imports.commands import print_row_errors


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show the result and the errors, without saving anything.")
@in_registry
def import_file(file: Path, dry_run: bool) -> None:
    """Add the people of a CSV or XLSX file with the columns name, email, role, agency and language.

    Whoever has an e-mail address is invited where there is a mail server. For the others a one-time password is
    printed, this once, on standard output as CSV: name, password. Rows with errors are left out.
    """
    result = import_people(command_actor(), file.read_bytes(), dry_run=dry_run)
    print_row_errors(result.errors)
    passwords = [(person.name, person.password) for person in result.created if person.password is not None]
    if passwords:
        csv.writer(sys.stdout).writerows([("name", "password"), *passwords])
    code = "cli-people-checked" if dry_run else "cli-people-added"
    print_message(code, count=len(result.created), refused=result.refused)
    if result.unchanged:
        print_message("cli-people-unchanged", count=len(result.unchanged))
    if result.refused:
        raise click.exceptions.Exit(INVALID)
