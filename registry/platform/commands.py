"""``registry inventory`` and ``registry products``: import the platform inventory, and products of the platform."""

from pathlib import Path
from typing import Any

import click

from registry.accounts.roles import Role, local_actor
from registry.approvals.models import Approval
from registry.approvals.queries import show_one
from registry.approvals.schemas import APPROVAL
from registry.cli.app_context import RegistryCommands
from registry.cli.output import FILE, INVALID, as_json_option, dry_run_option, print_json, print_message
from registry.imports.commands import error_row, print_row_errors
from registry.platform.products import import_products
from registry.requests.platform_approvals import import_inventory, preview_inventory

COUNTS = ("total", "matched", "lost", "shared", "mismatched", "unregistered", "deployments", "rejected")


@click.group(cls=RegistryCommands)
def inventory() -> None:
    """Manage the platform inventory."""


@inventory.command("import")
@click.argument("file", type=FILE)
@dry_run_option
@click.option("--reason", help="Why it is applied by hand; required where it waits for a second person.")
@as_json_option
def import_(file: Path, dry_run: bool, reason: str | None, as_json: bool) -> None:
    """Apply the inventory in FILE: matching projects are verified, projects no longer listed lose their verification.

    CSV, XLSX, a JSON array or NDJSON with platform_key, agency, verified_on and, optionally, environments and
    last_deployed_on. With --dry-run, print how many would be matched, lost, mismatched and unregistered, and write
    nothing. One that ends serious flags, reports deployments, or takes more than a tenth of the verifications away,
    waits for a second person.
    """
    actor, content = local_actor(Role.OPERATOR), file.read_bytes()
    summary: dict[str, Any] | Approval
    if dry_run:
        summary = preview_inventory(actor, file.name, content)
    else:
        summary = import_inventory(actor, file.name, content, reason)
    if isinstance(summary, Approval):
        if as_json:
            print_json(APPROVAL.dump(show_one(actor, summary)))
        else:
            print_message("cli-inventory-proposed", id=summary.id)
        return
    errors = summary["errors"]
    if as_json:
        print_json(summary | {"errors": [error_row(error) for error in errors]})
    else:
        click.echo("  ".join(f"{name} {summary[name]}" for name in COUNTS))
        print_row_errors(errors)
        checked = "cli-inventory-checked-for-approval" if summary.get("needs_approval") else "cli-inventory-checked"
        print_message(checked if dry_run else "cli-inventory-applied")
    if summary["rejected"]:
        raise click.exceptions.Exit(INVALID)


@click.group(cls=RegistryCommands)
def products() -> None:
    """Manage the products of the platform that can replace objects."""


@products.command("import")
@click.argument("file", type=FILE)
@dry_run_option
def import_products_(file: Path, dry_run: bool) -> None:
    """Register or change the products in FILE, CSV or XLSX; those that it leaves out stay.

    Columns: code, name_kk, name_ru, name_en, description_kk, description_ru, description_en, terms (with semicolons),
    contact, product_state (in_use or withdrawn). With an invalid row nothing is written, and the command exits with 5.
    """
    count = import_products(local_actor(Role.OPERATOR), file.read_bytes(), dry_run=dry_run)
    print_message("cli-products-checked" if dry_run else "cli-products-imported", count=count)
