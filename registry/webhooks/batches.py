"""Batches: the due deliveries of one webhook, leased by one worker, sent at the same time, recorded together.

A lease lasts longer than a batch can take. When its worker is killed, the batch is sent again after the lease, with the
same message ids. A worker that has lost its lease records nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, exists, or_, select

from registry.accounts.actors import Actor
from registry.changes.queries import changes_at, record_reads
from registry.core.clock import now
from registry.core.database import db
from registry.core.transactions import require_transaction, transaction
from registry.webhooks.events import message_body, test_body
from registry.webhooks.fan_out import disable
from registry.webhooks.models import Webhook, WebhookDelivery
from registry.webhooks.owners import owner_of
from registry.webhooks.queue import IS_WAITING, due_deliveries, settle
from registry.webhooks.retries import is_to_disable, pause_after, wait_after
from registry.webhooks.sender import Attempt
from registry.webhooks.signatures import SecretUnreadable, decrypt_secret, signed_headers
from registry.webhooks.vocabulary import DeliveryError, DeliveryState, DisabledReason

LEASE: Final = timedelta(minutes=1)
# Deliveries of different subjects that are sent to one receiver at the same time.
BATCH: Final = 10
GONE: Final = 410


@dataclass(frozen=True, slots=True)
class Message:
    """A signed message. ``tries`` distinguishes this attempt from later ones. No headers: it cannot be signed."""

    delivery_id: int
    tries: int
    headers: Mapping[str, str] | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """The messages to one receiver that this worker sends now."""

    webhook_id: int
    lease: str
    url: str
    messages: Sequence[Message]


def due_webhooks(most: int) -> list[int]:
    """The ids of webhooks with due deliveries that no worker is sending, those that wait longest first."""
    db.session.rollback()
    at = now()
    has_due = exists().where(WebhookDelivery.webhook_id == Webhook.id, IS_WAITING, WebhookDelivery.next_try_at <= at)
    statement = select(Webhook.id).where(*_is_free(at), has_due).order_by(Webhook.next_batch_at, Webhook.id)
    return list(db.session.scalars(statement.limit(most)))


def lease_batch(webhook_id: int) -> Batch | None:
    """Lease the next batch of a webhook; None when there is nothing to send, or another worker has the lease.

    What the owner may not see any more is dropped, and bodies are made of what the owner may see now. A batch from
    which everything was dropped has no messages and no lease.
    """
    with transaction() as session:
        at = now()
        statement = select(Webhook).where(Webhook.id == webhook_id, *_is_free(at)).with_for_update(skip_locked=True)
        webhook = session.scalar(statement.execution_options(populate_existing=True))
        if webhook is None:
            return None
        owner = owner_of(webhook)
        if owner is None:
            disable(webhook, DisabledReason.RIGHTS)
            return None
        # A receiver that did not answer gets one message to try.
        due = due_deliveries(webhook_id, 1 if webhook.failures else BATCH)
        bodies = _bodies(owner, due)
        _drop(webhook_id, [each for each in due if each.id not in bodies], at)
        left = [each for each in due if each.id in bodies]
        if not left:
            return Batch(webhook_id, "", webhook.url, ()) if due else None
        webhook.lease, webhook.lease_until = secrets.token_hex(16), at + LEASE
        for each in left:
            each.tries += 1
        keys = _valid_secrets(webhook, at)
        messages = [
            Message(
                each.id,
                each.tries,
                signed_headers(each.message_id, at, bodies[each.id], keys) if keys else None,
                bodies[each.id].encode(),
            )
            for each in left
        ]
        return Batch(webhook_id, webhook.lease, webhook.url, messages)


def record_batch(batch: Batch, attempts: Sequence[Attempt]) -> None:
    """Record the results of a batch, one for each message, and give the lease back."""
    with transaction() as session:
        statement = select(Webhook).where(Webhook.id == batch.webhook_id, Webhook.lease == batch.lease)
        webhook = session.scalar(statement.with_for_update().execution_options(populate_existing=True))
        if webhook is None:
            return
        at = now()
        ids = [message.delivery_id for message in batch.messages]
        rows = session.scalars(
            select(WebhookDelivery).where(WebhookDelivery.id.in_(ids)).execution_options(populate_existing=True)
        )
        by_id = {row.id: row for row in rows}
        ended = set()
        for message, attempt in zip(batch.messages, attempts, strict=True):
            row = by_id.get(message.delivery_id)
            # A replay meanwhile has queued it again, and an edit of the address counts from the next attempt on.
            if row is None or row.tries != message.tries or row.state != DeliveryState.WAITING:
                continue
            _record(row, attempt, at)
            if row.ended_at is not None:
                ended.add(row.subject)
        if ended:
            session.flush()
            settle(webhook.id, ended)
        webhook.lease = webhook.lease_until = None
        _record_receiver(webhook, attempts, at)


def _is_free(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Webhook.disabled_at.is_(None),
        Webhook.next_batch_at <= at,
        or_(Webhook.lease_until.is_(None), Webhook.lease_until <= at),
    )


def _bodies(owner: Actor, due: Sequence[WebhookDelivery]) -> dict[int, str]:
    """The bodies of those that the owner may still see, by id. Reads of restricted projects are journalled."""
    visible = {change.seq: change for change in changes_at(owner, [each.seq for each in due if each.seq is not None])}
    record_reads(owner, list(visible.values()))
    bodies = {each.id: message_body(visible[each.seq]) for each in due if each.seq is not None and each.seq in visible}
    return bodies | {each.id: test_body(each.webhook_id, each.created_at) for each in due if each.seq is None}


def _drop(webhook_id: int, gone: Sequence[WebhookDelivery], at: datetime) -> None:
    if not gone:
        return
    for each in gone:
        each.state, each.ended_at = DeliveryState.DROPPED.value, at
    require_transaction().flush()
    settle(webhook_id, {each.subject for each in gone})


def _valid_secrets(webhook: Webhook, at: datetime) -> list[str]:
    """The current secret and the former one while it is valid; none when the current one cannot be read."""
    encrypted = [webhook.encrypted_secret]
    if webhook.encrypted_previous_secret is not None and (webhook.previous_secret_until or at) > at:
        encrypted.append(webhook.encrypted_previous_secret)
    keys = []
    for place, each in enumerate(encrypted):
        try:
            keys.append(decrypt_secret(each))
        except SecretUnreadable:
            if place == 0:
                return []
    return keys


def _record(row: WebhookDelivery, attempt: Attempt, at: datetime) -> None:
    row.tried_at, row.status, row.duration_ms = at, attempt.status, attempt.duration_ms
    row.error = None if attempt.error is None else attempt.error.value
    if attempt.delivered:
        row.state, row.ended_at = DeliveryState.DELIVERED.value, at
        return
    wait = wait_after(row.tries, attempt.asked)
    if wait is None:
        row.state, row.ended_at = DeliveryState.GIVEN_UP.value, at
    else:
        row.next_try_at = at + wait


def _record_receiver(webhook: Webhook, attempts: Sequence[Attempt], at: datetime) -> None:
    """Leave a receiver alone after a batch of failures or where it asks for it; disable it after a week of failures."""
    succeeded = any(attempt.delivered for attempt in attempts)
    webhook.failures = 0 if succeeded else webhook.failures + 1
    failing_since = webhook.failing_since or at
    webhook.failing_since = None if succeeded else failing_since
    # Also without a pause: due webhooks are sent in this order, so the next batch comes after those that wait longer.
    # Otherwise six receivers that take ten seconds for each message would keep every thread for themselves.
    webhook.next_batch_at = at + pause_after(webhook.failures, max(attempt.asked for attempt in attempts))
    if succeeded:
        return
    if webhook.disabled_at is not None:
        return
    if any(attempt.status == GONE for attempt in attempts):
        disable(webhook, DisabledReason.GONE)
    elif is_to_disable(failing_since, at):
        disable(webhook, DisabledReason.FAILURES)


UNSIGNED: Final = Attempt(DeliveryError.SECRET, None, 0)
