"""When deliveries are tried again, and when a webhook is disabled."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from registry.webhooks.retries import is_to_disable, pause_after, wait_after

START = datetime(2026, 11, 26, 9, tzinfo=UTC)


def test_delivery_is_retried_with_growing_delays_for_three_days() -> None:
    waits = list(itertools.takewhile(lambda wait: wait is not None, map(wait_after, itertools.count(1))))
    assert waits[:3] == [timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=5)]
    assert waits == sorted(waits, key=lambda wait: wait or timedelta())
    assert timedelta(days=2, hours=20) < sum((wait for wait in waits if wait), timedelta()) <= timedelta(days=3)
    assert wait_after(len(waits) + 2) is None


def test_receiver_is_left_alone_for_five_minutes_at_most() -> None:
    pauses = [timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=5)]
    assert [pause_after(failures) for failures in (1, 2, 3, 1000)] == pauses


def test_webhook_is_disabled_after_a_week_of_failures() -> None:
    assert not is_to_disable(START, START + timedelta(days=6, hours=23))
    assert is_to_disable(START, START + timedelta(days=7))
