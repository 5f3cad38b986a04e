"""When deliveries are tried again, and when a webhook is disabled. Pure functions of counts and times."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

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
# Statuses whose Retry-After is honoured (RFC 6585, 4; RFC 9110, 15.6.4).
ASKING: Final = (429, 503)
NOT_ASKED: Final = timedelta(0)


def wait_after(tries: int, asked: timedelta = NOT_ASKED) -> timedelta | None:
    """The delay after a number of failed attempts of one delivery; None when it is given up.

    ``asked``: what the receiver asked for; never less than the schedule has, nor more than its longest delay.
    """
    return max(WAITS[tries - 1], min(asked, WAITS[-1])) if tries <= len(WAITS) else None


def pause_after(failures: int, asked: timedelta = NOT_ASKED) -> timedelta:
    """How long a receiver is left alone after a number of batches that failed as a whole; at most five minutes.

    Longer when it asked for it, at most an hour. After 0 failures only when it asked.
    """
    usual = min(WAITS[min(failures, len(WAITS)) - 1], MAX_PAUSE) if failures else NOT_ASKED
    return max(usual, min(asked, MAX_ASKED_PAUSE))


def asked_delay(status: int, retry_after: str | None, at: datetime) -> timedelta:
    """The delay that a response asks for, in seconds or until a date (RFC 9110, 10.2.3); zero without a usable one."""
    value = (retry_after or "").strip()
    if status not in ASKING or not value:
        return NOT_ASKED
    if value.isascii() and value.isdigit():
        # More digits than a date has are more than any limit here.
        return timedelta(seconds=int(value[:9]))
    # OverflowError: a year, an hour or an offset that no number of the machine holds.
    with suppress(ValueError, OverflowError):
        until = parsedate_to_datetime(value)
        return max((until if until.tzinfo else until.replace(tzinfo=UTC)) - at, NOT_ASKED)
    return NOT_ASKED


def is_to_disable(failing_since: datetime, at: datetime) -> bool:
    """True when all attempts since an instant have failed, and that is a week ago."""
    return at - failing_since >= DISABLED_AFTER
