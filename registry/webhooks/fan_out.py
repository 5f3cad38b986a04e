"""Fan-out: the changes of the feed become deliveries of each webhook that wants them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from registry.accounts.actors import SCHEDULE
from registry.changes.queries import ChangesExpired, ChangesNotReached, deleted_up_to, read_changes
from registry.core.clock import now
from registry.core.database import db
from registry.core.outbox import enqueue
from registry.core.transactions import transaction
from registry.journal import service as journal
from registry.webhooks.events import agency_numbers, is_wanted, last_seq
from registry.webhooks.models import Webhook
from registry.webhooks.owners import owner_of
from registry.webhooks.queue import enqueue_changes
from registry.webhooks.vocabulary import DisabledReason

AT_A_TIME: Final = 500
DISABLED_TOPIC: Final = "webhook.disabled"


def fan_out() -> bool:
    """Queue the next changes for each enabled webhook. Returns whether a webhook has looked at any.

    A webhook remembers the last change that it has looked at, in the transaction that queues the deliveries: each
    change is queued once, whenever the process is killed.
    """
    db.session.rollback()
    newest = last_seq()
    behind = select(Webhook.id).where(Webhook.disabled_at.is_(None), Webhook.seq != newest).order_by(Webhook.id)
    moved_on = [_fan_out(webhook_id) for webhook_id in list(db.session.scalars(behind))]
    return any(moved_on)


def disable(webhook: Webhook, reason: DisabledReason) -> None:
    """Disable a locked webhook in the open transaction, and notify its owner."""
    webhook.disabled_at, webhook.disabled_reason = now(), reason.value
    enqueue(DISABLED_TOPIC, {"webhook": webhook.id})
    journal.record(SCHEDULE, "webhook.disabled", f"webhook:{webhook.id}", {"reason": reason.value})


def _fan_out(webhook_id: int) -> bool:
    with transaction() as session:
        # Another process that is at it goes on with it.
        statement = select(Webhook).where(Webhook.id == webhook_id, Webhook.disabled_at.is_(None))
        webhook = session.scalar(statement.with_for_update(skip_locked=True).execution_options(populate_existing=True))
        if webhook is None:
            return False
        owner = owner_of(webhook)
        if owner is None:
            disable(webhook, DisabledReason.RIGHTS)
            return False
        try:
            read = read_changes(owner, webhook.seq, AT_A_TIME)
        except ChangesNotReached:
            # The feed was restored by hand, from a time before.
            webhook.seq = last_seq()
            return True
        except ChangesExpired:
            # The webhook was disabled for longer than the feed is kept.
            read = read_changes(owner, deleted_up_to(), AT_A_TIME)
        numbers = agency_numbers(webhook)
        matching = [change for change in read.changes if is_wanted(webhook, change, numbers)]
        if matching:
            enqueue_changes(webhook.id, matching)
        webhook.seq = read.read_up_to
    return True
