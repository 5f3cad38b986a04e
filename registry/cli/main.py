"""The command ``registry``: its group, and how a command ends."""

from __future__ import annotations

import io
import logging
import sys
from typing import Any

import click

from registry.cli.agencies import agencies
from registry.cli.audits import audits
from registry.cli.backup import backup, restore
from registry.cli.database import database
from registry.cli.demo import demo
from registry.cli.endings import UsageWrong, ending_of
from registry.cli.explain import explain
from registry.cli.inventory import inventory
from registry.cli.journal import journal
from registry.cli.notices import notices
from registry.cli.projects import projects
from registry.cli.serve import scheduler, serve
from registry.cli.speech import words
from registry.cli.tokens import tokens
from registry.cli.users import users


class Registry(click.Group):
    """A group that ends in a sentence and an exit code, whatever happened inside."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse what is no text, before a database or a terminal gets it."""
        for argument in args:
            if "\0" in argument or any("\ud800" <= letter <= "\udfff" for letter in argument):
                raise UsageWrong(words("cli-argument-not-text"))
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it raises becomes a message on stderr and the exit code of ``endings``."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:
            raise ending_of(error) from error


@click.group(cls=Registry, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="qaztech-registry", prog_name="registry")
def main() -> None:
    """Register of state digital projects, and the nightly audit of the QazTech moratorium.

    Data goes to standard output, messages to standard error. Exit codes: 0 done, 1 failed, 2 usage or settings,
    3 not found, 4 conflict, 5 invalid data, 6 flags found (with --fail-on-flags). The language of messages is that of
    the locale: kk, ru or en. Settings are the environment variables REGISTRY_*; see README.md.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a letter shows its number rather than an error.
            stream.reconfigure(errors="backslashreplace")
    # What is not expected goes to a file, once the data folder is known, and never to the terminal.
    logging.lastResort = None


for command in (
    serve,
    scheduler,
    database,
    audits,
    explain,
    projects,
    agencies,
    inventory,
    tokens,
    users,
    journal,
    notices,
    backup,
    restore,
    demo,
):
    main.add_command(command)
