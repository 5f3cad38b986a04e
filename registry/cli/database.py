"""``registry db``: database schema."""

from __future__ import annotations

import click

from registry.cli.app_context import as_owner, command_settings, open_registry
from registry.cli.output import print_message
from registry.core.schema import grant_to_service, schema_is_current, upgrade_schema
from registry.projects.similarity.fingerprints import refresh_fingerprints


@click.group("db")
def database() -> None:
    """Manage the schema of the database."""


@database.command()
def upgrade() -> None:
    """Upgrade the schema to this version. Does nothing when it is current.

    Uses the role of REGISTRY_DATABASE_OWNER_URL if it is set, and grants the role of REGISTRY_DATABASE_URL its rights.
    """
    owner, service_role = as_owner(command_settings())
    with open_registry(owner):
        if not schema_is_current():
            upgrade_schema(service_role=service_role)
            refresh_fingerprints()
            print_message("cli-schema-upgraded")
            return
        if service_role is not None:
            grant_to_service(service_role)
        print_message("cli-schema-was-current")
