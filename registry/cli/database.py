"""``registry db``: database schema."""

import click

from registry.accounts.roles import Role, local_actor
from registry.cli.app_context import as_owner, command_settings, open_registry
from registry.cli.output import NOT_FOUND, CommandFailed, UsageError, cli_text, print_message
from registry.core import schema
from registry.core.installation import keep_secret_key
from registry.journal.rows import upgrade_and_seal
from registry.projects.fingerprints import refresh_fingerprints


@click.group("db")
def database() -> None:
    """Manage the schema of the database."""


@database.command()
def upgrade() -> None:
    """Upgrade the schema to this version. When it is current, put back what guards its records.

    These are the triggers, where some are missing or off, and the rights of the service's role. Uses the role of
    REGISTRY_DATABASE_OWNER_URL if it is set, and grants the role of REGISTRY_DATABASE_URL its rights.
    """
    owner, service_role = as_owner(command_settings())
    with open_registry(owner):
        if not schema.schema_is_current():
            upgrade_and_seal(local_actor(Role.OPERATOR), service_role)
            refresh_fingerprints()
            keep_secret_key()
            print_message("cli-schema-upgraded")
            return
        if service_role is not None:
            schema.grant_to_service(service_role)
        schema.restore_guards()
        keep_secret_key()
        print_message("cli-schema-was-current")


@database.command()
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Confirm that what only newer tables and columns hold is lost.")
def downgrade(revision: str, yes: bool) -> None:
    """Take the schema back to REVISION, that of an older release, which is installed afterwards.

    Stop the service and take a backup before. Of an older release, `registry doctor` prints the revision that it
    expects. Uses the role of REGISTRY_DATABASE_OWNER_URL if it is set.
    """
    if not yes:
        raise UsageError(cli_text("cli-downgrade-loses"))
    owner, _ = as_owner(command_settings())
    with open_registry(owner):
        if revision not in schema.known_revisions():
            raise CommandFailed([cli_text("cli-revision-unknown", revision=revision)], NOT_FOUND)
        schema.downgrade_schema(revision)
        print_message("cli-schema-downgraded", revision=revision)
