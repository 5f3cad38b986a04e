"""``registry setup``: the setup checklist."""

import click

from registry.accounts.roles import Role, local_actor
from registry.cli.app_context import RegistryCommand
from registry.cli.output import as_json_option, print_json, print_pairs
from registry.help.setup import setup_facts


@click.command(cls=RegistryCommand)
@as_json_option
def setup(as_json: bool) -> None:
    """List what a new registry needs before its first working day, and what of it is done, as the page Work does."""
    facts = setup_facts(local_actor(Role.ADMINISTRATOR))
    if as_json:
        print_json({"is_complete": facts.is_complete, "tasks": facts.tasks})
    else:
        print_pairs(facts.tasks)
