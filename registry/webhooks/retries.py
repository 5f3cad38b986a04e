"""When deliveries are tried again, and when a webhook is disabled. Pure functions of counts and times."""

from __future__ import annotations

from datetime import datetime, timedelta
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
DISABLED_AFTER: Final = timedelta(days=7)


def wait_after(tries: int) -> timedelta | None:
    """The delay after a number of failed attempts of one delivery; None when it is given up."""
    return WAITS[tries - 1] if tries <= len(WAITS) else None


def pause_after(failures: int) -> timedelta:
    """How long a receiver is left alone after a number of batches that failed as a whole; at most five minutes."""
    return min(WAITS[min(failures, len(WAITS)) - 1], MAX_PAUSE)


def is_to_disable(failing_since: datetime, at: datetime) -> bool:
    """True when all attempts since an instant have failed, and that is a week ago."""
    return at - failing_since >= DISABLED_AFTER
