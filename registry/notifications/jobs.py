"""What the scheduler does each minute and cron with ``registry notices send``: the digest when it is due, and mails."""

from __future__ import annotations

from dataclasses import dataclass

from registry.notifications.delivery import MOST_A_PASS, Sent, send_waiting
from registry.notifications.digest import write_due_digest
from registry.notifications.immediate import process_outbox
from registry.settings import Settings


@dataclass(frozen=True, slots=True)
class DeliveryRun:
    """What a pass did: how many messages of the outbox it handed on, and its mails."""

    handed_on: int
    mails: Sent


def digest_when_due(settings: Settings) -> int | None:
    """Write the digest's letters when one is due; how many, None when none is or no mail is sent at all."""
    return None if settings.mail is None else write_due_digest(settings.digest_at)


def deliver_notifications(settings: Settings, most: int = MOST_A_PASS) -> DeliveryRun:
    """Hand the outbox on and send what is due, at most so many letters. Without mail the outbox is emptied only."""
    handed_on = process_outbox(with_mail=settings.mail is not None)
    return DeliveryRun(handed_on, Sent() if settings.mail is None else send_waiting(settings.mail, most))
