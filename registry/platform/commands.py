"""``registry inventory``: QazTech's own list of what lives on the platform."""

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
    """The platform inventory."""


@inventory.command("import")
@click.argument("file", type=FILE)
@dry_run_option
@as_json_option
@in_registry
def import_(file: Path, dry_run: bool, as_json: bool) -> None:
    """Apply the list in FILE: what matches is verified, what vanished from it loses its verification.

    Columns: platform_key, agency, verified_on. Try it with --dry-run: it tells how many would be matched, lost,
    mismatched and unregistered, and writes nothing.
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
