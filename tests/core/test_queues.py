"""Queues: who has a row, until when, and when it is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.queues import LeaseLost, Queue, wait_after
from registry.notifications.models import OutboundEmail
from registry.notifications.recipients import Recipient
from registry.notifications.service import queue_email
from tests.factories import ADMINISTRATOR
from tests.present import Present

QUEUE = Queue(OutboundEmail, OutboundEmail.next_try_at, timedelta(minutes=15), OutboundEmail.state == "waiting")
WAITS = (timedelta(minutes=1), timedelta(hours=1))


def queue_emails(number: int = 1) -> list[int]:
    """Queue e-mails; returns their ids."""
    with transaction():
        for count in range(number):
            queue_email(Recipient(ADMINISTRATOR, "aigerim@example.kz", ("en",)), {"order": [count]}, now())
    return list(db.session.scalars(db.select(OutboundEmail.id).order_by(OutboundEmail.id)))


def test_row_is_due_again_when_its_lease_ends(app: Flask, present: Present) -> None:
    present.set(now())
    queue_emails()
    assert QUEUE.has(QUEUE.is_due)
    with transaction():
        row = QUEUE.next_due()
        assert row is not None
        lease = QUEUE.lease(row)
    assert lease.until == now() + timedelta(minutes=15)
    present.move(timedelta(minutes=15) - timedelta(seconds=1))
    with transaction():
        assert QUEUE.next_due() is None
    present.move(timedelta(seconds=1))
    with transaction():
        assert QUEUE.next_due() is not None


def test_first_row_in_order_that_meets_the_conditions_is_taken(app: Flask) -> None:
    first, second, third = queue_emails(3)
    with transaction():
        latest = QUEUE.next_due(OutboundEmail.id != third, order_by=[OutboundEmail.id.desc()])
        earliest = QUEUE.next_due(order_by=[OutboundEmail.id])
    assert (latest.id, earliest.id) == (second, first)


def test_worker_whose_lease_was_taken_over_writes_nothing(app: Flask, present: Present) -> None:
    present.set(now())
    queue_emails()
    leases = []
    for _ in range(2):
        with transaction():
            row = QUEUE.next_due()
            assert row is not None
            leases.append(QUEUE.lease(row))
        present.move(timedelta(minutes=15))
    with pytest.raises(LeaseLost), QUEUE.leased(leases[0]) as row:
        row.end("sent")
    # Its own lease has ended too, but nobody else took the row.
    with QUEUE.leased(leases[1]) as row:
        row.end("failed")
    assert db.session.scalars(db.select(OutboundEmail.state)).all() == ["failed"]


def test_row_that_waits_no_longer_is_neither_written_nor_changed_nor_taken(app: Flask) -> None:
    (email,) = queue_emails()
    with transaction():
        row = QUEUE.next_due()
        assert row is not None
        lease = QUEUE.lease(row, timedelta(0))
    assert QUEUE.change(OutboundEmail.id == email, state="sent") == 1
    assert QUEUE.change(OutboundEmail.id == email, state="dropped") == 0
    with pytest.raises(LeaseLost), QUEUE.leased(lease):
        pass
    with transaction():
        assert QUEUE.next_due() is None
    assert not QUEUE.has()
    assert db.session.scalar(db.select(OutboundEmail.state)) == "sent"


def test_row_is_tried_again_after_its_wait_and_given_up_after_the_last_try(app: Flask, present: Present) -> None:
    start = present.set(now())
    queue_emails()
    with transaction() as session:
        email = session.scalars(db.select(OutboundEmail)).one()
        states = []
        for email.tries in (1, 2, 3):
            email.fail("450 mailbox busy", WAITS, "failed")
            states.append((email.state, email.next_try_at - start, email.ended_at))
    assert states == [
        ("waiting", timedelta(minutes=1), None),
        ("waiting", timedelta(hours=1), None),
        ("failed", timedelta(hours=1), start),
    ]
    assert email.error == "450 mailbox busy"


def test_wait_that_is_asked_for_is_never_shorter_than_the_schedule_nor_longer_than_its_end(app: Flask) -> None:
    asked = [timedelta(seconds=1), timedelta(minutes=10), timedelta(days=30)]
    waits = [timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1)]
    assert [wait_after(WAITS, 1, each) for each in asked] == waits
    assert wait_after(WAITS, 3, timedelta(minutes=10)) is None
