"""``registry requests``: carry out confirmed requests whose day has come, where no scheduler runs."""

import click

from registry.cli.app_context import RegistryCommands
from registry.cli.output import FAILED, CommandFailed, as_json_option, cli_text, print_json, print_message
from registry.requests.queries import due_requests
from registry.requests.service import carry_out_due_requests


@click.group(cls=RegistryCommands)
def requests() -> None:
    """Carry out what was asked and confirmed."""


@requests.command("carry-out")
@as_json_option
def carry_out(as_json: bool) -> None:
    """Carry out every confirmed request whose day has come. The scheduler does it each minute."""
    carried_out, failed = carry_out_due_requests(), due_requests()
    if as_json:
        print_json({"carried_out": carried_out, "failed": failed})
    else:
        print_message("cli-requests-carried-out", requests=len(carried_out))
    if failed:
        listed = ", ".join(str(request_id) for request_id in failed)
        raise CommandFailed([cli_text("cli-requests-failed", requests=listed)], FAILED)
