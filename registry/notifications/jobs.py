"""Notification jobs for the scheduler and ``registry notices send``: the delivery of e-mails and Aitu messages, and
the updates of the Aitu bot.
"""

import logging
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from registry.accounts.attempts import TooManyAttempts
from registry.core.errors import Conflict
from registry.core.translations import LANGUAGES, OFFICIAL_LANGUAGES, message
from registry.notifications import delivery
from registry.notifications.aitu import AituClient, has_valid_code, link_with_code
from registry.notifications.immediate import process_outbox
from registry.notifications.models import Channel, ChannelUnavailable, NoticeRejected
from registry.notifications.settings import AituBot
from registry.settings import Settings

log = logging.getLogger(__name__)
# A question to an agency has a deadline of working days: an Aitu that is down must not take one of them.
FALLS_BACK_AFTER: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class DeliveryRun:
    """Result of one delivery run: the number of outbox messages processed, the e-mails, and the Aitu messages."""

    handed_on: int
    emails: delivery.DeliveryResult
    aitu: delivery.DeliveryResult


def usable_channels(settings: Settings) -> frozenset[Channel]:
    """Return the channels that the service has."""
    servers = {Channel.EMAIL: settings.mail, Channel.AITU: settings.aitu}
    return frozenset(channel for channel, server in servers.items() if server is not None)


def follow_acts(settings: Settings) -> int:
    """Write the entries of inboxes, and queue the notices, of what people and audits did since the last run."""
    return process_outbox(with_mail=settings.mail is not None, with_aitu=settings.aitu is not None)


def deliver_notifications(settings: Settings, most: int = delivery.MAX_PER_RUN) -> DeliveryRun:
    """Process the outbox and send due notices, at most ``most`` of a channel. Without one, they are discarded.

    An error of the outbox is raised after the delivery of what is queued.
    """
    try:
        handed_on = follow_acts(settings)
    finally:
        delivered = _deliver(settings, most)
    return DeliveryRun(handed_on, *delivered)


def _deliver(settings: Settings, most: int) -> tuple[delivery.DeliveryResult, delivery.DeliveryResult]:
    """Return the results of e-mails and of Aitu."""
    # First Aitu, so that what it rejects goes by e-mail in the same run.
    aitu = delivery.DeliveryResult() if settings.aitu is None else _deliver_to_aitu(settings, settings.aitu, most)
    if settings.mail is None:
        return delivery.DeliveryResult(), aitu
    delivery.fall_back_to_email(timedelta(0) if settings.aitu is None else FALLS_BACK_AFTER)
    if settings.aitu is None:
        delivery.drop_waiting(Channel.AITU)
    return delivery.send_due(delivery.EmailTransport(settings.mail), most), aitu


def _deliver_to_aitu(settings: Settings, bot: AituBot, most: int) -> delivery.DeliveryResult:
    if delivery.has_unconfirmed_notices(Channel.AITU):
        # After a kill or a lost answer: what Aitu already has is not sent again.
        read_updates(bot)
    result = delivery.send_due(delivery.AituTransport(bot), most, falls_back=settings.mail is not None)
    if result.sent:
        # The confirmations of what was sent; left there, they would pile up.
        read_updates(bot)
    return result


# Updates of the bot: codes that people send, and confirmations of sent messages.
#
# The API gives each update once. A code that a killed service had read is lost: the person sends it again, and the link
# is not there until then.

UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def read_aitu_updates(bot: AituBot | None) -> int | None:
    """Read updates while a code is valid. Return how many; None when none is, or without a bot.

    At other times people's messages to the bot concern nobody, and are left unread.
    """
    return None if bot is None or not has_valid_code() else read_updates(bot)


def read_updates(bot: AituBot) -> int:
    """Read the waiting updates and act on them. Return how many; 0 when the API cannot be used."""
    client = AituClient(bot)
    try:
        updates = client.read_updates()
        for each in updates:
            _handle(client, each)
    except (ChannelUnavailable, NoticeRejected) as error:
        log.error("the updates of the Aitu bot cannot be read: %s", error)  # noqa: TRY400 - its reason says all
        return 0
    finally:
        client.close()
    return len(updates)


def _handle(client: AituClient, each: Mapping[str, Any]) -> None:
    match each:
        case {"type": "MessageIdAssigned", "localId": str(key)}:
            delivery.confirm_sent(Channel.AITU, key)
        case {
            "type": "Message",
            "author": {"type": "USER", "id": str(user_id)},
            "dialog": {"type": "USER" | "BOT"},
            "content": str(content),
        } if UUID.fullmatch(user_id):
            _answer(client, user_id.lower(), content)
        case _:
            # Groups, channels, buttons: the bot has no use for them.
            pass


def _answer(client: AituClient, user_id: str, content: str) -> None:
    """Link the account whose code it is, and reply. Whoever sends too many wrong codes gets no reply any more."""
    try:
        language = link_with_code(user_id, content)
    except TooManyAttempts:
        return
    except Conflict as error:
        reply = "\n\n".join(message(error.code, each) for each in OFFICIAL_LANGUAGES)
    else:
        reply = message("aitu-linked", next(each for each in LANGUAGES if each == language))
    try:
        client.send_message(user_id, secrets.token_hex(16), reply)
    except (ChannelUnavailable, NoticeRejected) as error:
        log.warning("the Aitu bot could not reply: %s", error)
