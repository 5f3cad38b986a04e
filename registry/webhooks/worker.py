"""The worker: fans changes out, and sends due deliveries to many receivers at the same time.

The database is used by the calling thread only; the other threads wait for receivers. A receiver that does not answer
keeps one of them for ten seconds at most, and then is left alone for a while: it does not delay the others.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from registry.core.database import db
from registry.core.trace_context import outgoing_headers
from registry.webhooks.queue import BATCH, UNSIGNED, Batch, Message, due_webhooks, fan_out, lease_batch, record_batch
from registry.webhooks.sender import AllowedTargets, Attempt, send

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


def deliver(allowed: AllowedTargets, run: timedelta = RUN) -> WebhookRun:
    """Fan out and send what is due, until nothing is or the time is over; then wait for what is on its way."""
    counts: Counter[bool] = Counter()
    ends = time.monotonic() + run.total_seconds()
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
    return UNSIGNED if message.headers is None else send(url, {**trace, **message.headers}, message.body, allowed)
