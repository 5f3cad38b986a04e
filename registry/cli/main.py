"""The ``registry`` command group."""

import gc
import io
import logging
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import click

# In the order of the help. Only the requested command's module is imported, because importing all is slow; so is what
# maps errors, which knows the whole register.
COMMANDS: Final[Mapping[str, str]] = {
    "init": "registry.cli.init:init",
    "serve": "registry.cli.serve:serve",
    "scheduler": "registry.cli.serve:scheduler",
    "db": "registry.cli.database:database",
    "audits": "registry.audits.commands:audits",
    "policies": "registry.policies.commands:policies",
    "explain": "registry.audits.commands:explain",
    "projects": "registry.projects.commands:projects",
    "agencies": "registry.agencies.commands:agencies",
    "imports": "registry.imports.commands:imports",
    "inventory": "registry.platform.commands:inventory",
    "products": "registry.platform.commands:products",
    "contracts": "registry.procurement.commands:contracts",
    "external-confirmations": "registry.state_systems.commands:external_confirmations",
    "tokens": "registry.accounts.commands:tokens",
    "users": "registry.accounts.commands:users",
    "journal": "registry.journal.commands:journal",
    "requests": "registry.requests.commands:requests",
    "government-reports": "registry.government_reports.commands:government_reports",
    "notices": "registry.notifications.commands:notices",
    "webhooks": "registry.webhooks.commands:webhooks",
    "setup": "registry.help.commands:setup",
    "backup": "registry.cli.backup:backup",
    "restore": "registry.cli.backup:restore",
    "restore-drill": "registry.cli.backup:restore_drill",
    "doctor": "registry.cli.doctor:doctor",
    "demo": "registry.demo.commands:demo",
}


class Registry(click.Group):
    """A group that maps every exception to messages on stderr and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 # as click calls it
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 # likewise
        """Import and return the command of this name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        # As at the start of a web process: wsgi.py.
        gc.disable()
        command: click.Command = getattr(import_module(module), name)
        gc.enable()
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is asked for; of one that does not exist, say which names are like it."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            # Click looks among the commands that are imported: none.
            raise click.NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reject arguments that are not valid text."""
        for argument in args:
            if "\0" in argument or any("\ud800" <= character <= "\udfff" for character in argument):
                from registry.cli.output import UsageError, cli_text

                raise UsageError(cli_text("cli-argument-not-text"))
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; ``command_failure`` maps exceptions to messages and exit codes."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:
            from registry.cli.output import command_failure

            raise command_failure(error) from error


@click.group(cls=Registry, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="qaztech-registry", prog_name="registry")
def main() -> None:
    """Register of state digital projects, and the nightly audit of the QazTech moratorium.

    Data goes to standard output, messages to standard error. Exit codes: 0 done, 1 failed, 2 usage or settings,
    3 not found, 4 conflict, 5 invalid data, 6 flags found (with --fail-on-flags). The language of messages is that of
    the locale: kk, ru or en. Settings are the environment variables REGISTRY_*; see docs/reference/settings.md.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot encode a character gets its escape sequence instead of an error.
            stream.reconfigure(errors="backslashreplace")
    # Unexpected errors are logged to a file once the data folder is known, and never to the terminal.
    logging.lastResort = None
