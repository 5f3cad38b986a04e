"""Deliveries that are not made yet, and those that nobody sends although they could be: for monitoring."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select

from registry.core.clock import now
from registry.core.database import db
from registry.webhooks.models import Webhook, WebhookDelivery
from registry.webhooks.queue import IS_OPEN, IS_WAITING

# A worker tries a webhook with due deliveries each second, one that fails at least every five minutes.
IDLE: Final = timedelta(minutes=1)
FAILING: Final = timedelta(hours=1)


def due_deliveries() -> tuple[int, datetime | None]:
    """How many deliveries are due, and since when the longest waits for a worker; None when none does.

    A receiver that is slow or fails makes deliveries wait, and is tried all the same: then they wait since its last
    attempt.
    """
    at = now()
    due = (
        select(WebhookDelivery.webhook_id, func.count(), func.min(WebhookDelivery.next_try_at))
        .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
        .where(IS_WAITING, WebhookDelivery.next_try_at <= at)
        .where(Webhook.disabled_at.is_(None), Webhook.next_batch_at <= at)
        .group_by(WebhookDelivery.webhook_id)
    )
    number, oldest = 0, None
    for webhook_id, count, since in db.session.execute(due).all():
        begun = max(since, _last_try(webhook_id) or since) if at - since > IDLE else since
        number, oldest = number + count, begun if oldest is None else min(oldest, begun)
    return number, oldest


def pending_deliveries() -> int:
    """How many messages of enabled webhooks are not delivered yet, those that are tried again later too."""
    enabled = select(Webhook.id).where(Webhook.disabled_at.is_(None))
    pending = select(func.count()).select_from(WebhookDelivery)
    return db.session.scalar(pending.where(WebhookDelivery.webhook_id.in_(enabled), IS_OPEN)) or 0


def failing_webhooks() -> int:
    """How many receivers have accepted nothing for an hour."""
    failing = select(func.count()).where(Webhook.disabled_at.is_(None), Webhook.failing_since < now() - FAILING)
    return db.session.scalar(failing) or 0


def _last_try(webhook_id: int) -> datetime | None:
    last: datetime | None = db.session.scalar(
        select(func.max(WebhookDelivery.tried_at)).where(WebhookDelivery.webhook_id == webhook_id)
    )
    return last
