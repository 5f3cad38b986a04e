"""``registry inventory``: import the platform inventory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from registry.accounts.actors import local_actor
from registry.accounts.roles import Role
from registry.cli.app_context import in_registry
from registry.cli.exit_codes import INVALID
from registry.cli.options import FILE, as_json_option, dry_run_option
from registry.cli.output import print_json, print_message
from registry.imports.commands import error_row, print_row_errors
from registry.platform.inventory import apply_inventory

COUNTS = ("total", "matched", "lost", "mismatched", "unregistered", "rejected")


@click.group()
def inventory() -> None:
    """Manage the platform inventory."""


@inventory.command("import")
@click.argument("file", type=FILE)
@dry_run_option
@as_json_option
@in_registry
def import_(file: Path, dry_run: bool, as_json: bool) -> None:
    """Apply the inventory in FILE: matching projects are verified, projects no longer listed lose their verification.

    Columns: platform_key, agency, verified_on. With --dry-run, print how many would be matched, lost, mismatched and
    unregistered, and write nothing.
    """
    summary: dict[str, Any] = apply_inventory(local_actor(Role.OPERATOR), file.name, file.read_bytes(), dry_run=dry_run)
    errors = summary["errors"]
    if as_json:
        print_json(summary | {"errors": [error_row(error) for error in errors]})
    else:
        click.echo("  ".join(f"{name} {summary[name]}" for name in COUNTS))
        print_row_errors(errors)
        print_message("cli-inventory-checked" if dry_run else "cli-inventory-applied")
    if summary["rejected"]:
        raise click.exceptions.Exit(INVALID)
