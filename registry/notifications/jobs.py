"""Notification jobs for the scheduler and ``registry notices send``: the due digest, the delivery of e-mails and
Aitu messages, and the updates of the Aitu bot.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from registry.notifications.aitu_updates import read_updates, read_updates_when_codes_are_valid
from registry.notifications.delivery import (
    MAX_PER_RUN,
    AituTransport,
    DeliveryResult,
    drop_waiting,
    fall_back_to_email,
    has_unconfirmed_notices,
    send_due,
    send_due_emails,
)
from registry.notifications.digest import write_due_digest
from registry.notifications.immediate import process_outbox
from registry.notifications.models import Channel
from registry.notifications.settings import AituBot
from registry.notifications.weekly_overview import write_due_weekly_overview
from registry.settings import Settings

# A question to an agency has a deadline of working days: an Aitu that is down must not take one of them.
FALLS_BACK_AFTER: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class DeliveryRun:
    """Result of one delivery run: the number of outbox messages processed, the e-mails, and the Aitu messages."""

    handed_on: int
    emails: DeliveryResult
    aitu: DeliveryResult


def usable_channels(settings: Settings) -> frozenset[Channel]:
    """Return the channels that the service has."""
    servers = {Channel.EMAIL: settings.mail, Channel.AITU: settings.aitu}
    return frozenset(channel for channel, server in servers.items() if server is not None)


def digest_when_due(settings: Settings) -> int | None:
    """Queue today's digest if it is due. Return the number of readers; None when it is not due or has no channel."""
    channels = usable_channels(settings)
    return write_due_digest(settings.digest_at, channels) if channels else None


def weekly_overview_when_due(settings: Settings) -> int | None:
    """Queue the overview of the week if it is due. Return how many readers; None when not due or without a channel."""
    channels = usable_channels(settings)
    return write_due_weekly_overview(channels) if channels else None


def follow_acts(settings: Settings) -> int:
    """Write the entries of inboxes, and queue the notices, of what people and audits did since the last run."""
    return process_outbox(with_mail=settings.mail is not None, with_aitu=settings.aitu is not None)


def deliver_notifications(settings: Settings, most: int = MAX_PER_RUN) -> DeliveryRun:
    """Process the outbox and send due notices, at most ``most`` of a channel. Without one, they are discarded.

    An error of the outbox is raised after the delivery of what is queued.
    """
    try:
        handed_on = follow_acts(settings)
    finally:
        delivered = _deliver(settings, most)
    return DeliveryRun(handed_on, *delivered)


def _deliver(settings: Settings, most: int) -> tuple[DeliveryResult, DeliveryResult]:
    """Return the results of e-mails and of Aitu."""
    # First Aitu, so that what it rejects goes by e-mail in the same run.
    aitu = DeliveryResult() if settings.aitu is None else _deliver_to_aitu(settings, settings.aitu, most)
    if settings.mail is None:
        return DeliveryResult(), aitu
    fall_back_to_email(timedelta(0) if settings.aitu is None else FALLS_BACK_AFTER)
    if settings.aitu is None:
        drop_waiting(Channel.AITU)
    return send_due_emails(settings.mail, most), aitu


def read_aitu_updates(settings: Settings) -> int | None:
    """Read the updates of the bot while a code is valid. Return how many; None when none is, or without a bot."""
    return None if settings.aitu is None else read_updates_when_codes_are_valid(settings.aitu)


def _deliver_to_aitu(settings: Settings, bot: AituBot, most: int) -> DeliveryResult:
    if has_unconfirmed_notices(Channel.AITU):
        # After a kill or a lost answer: what Aitu already has is not sent again.
        read_updates(bot)
    result = send_due(AituTransport(bot), most, falls_back=settings.mail is not None)
    if result.sent:
        # The confirmations of what was sent; left there, they would pile up.
        read_updates(bot)
    return result
