"""``registry government-reports``: list, show and export reports to the Government."""

from typing import Any

import click

from registry.accounts.roles import Role, local_actor
from registry.cli.app_context import RegistryCommands
from registry.cli.output import as_json_option, every_item, print_json, print_pairs, print_table
from registry.core.spreadsheets.writer import table_as_csv
from registry.government_reports import queries
from registry.government_reports.schemas import REPORT, SUMMARY

IN_A_LIST = ("number", "version", "status", "period_end", "due_on", "is_overdue", "responsible", "issued_at")
READER = Role.AUDITOR
version_option = click.option("--version", type=click.IntRange(1, 2**31 - 1), help="An earlier version.")


@click.group("government-reports", cls=RegistryCommands)
def government_reports() -> None:
    """Read reports to the Government and the President."""


@government_reports.command("list")
@click.option("--overdue", is_flag=True, help="Only reports that are overdue.")
@as_json_option
def list_all(overdue: bool, as_json: bool) -> None:
    """List the reports, each as its newest version."""
    filters = {"overdue": "true"} if overdue else {}
    rows = every_item(lambda page: queries.GOVERNMENT_REPORT_LIST.read(local_actor(READER), filters, page))
    if as_json:
        print_json([SUMMARY.dump(row) for row in rows])
    else:
        print_table(IN_A_LIST, rows)


@government_reports.command()
@click.argument("number")
@version_option
@as_json_option
def show(number: str, version: int | None, as_json: bool) -> None:
    """Show a report."""
    actor = local_actor(READER)
    shown: dict[str, Any] = REPORT.dump(
        queries.show_report(actor, queries.find_government_report(actor, number, version))
    )
    if as_json:
        print_json(shown)
    else:
        print_pairs(shown)


@government_reports.command()
@click.argument("number")
@version_option
@click.option("--format", "as_format", type=click.Choice(["json", "csv"]), default="json", help="json by default.")
def export(number: str, version: int | None, as_format: str) -> None:
    """Print the frozen figures: exactly the bytes of which the report gives the SHA-256, or CSV."""
    actor = local_actor(READER)
    report = queries.find_government_report(actor, number, version)
    if as_format == "json":
        click.echo(queries.data_of_report(actor, report)[0].encode(), nl=False)
        return
    for piece in table_as_csv(queries.HEADER, queries.export_rows(actor, report)):
        click.echo(piece, nl=False)
