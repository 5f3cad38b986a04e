"""What webhooks have still to deliver, and since when: for monitoring."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import func, or_, select

from registry.core.clock import now
from registry.core.database import db
from registry.webhooks.models import Webhook, WebhookDelivery
from registry.webhooks.queue import IS_OPEN, IS_WAITING

FAILING: Final = timedelta(hours=1)


class Backlog(NamedTuple):
    """``pending``: messages of enabled webhooks that are not delivered yet, those that are tried again later too.

    ``due_since``: since when the oldest could be sent and no worker has it; None when all that is due is being sent.
    ``failing``: enabled webhooks of which every attempt of the last hour failed.
    """

    pending: int
    due_since: datetime | None
    failing: int


def webhook_backlog() -> Backlog:
    """The backlog of all enabled webhooks."""
    at, enabled = now(), Webhook.disabled_at.is_(None)
    of_enabled = WebhookDelivery.webhook_id.in_(select(Webhook.id).where(enabled))
    pending = select(func.count()).select_from(WebhookDelivery).where(of_enabled, IS_OPEN)
    is_free = (enabled, Webhook.next_batch_at <= at, or_(Webhook.lease_until.is_(None), Webhook.lease_until <= at))
    due = (
        select(func.min(WebhookDelivery.next_try_at))
        .where(WebhookDelivery.webhook_id == Webhook.id, IS_WAITING, WebhookDelivery.next_try_at <= at)
        .correlate(Webhook)
        .scalar_subquery()
    )
    # A receiver that was left alone until just now is not late: what counts is when its next batch was possible.
    rows = db.session.execute(select(due, Webhook.next_batch_at).where(*is_free))
    possible = [max(first, batch) for first, batch in rows if first is not None]
    failing = select(func.count()).select_from(Webhook).where(enabled, Webhook.failing_since <= at - FAILING)
    return Backlog(db.session.scalar(pending) or 0, min(possible, default=None), db.session.scalar(failing) or 0)
