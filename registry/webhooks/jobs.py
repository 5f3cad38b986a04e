"""Jobs of webhooks for the scheduler: deliveries, and deleting old ones from the log."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import delete

from registry.core.clock import now
from registry.core.database import transaction
from registry.webhooks.models import WebhookDelivery
from registry.webhooks.queue import WebhookRun, deliver
from registry.webhooks.sender import allowed_targets

RETENTION: Final = timedelta(days=30)


def deliver_webhooks() -> WebhookRun:
    """Send what is due."""
    return deliver(allowed_targets())


def delete_old_deliveries() -> None:
    """Delete deliveries that ended 30 days ago."""
    old = delete(WebhookDelivery).where(WebhookDelivery.ended_at < now() - RETENTION)
    with transaction() as session:
        session.execute(old, execution_options={"synchronize_session": False})
