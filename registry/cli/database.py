"""``registry db``: the schema of the database."""

from __future__ import annotations

import click

from registry.cli.opening import command_settings, registry_open
from registry.cli.speech import say
from registry.store.schema import schema_is_current, upgrade_schema


@click.group("db")
def database() -> None:
    """Look after the schema of the database."""


@database.command()
def upgrade() -> None:
    """Bring the schema up to what this version needs; when it is so already, nothing changes."""
    with registry_open(command_settings()):
        if schema_is_current():
            say("cli-schema-was-current")
            return
        upgrade_schema()
        say("cli-schema-upgraded")
