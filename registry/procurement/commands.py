"""``registry contracts``: import contracts of the procurement portal from a file, fetch them from its service."""

from pathlib import Path

import click

from registry.accounts.roles import SCHEDULE, Role, local_actor
from registry.cli import output
from registry.cli.app_context import RegistryCommands
from registry.procurement.file_imports import import_contracts
from registry.procurement.portal import failing_fetches, fetch_all_again, fetch_due_contracts
from registry.settings import read_settings


@click.group(cls=RegistryCommands)
def contracts() -> None:
    """Manage contracts of the procurement portal."""


@contracts.command("import")
@click.argument("file", type=output.FILE)
@output.dry_run_option
@output.as_json_option
def import_(file: Path, dry_run: bool, as_json: bool) -> None:
    """Import the contracts in FILE: CSV, XLSX or NDJSON with the portal's names of fields, all or none.

    Required are customer_bin, contract_number_sys, sign_date and contract_sum_wnds. With an invalid row nothing is
    written, and the command exits with 5.
    """
    summary = import_contracts(local_actor(Role.OPERATOR), file.name, file.read_bytes(), dry_run=dry_run)
    if as_json:
        output.print_json(summary)
        return
    output.print_pairs({name: value for name, value in summary.items() if name not in ("dry_run", "corrections")})
    for each in summary["corrections"]:
        output.print_message("cli-contract-waits", number=each["number_sys"], changes=", ".join(each["changes"]))
    output.print_message("cli-contracts-checked" if dry_run else "cli-contracts-imported")


@contracts.command("fetch")
def fetch() -> None:
    """Fetch the contracts of all agencies from the portal's service now; the scheduler does it each night."""
    settings = read_settings(read_only=True)
    if settings.procurement is None:
        raise output.UsageError(output.cli_text("cli-contracts-without-token"))
    fetch_all_again()
    pages = fetch_due_contracts(settings.procurement, SCHEDULE)
    output.print_message("cli-contracts-fetched", count=pages)
    failing = failing_fetches()
    for number, error in failing:
        click.echo(f"{number}: {error}", err=True)
    if failing:
        raise output.CommandFailed([output.cli_text("cli-contracts-failing", count=len(failing))], output.FAILED)
