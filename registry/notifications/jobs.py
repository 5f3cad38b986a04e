"""Notification jobs for the scheduler and ``registry notices send``: the due digest and the delivery of e-mails."""

from __future__ import annotations

from dataclasses import dataclass

from registry.notifications.delivery import MAX_PER_RUN, DeliveryResult, send_due_emails
from registry.notifications.digest import write_due_digest
from registry.notifications.immediate import process_outbox
from registry.notifications.weekly_overview import write_due_weekly_overview
from registry.settings import Settings


@dataclass(frozen=True, slots=True)
class DeliveryRun:
    """Result of one delivery run: the number of outbox messages processed, and the e-mails."""

    handed_on: int
    emails: DeliveryResult


def digest_when_due(settings: Settings) -> int | None:
    """Queue today's digest if it is due. Return the number of e-mails; None when it is not due or e-mail is off."""
    return None if settings.mail is None else write_due_digest(settings.digest_at)


def weekly_overview_when_due(settings: Settings) -> int | None:
    """Queue the overview of the week if it is due. Return how many e-mails; None when not due or without e-mail."""
    return None if settings.mail is None else write_due_weekly_overview()


def deliver_notifications(settings: Settings, most: int = MAX_PER_RUN) -> DeliveryRun:
    """Process the outbox and send due e-mails, at most ``most``. Without a mail server, notifications are discarded."""
    handed_on = process_outbox(with_mail=settings.mail is not None)
    return DeliveryRun(handed_on, DeliveryResult() if settings.mail is None else send_due_emails(settings.mail, most))
