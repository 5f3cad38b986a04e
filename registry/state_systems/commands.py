"""``registry external-confirmations``: import signed confirmations of other state systems."""

from pathlib import Path

import click

from registry.accounts.roles import Role, local_actor
from registry.cli.app_context import RegistryCommands
from registry.cli.output import FILE, as_json_option, print_json, print_message, print_pairs
from registry.state_systems.service import import_confirmations


@click.group("external-confirmations", cls=RegistryCommands)
def external_confirmations() -> None:
    """Import what other state systems confirm."""


@external_confirmations.command("import")
@click.argument("file", type=FILE)
@as_json_option
def import_(file: Path, as_json: bool) -> None:
    """Import the confirmations in FILE, a JWS that a state system of REGISTRY_STATE_SYSTEMS_FILE signed.

    All or nothing: with a wrong signature or an invalid confirmation nothing is written, and the command exits with 5.
    """
    counts = import_confirmations(local_actor(Role.OPERATOR), file.name, file.read_bytes())
    if as_json:
        print_json(counts)
        return
    print_pairs(counts)
    print_message("cli-external-confirmations-imported")
