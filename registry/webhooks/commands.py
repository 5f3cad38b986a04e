"""``registry webhooks``: delivers what is due, for cron."""

from collections import Counter
from dataclasses import asdict

import click

from registry.cli.app_context import RegistryCommands
from registry.cli.output import as_json_option, print_json, print_pairs
from registry.webhooks import queue


@click.group(cls=RegistryCommands)
def webhooks() -> None:
    """Messages about changes to other systems."""


@webhooks.command()
@as_json_option
def deliver(as_json: bool) -> None:
    """Send messages until none is due. Messages that fail are tried again by the next run after their delay.

    `registry serve` and `registry scheduler` do the same each second; this command is for cron.
    """
    total: Counter[str] = Counter()
    while (run := queue.deliver()) != queue.WebhookRun():
        total.update(asdict(run))
    result = {name: total[name] for name in asdict(run)}
    print_json(result) if as_json else print_pairs(result)
