"""The queue of deliveries: of each webhook and subject the first waits, those behind it are queued.

All functions need the row of the webhook locked in the open transaction: two that decide at once which delivery of a
subject is the first would both be right, and leave none waiting.
"""

import json
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, exists, func, select, text, true, update

from registry.accounts.agency_tree import subtree
from registry.accounts.models import Account, AccountStatus, account_actor, public_url
from registry.accounts.roles import SCHEDULE, Actor, Role, is_within
from registry.agencies.models import Agency
from registry.changes.models import ChangeKind, RecordedChange
from registry.changes.service import deleted_up_to, newest_seq
from registry.core.clock import now, rfc3339
from registry.core.database import db, require_transaction, transaction
from registry.core.dialects import insert_rows
from registry.core.installation import decrypt
from registry.core.queues import IN_SQL, Backlog, Lease, LeaseLost, Queue
from registry.core.trace_context import outgoing_headers
from registry.feed.queries import Change, ChangesExpired, ChangesNotReached, changes_at, read_changes, record_reads
from registry.feed.schemas import CHANGE
from registry.journal import service as journal
from registry.webhooks import sender
from registry.webhooks.models import TEST_EVENT, DeliveryError, DeliveryState, DisabledReason, Webhook, WebhookDelivery
from registry.webhooks.sender import AllowedTargets, Attempt, allowed_targets

# As texts, so that SQLite uses the partial indexes.
IS_OPEN: Final = text("webhook_deliveries.state IN ('waiting', 'queued')")
IS_WAITING: Final = text("webhook_deliveries.state = 'waiting'")


# When deliveries are tried again, and when a webhook is disabled. Pure functions of counts and times.

# After the first attempt, the second …: twelve attempts in about three days.
WAITS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=12),
    timedelta(hours=20),
    timedelta(hours=24),
)
# A receiver that rejects one message only keeps later ones waiting no longer than that.
MAX_PAUSE: Final = timedelta(minutes=5)
# Of what a receiver asks for by Retry-After: its other messages wait no longer than that.
MAX_ASKED_PAUSE: Final = timedelta(hours=1)
DISABLED_AFTER: Final = timedelta(days=7)


def pause_after(failures: int, asked: timedelta = sender.NOT_ASKED) -> timedelta:
    """How long a receiver is left alone after a number of batches that failed as a whole; at most five minutes.

    Longer when it asked for it, at most an hour. After 0 failures only when it asked.
    """
    usual = min(WAITS[min(failures, len(WAITS)) - 1], MAX_PAUSE) if failures else sender.NOT_ASKED
    return max(usual, min(asked, MAX_ASKED_PAUSE))


# The queue.


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


def due_batch(webhook_id: int, most: int) -> list[WebhookDelivery]:
    """Return the deliveries that are due: tests, which people wait for, then those that wait longest."""
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


# Whose eyes a webhook reads with: its account as it is at that moment, with the role that saved the webhook.

WEBHOOK_PREFIX: Final = "webhook:"


def owner_of(webhook: Webhook) -> Actor | None:
    """Return the actor that reads for a webhook; None when the account is not active or no longer has the role."""
    account = db.session.get(Account, webhook.account_id, populate_existing=True)
    if account is None or account.status != AccountStatus.ACTIVE:
        return None
    role, account_role = Role(webhook.role), Role(account.role)
    if not is_within(role, account.agency_id, account_role, account.agency_id):
        return None
    reader = account_actor(account, f"{WEBHOOK_PREFIX}{webhook.id}", "webhook")
    return replace(reader, role=role, account_role=None if role is account_role else account_role)


def people_of(webhook_id: int) -> list[int]:
    """Return the account of the person whose webhook it is, or who answers for the service account that has it."""
    statement = select(Account).join(Webhook, Webhook.account_id == Account.id).where(Webhook.id == webhook_id)
    account = db.session.scalar(statement.execution_options(populate_existing=True))
    person = None if account is None else account.id if account.is_person else account.owner_account_id
    return [] if person is None else [person]


def pass_on_webhooks(former_id: int, successor_id: int) -> None:
    """Let webhooks of an agency be of its successor, in the open transaction."""
    of_former = update(Webhook).where(Webhook.agency_id == former_id).values(agency_id=successor_id)
    require_transaction().execute(of_former, execution_options={"synchronize_session": False})


def is_wanted(webhook: Webhook, change: Change, numbers: Collection[str] | None) -> bool:
    """Return True when the webhook gets the change.

    ``numbers``: BINs of its agency and those below it, None without an agency. That a project came into view or left
    it does not depend on the agency: who follows the projects of one has to know that one was passed on.
    """
    if webhook.events and change.type.value not in webhook.events:
        return False
    if numbers is not None and change.kind is not ChangeKind.VIEW and _agency(change) not in numbers:
        return False
    of_event = [each for each in webhook.conditions if each["event"] == change.type.value]
    return not of_event or any(_holds(each, change) for each in of_event)


def agency_numbers(webhook: Webhook) -> frozenset[str] | None:
    """Return the BINs of the agency of a webhook and of those below it; None for a webhook of all agencies."""
    if webhook.agency_id is None:
        return None
    below = select(Agency.bin).where(Agency.id.in_(select(subtree(webhook.agency_id).c.id)))
    return frozenset(db.session.scalars(below))


def message_body(change: Change) -> str:
    """Return the body of the message about a change; ``data`` is the item of ``GET /changes``."""
    return _encoded(change.type.value, change.at, CHANGE.dump(change))


def test_body(webhook_id: int, at: datetime) -> str:
    """Return the body of a test message."""
    return _encoded(TEST_EVENT, at, {"subject": f"webhook:{webhook_id}"})


def seq_before(since: datetime) -> int:
    """Return the number before that of the first change since an instant; that of the last change when there is
    none.
    """
    first = select(RecordedChange.seq).where(RecordedChange.at >= since).order_by(RecordedChange.seq).limit(1)
    seq = db.session.scalar(first)
    return newest_seq() if seq is None else seq - 1


def visible_seqs(actor: Actor, seqs: Sequence[int]) -> frozenset[int]:
    """Return those of the changes that the actor may see now."""
    return frozenset(change.seq for change in changes_at(actor, seqs))


def _agency(change: Change) -> Any:
    if change.kind is ChangeKind.AGENCY:
        return change.subject.partition(":")[2]
    return change.data.get("agency")


def _holds(condition: dict[str, list[str]], change: Change) -> bool:
    return all(
        not condition.get(name) or (change.data.get(name) or {}).get("status") in condition[name]
        for name in ("before", "after")
    )


def _encoded(event: str, at: datetime, data: dict[str, Any]) -> str:
    message = {"type": event, "timestamp": rfc3339(at), "source": public_url(), "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"), default=str)


# Fan-out: the changes of the feed become deliveries of each webhook that wants them.

AT_A_TIME: Final = 500


def fan_out() -> bool:
    """Queue the next changes for each enabled webhook. Returns whether a webhook has looked at any.

    A webhook remembers the last change that it has looked at, in the transaction that queues the deliveries: each
    change is queued once, whenever the process is killed.
    """
    db.session.rollback()
    newest = newest_seq()
    behind = select(Webhook.id).where(Webhook.disabled_at.is_(None), Webhook.seq != newest).order_by(Webhook.id)
    moved_on = [_fan_out(webhook_id) for webhook_id in list(db.session.scalars(behind))]
    return any(moved_on)


def disable(webhook: Webhook, reason: DisabledReason) -> None:
    """Disable a locked webhook in the open transaction, and notify its owner."""
    webhook.disabled_at, webhook.disabled_reason = now(), reason.value
    journal.record(SCHEDULE, "webhook.disabled", f"webhook:{webhook.id}", {"reason": reason.value})


def disable_of_admitted(account_id: int) -> None:
    """Disable the webhooks of an account that is admitted to restricted projects now, until their owner enables them.

    Whoever held the account until then may have pointed one at an address of their own; a new password and the end of
    tokens leave webhooks as they are.
    """
    enabled = select(Webhook).where(Webhook.account_id == account_id, Webhook.disabled_at.is_(None))
    locked = enabled.order_by(Webhook.id).with_for_update().execution_options(populate_existing=True)
    for webhook in require_transaction().scalars(locked).all():
        disable(webhook, DisabledReason.RIGHTS)


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
            webhook.seq = newest_seq()
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


# Batches: the due deliveries of one webhook, leased by one worker, sent at the same time, recorded together.
#
# A lease lasts longer than a batch can take. When its worker is killed, the batch is sent again after the lease,
# with the same message ids. A worker that has lost its lease records nothing.

RECEIVERS: Final = Queue(Webhook, Webhook.lease_until, timedelta(minutes=1), true())
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

    lease: Lease
    url: str
    messages: Sequence[Message]


def due_webhooks(most: int) -> list[int]:
    """Return the ids of webhooks with due deliveries that no worker is sending, those that wait longest first."""
    db.session.rollback()
    at = now()
    has_due = exists().where(WebhookDelivery.webhook_id == Webhook.id, IS_WAITING, WebhookDelivery.next_try_at <= at)
    statement = (
        select(Webhook.id)
        .where(RECEIVERS.is_due, *_may_be_asked(at), has_due)
        .order_by(Webhook.next_batch_at, Webhook.id)
    )
    return list(db.session.scalars(statement.limit(most)))


def lease_batch(webhook_id: int) -> Batch | None:
    """Lease the next batch of a webhook; None when there is nothing to send, or another worker has the lease.

    What the owner may not see any more is dropped, and bodies are made of what the owner may see now. A batch from
    which everything was dropped has no messages, and its lease has ended.
    """
    with transaction():
        at = now()
        webhook = RECEIVERS.next_due(Webhook.id == webhook_id, *_may_be_asked(at))
        if webhook is None:
            return None
        owner = owner_of(webhook)
        if owner is None:
            disable(webhook, DisabledReason.RIGHTS)
            return None
        # A receiver that did not answer gets one message to try.
        due = due_batch(webhook_id, 1 if webhook.failures else BATCH)
        bodies = _bodies(owner, due)
        _drop(webhook_id, [each for each in due if each.id not in bodies])
        left = [each for each in due if each.id in bodies]
        if not left:
            return Batch(Lease(webhook_id, at, timedelta(0)), webhook.url, ()) if due else None
        for each in left:
            each.tries += 1
        keys = _valid_secrets(webhook, at)
        messages = [
            Message(
                each.id,
                each.tries,
                sender.signed_headers(each.message_id, at, bodies[each.id], keys) if keys else None,
                bodies[each.id].encode(),
            )
            for each in left
        ]
        return Batch(RECEIVERS.lease(webhook), webhook.url, messages)


def record_batch(batch: Batch, attempts: Sequence[Attempt]) -> None:
    """Record the results of a batch, one for each message, and give the lease back."""
    with suppress(LeaseLost), RECEIVERS.leased(batch.lease) as webhook:
        session, at = require_transaction(), now()
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
        webhook.lease_until = None
        _record_receiver(webhook, attempts, at)


def _may_be_asked(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return Webhook.disabled_at.is_(None), Webhook.next_batch_at <= at


def _bodies(owner: Actor, due: Sequence[WebhookDelivery]) -> dict[int, str]:
    """Return the bodies of those that the owner may still see, by id. Reads of restricted projects are journalled."""
    visible = {change.seq: change for change in changes_at(owner, [each.seq for each in due if each.seq is not None])}
    record_reads(owner, list(visible.values()))
    bodies = {each.id: message_body(visible[each.seq]) for each in due if each.seq is not None and each.seq in visible}
    return bodies | {each.id: test_body(each.webhook_id, each.created_at) for each in due if each.seq is None}


def _drop(webhook_id: int, gone: Sequence[WebhookDelivery]) -> None:
    if not gone:
        return
    for each in gone:
        each.end(DeliveryState.DROPPED)
    require_transaction().flush()
    settle(webhook_id, {each.subject for each in gone})


def _valid_secrets(webhook: Webhook, at: datetime) -> list[str]:
    """Return the current secret and the former one while it is valid; none when the current one cannot be read."""
    encrypted = [webhook.encrypted_secret]
    if webhook.encrypted_previous_secret is not None and (webhook.previous_secret_until or at) > at:
        encrypted.append(webhook.encrypted_previous_secret)
    keys = [decrypt(sender.WEBHOOK_SECRETS, each) for each in encrypted]
    return [] if keys[0] is None else [key for key in keys if key is not None]


def _record(row: WebhookDelivery, attempt: Attempt, at: datetime) -> None:
    row.tried_at, row.status, row.duration_ms = at, attempt.status, attempt.duration_ms
    if attempt.error is None:
        row.error = None
        row.end(DeliveryState.DELIVERED)
    else:
        row.fail(attempt.error.value, WAITS, DeliveryState.GIVEN_UP, attempt.asked)


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
    elif at - failing_since >= DISABLED_AFTER:
        disable(webhook, DisabledReason.FAILURES)


UNSIGNED: Final = Attempt(DeliveryError.SECRET, None, 0)


RETENTION: Final = timedelta(days=30)


def delete_old_deliveries() -> None:
    """Delete deliveries that ended 30 days ago."""
    old = delete(WebhookDelivery).where(WebhookDelivery.ended_at < now() - RETENTION)
    with transaction() as session:
        session.execute(old, execution_options=IN_SQL)


# Deliveries that are not made yet, and those that nobody sends although they could be: for monitoring.

FAILING: Final = timedelta(hours=1)


def due_deliveries() -> Backlog:
    """Return how many deliveries are due, and since when the longest waits for a worker; None when none does.

    A receiver that is slow or fails makes deliveries wait, and is tried all the same: then they wait since it may be
    tried again.
    """
    at = now()
    due = (
        select(func.count(), func.min(WebhookDelivery.next_try_at), Webhook.next_batch_at)
        .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
        .where(IS_WAITING, WebhookDelivery.next_try_at <= at, *_may_be_asked(at))
        .group_by(Webhook.id, Webhook.next_batch_at)
    )
    rows = db.session.execute(due).all()
    oldest = min((max(since, asked_at) for _, since, asked_at in rows), default=None)
    return Backlog(sum(count for count, *_ in rows), oldest)


def pending_deliveries() -> int:
    """Return how many messages of enabled webhooks are not delivered yet, those that are tried again later too."""
    enabled = select(Webhook.id).where(Webhook.disabled_at.is_(None))
    pending = select(func.count()).select_from(WebhookDelivery)
    return db.session.scalar(pending.where(WebhookDelivery.webhook_id.in_(enabled), IS_OPEN)) or 0


def failing_webhooks() -> int:
    """Return how many receivers have accepted nothing for an hour."""
    failing = select(func.count()).where(Webhook.disabled_at.is_(None), Webhook.failing_since < now() - FAILING)
    return db.session.scalar(failing) or 0


# The worker: fans changes out, and sends due deliveries to many receivers at the same time.
#
# The database is used by the calling thread only; the other threads wait for receivers. A receiver that does not
# answer keeps one of them for ten seconds at most, and then is left alone for a while: it does not delay the others.

THREADS: Final = 60
# After that nothing new is sent: a process that has to stop does not wait for a long queue first.
RUN: Final = timedelta(seconds=10)
FAN_OUT_EACH_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class WebhookRun:
    """The result of a run: the numbers of successful and of failed attempts."""

    delivered: int = 0
    failed: int = 0


@dataclass(slots=True)
class _Sending:
    """A batch whose messages are on their way."""

    batch: Batch
    attempts: list[Future[Attempt]] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        return all(each.done() for each in self.attempts)


def deliver(allowed: AllowedTargets | None = None) -> WebhookRun:
    """Fan out and send what is due, until nothing is or the time is over; then wait for what is on its way.

    ``allowed``: the targets, by default those of this service.
    """
    allowed = allowed_targets() if allowed is None else allowed
    counts: Counter[bool] = Counter()
    ends = time.monotonic() + RUN.total_seconds()
    next_fan_out = time.monotonic()
    sending: list[_Sending] = []
    # Something new can be due: after a batch, and each second. Not after each message: it is of a leased batch.
    look = True
    with ThreadPoolExecutor(THREADS, "webhook") as threads:
        while True:
            begun = False
            if time.monotonic() < ends:
                if time.monotonic() >= next_fan_out:
                    begun = fan_out()
                    next_fan_out = time.monotonic() + (0 if begun else FAN_OUT_EACH_S)
                    look = True
                if look:
                    begun = _send_due(threads, sending, allowed) or begun
            look = begun
            if not sending and not begun:
                break
            futures = [each for one in sending for each in one.attempts if not each.done()]
            if futures:
                wait(futures, FAN_OUT_EACH_S, FIRST_COMPLETED)
            for one in [each for each in sending if each.is_done]:
                sending.remove(one)
                look = True
                attempts = [each.result() for each in one.attempts]
                record_batch(one.batch, attempts)
                counts.update(attempt.delivered for attempt in attempts)
    db.session.rollback()
    return WebhookRun(counts[True], counts[False])


def _send_due(threads: ThreadPoolExecutor, sending: list[_Sending], allowed: AllowedTargets) -> bool:
    """Send the next batches, as many as there are threads for. Returns whether there was one."""
    # The threads do not know the trace of the job.
    trace = outgoing_headers()
    free = THREADS - sum(not attempt.done() for one in sending for attempt in one.attempts)
    begun = False
    for webhook_id in due_webhooks(free // BATCH):
        batch = lease_batch(webhook_id)
        begun = begun or batch is not None
        if batch is not None and batch.messages:
            attempts = [threads.submit(_attempt, batch.url, each, trace, allowed) for each in batch.messages]
            sending.append(_Sending(batch, attempts))
    return begun


def _attempt(url: str, message: Message, trace: Mapping[str, str], allowed: AllowedTargets) -> Attempt:
    return (
        UNSIGNED if message.headers is None else sender.send(url, {**trace, **message.headers}, message.body, allowed)
    )
