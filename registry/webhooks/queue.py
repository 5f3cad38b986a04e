"""The queue of deliveries: of each webhook and subject the first waits, those behind it are queued.

All functions need the row of the webhook locked in the open transaction: two that decide at once which delivery of a
subject is the first would both be right, and leave none waiting.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import func, select, text, update

from registry.changes.queries import Change
from registry.core.bulk import insert_rows
from registry.core.clock import now
from registry.core.transactions import require_transaction
from registry.webhooks.models import WebhookDelivery
from registry.webhooks.vocabulary import DeliveryState

# As texts, so that SQLite uses the partial indexes.
IS_OPEN: Final = text("webhook_deliveries.state IN ('waiting', 'queued')")
IS_WAITING: Final = text("webhook_deliveries.state = 'waiting'")
IN_SQL: Final[dict[str, Any]] = {"synchronize_session": False}


def enqueue_changes(webhook_id: int, changes: Sequence[Change]) -> None:
    """Queue changes. Those that are in the log already, of a replay, are due again with their message ids."""
    session, at = require_transaction(), now()
    by_seq = {change.seq: change for change in changes}
    of_webhook = WebhookDelivery.webhook_id == webhook_id
    known = set(session.scalars(select(WebhookDelivery.seq).where(of_webhook, WebhookDelivery.seq.in_(sorted(by_seq)))))
    if known:
        again = {"state": DeliveryState.QUEUED.value, "tries": 0, "next_try_at": at, "ended_at": None, "error": None}
        rows = update(WebhookDelivery).where(of_webhook, WebhookDelivery.seq.in_(sorted(known)))
        session.execute(rows.values(**again), execution_options=IN_SQL)
    insert_rows(
        session,
        WebhookDelivery,
        [_row(webhook_id, change, at) for seq, change in sorted(by_seq.items()) if seq not in known],
    )
    settle(webhook_id, {change.subject for change in changes})


def settle(webhook_id: int, subjects: Collection[str]) -> None:
    """Let the first open delivery of each of these subjects wait, and queue those behind it."""
    session = require_transaction()
    of_subjects = (
        WebhookDelivery.webhook_id == webhook_id,
        WebhookDelivery.subject.in_(sorted(subjects)),
        WebhookDelivery.seq.is_not(None),
    )
    firsts = list(
        session.scalars(
            select(func.min(WebhookDelivery.seq)).where(*of_subjects, IS_OPEN).group_by(WebhookDelivery.subject)
        )
    )
    behind = update(WebhookDelivery).where(*of_subjects, IS_WAITING, WebhookDelivery.seq.not_in(firsts))
    session.execute(behind.values(state=DeliveryState.QUEUED.value), execution_options=IN_SQL)
    first = update(WebhookDelivery).where(
        WebhookDelivery.webhook_id == webhook_id,
        WebhookDelivery.seq.in_(firsts),
        WebhookDelivery.state == DeliveryState.QUEUED.value,
    )
    session.execute(first.values(state=DeliveryState.WAITING.value), execution_options=IN_SQL)


def due_deliveries(webhook_id: int, most: int) -> list[WebhookDelivery]:
    """The deliveries that are due: tests, which people wait for, then those that wait longest."""
    session = require_transaction()
    due = (
        select(WebhookDelivery)
        .where(WebhookDelivery.webhook_id == webhook_id, IS_WAITING, WebhookDelivery.next_try_at <= now())
        .order_by(WebhookDelivery.next_try_at, WebhookDelivery.id)
        .limit(most)
        .execution_options(populate_existing=True)
    )
    tests = list(session.scalars(due.where(WebhookDelivery.seq.is_(None))))
    return tests + list(session.scalars(due.where(WebhookDelivery.seq.is_not(None)).limit(most - len(tests))))


def _row(webhook_id: int, change: Change, at: Any) -> dict[str, Any]:
    return {
        "webhook_id": webhook_id,
        "seq": change.seq,
        # The same each time: a delivery that was deleted from the log and is replayed has the same id, too.
        "message_id": f"msg_{webhook_id}_{change.seq}",
        "type": change.type.value,
        "subject": change.subject,
        "state": DeliveryState.QUEUED.value,
        "tries": 0,
        "created_at": at,
        "next_try_at": at,
    }
