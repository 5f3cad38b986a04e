"""When deliveries are tried again, and when a webhook is disabled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from registry.core.queues import wait_after
from registry.webhooks.sender import WAITS, asked_delay, is_to_disable, pause_after

START = datetime(2026, 11, 26, 9, tzinfo=UTC)


def test_delivery_is_retried_with_growing_delays_for_three_days() -> None:
    assert [wait_after(WAITS, tries) for tries in (1, 2, 3)] == [
        timedelta(seconds=5),
        timedelta(minutes=1),
        timedelta(minutes=5),
    ]
    assert list(WAITS) == sorted(WAITS)
    assert timedelta(days=2, hours=20) < sum(WAITS, timedelta()) <= timedelta(days=3)
    assert [wait_after(WAITS, tries) for tries in (11, 12, 13)] == [timedelta(hours=24), None, None]


def test_receiver_is_left_alone_for_five_minutes_at_most() -> None:
    pauses = [timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=5)]
    assert [pause_after(failures) for failures in (1, 2, 3, 1000)] == pauses


def test_receiver_that_asks_for_it_is_left_alone_for_an_hour_at_most() -> None:
    asked = [timedelta(seconds=1), timedelta(minutes=10), timedelta(days=30)]
    assert [pause_after(1, each) for each in asked] == [timedelta(seconds=5), timedelta(minutes=10), timedelta(hours=1)]
    # After a batch of which something was delivered.
    assert [pause_after(0, each) for each in asked] == [timedelta(seconds=1), timedelta(minutes=10), timedelta(hours=1)]
    assert pause_after(0) == timedelta(0)


@pytest.mark.parametrize(
    ("status", "header", "expected"),
    [
        (429, "120", timedelta(minutes=2)),
        (503, " 120 ", timedelta(minutes=2)),
        (503, "Thu, 26 Nov 2026 09:02:00 GMT", timedelta(minutes=2)),
        (503, "Thu, 26 Nov 2026 09:02:00 -0000", timedelta(minutes=2)),
        (503, "Thu, 26 Nov 2026 08:00:00 GMT", timedelta(0)),
        (429, "9" * 5_000, timedelta(seconds=999_999_999)),
        (500, "120", timedelta(0)),
        (204, "120", timedelta(0)),
        (429, None, timedelta(0)),
        (429, "-5", timedelta(0)),
        (429, "1.5", timedelta(0)),
        (429, "٣", timedelta(0)),
        (429, "soon", timedelta(0)),
        (503, "Thu, 99 Nov 99999 09:02:00 GMT", timedelta(0)),
        (503, "Thu, 26 Nov 2026 09:02:00 +9999999999", timedelta(0)),
        (429, "Thu, 26 Nov 2026 09:00:00 +99999999999999999999", timedelta()),
        (503, "Thu, 26 Nov 99999999999999999999 09:00:00 GMT", timedelta()),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(status: int, header: str | None, expected: timedelta) -> None:
    assert asked_delay(status, header, START) == expected


def test_webhook_is_disabled_after_a_week_of_failures() -> None:
    assert not is_to_disable(START, START + timedelta(days=6, hours=23))
    assert is_to_disable(START, START + timedelta(days=7))
