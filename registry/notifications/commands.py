"""``registry notices``: delivers notifications and lists e-mails and Aitu messages."""

import sys
from dataclasses import asdict

import click

from registry.cli.app_context import RegistryCommands, shown
from registry.cli.output import FAILED, as_json_option, print_json, print_message, print_pairs, print_table
from registry.core.lists import MAX_LIMIT
from registry.notifications import jobs
from registry.notifications.delivery import make_retries_due
from registry.notifications.digest import write_due_digest
from registry.notifications.service import STATES, latest_emails, waiting_emails
from registry.notifications.weekly_overview import write_due_weekly_overview
from registry.settings import read_settings

SHOWN = (
    "id",
    "state",
    "channel",
    "is_digest",
    "tries",
    "created_at",
    "next_try_at",
    "ended_at",
    "person_id",
    "agency_id",
    "error",
)
IN_A_LIST = ("id", "state", "channel", "is_digest", "tries", "created_at", "ended_at", "error")


@click.group(cls=RegistryCommands)
def notices() -> None:
    """Notifications by e-mail and through Aitu."""


@notices.command()
@click.option("--retry", is_flag=True, help="Also those that failed and wait for their next try, up to an hour.")
@as_json_option
def send(retry: bool, as_json: bool) -> None:
    """Queue the digest and the overview of the week if they are due, and send the e-mails that are due.

    `registry serve` and `registry scheduler` do the same each minute; this command is for cron, and with --retry for
    the time after a failure of the mail server. Exits with 1 when the mail server or the API of the Aitu bot could not
    be used; the next run tries again.
    """
    settings = read_settings()
    if retry:
        make_retries_due()
    channels = jobs.usable_channels(settings)
    digest = write_due_digest(settings.digest_at, channels)
    write_due_weekly_overview(channels)
    done = jobs.deliver_notifications(settings, most=sys.maxsize)
    jobs.read_aitu_updates(settings.aitu)
    result = {
        "handed_on": done.handed_on,
        "digest": digest,
        **asdict(done.emails),
        "waiting": waiting_emails().waiting,
        **({} if settings.aitu is None else {f"aitu_{name}": value for name, value in asdict(done.aitu).items()}),
    }
    print_json(result) if as_json else print_pairs(result)
    if settings.mail is None and settings.aitu is None:
        print_message("cli-no-mail")
    if done.emails.unusable is not None:
        print_message("cli-mail-server-unusable", reason=done.emails.unusable)
    if done.aitu.unusable is not None:
        print_message("cli-aitu-unusable", reason=done.aitu.unusable)
    if done.emails.unusable is not None or done.aitu.unusable is not None:
        raise click.exceptions.Exit(FAILED)


@notices.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only notices in this state.")
@click.option("--limit", type=click.IntRange(1, MAX_LIMIT), default=20, show_default=True, help="Maximum number.")
@as_json_option
def list_(state: str | None, limit: int, as_json: bool) -> None:
    """List the latest e-mails and Aitu messages, newest first. They are kept for 30 days."""
    emails = latest_emails(state, limit)
    if as_json:
        print_json({"items": [shown(SHOWN, email) | {"events": email.events} for email in emails]})
    else:
        print_table(IN_A_LIST, [shown(IN_A_LIST, email) for email in emails])
