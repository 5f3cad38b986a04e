"""``registry db``: the schema of the database."""

from __future__ import annotations

import click

from registry.cli.app_context import as_owner, command_settings, open_registry
from registry.cli.output import print_message
from registry.core.schema import grant_to_service, schema_is_current, upgrade_schema


@click.group("db")
def database() -> None:
    """Look after the schema of the database."""


@database.command()
def upgrade() -> None:
    """Bring the schema up to what this version needs; when it is so already, nothing changes.

    With REGISTRY_DATABASE_OWNER_URL it works as that role, and gives the role of REGISTRY_DATABASE_URL its rights.
    """
    owner, service_role = as_owner(command_settings())
    with open_registry(owner):
        if not schema_is_current():
            upgrade_schema(service_role=service_role)
            print_message("cli-schema-upgraded")
            return
        if service_role is not None:
            grant_to_service(service_role)
        print_message("cli-schema-was-current")
