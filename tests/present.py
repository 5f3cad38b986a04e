"""The present instant, as a test wants it. Times reach the database from Python, so both databases follow."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import time_machine

from registry.core.clock import local_instant

NOON = time(12)


class Present:
    """The hands of the clock; it stands still between moves."""

    def __init__(self) -> None:
        self._travel: Any = None

    def set(self, when: date | datetime) -> datetime:
        """Make an instant, or noon in Almaty of a day, the present; the instant in UTC."""
        instant = when if isinstance(when, datetime) else local_instant(when, NOON)
        if instant.tzinfo is None:
            raise ValueError("an instant needs its time zone")
        self.release()
        self._travel = time_machine.travel(instant.astimezone(UTC), tick=False)
        self._travel.start()
        return instant.astimezone(UTC)

    def move(self, step: timedelta) -> datetime:
        """Move on, from the real present when none was set; the new instant."""
        return self.set(datetime.now(UTC) + step)

    def release(self) -> None:
        """Back to real time."""
        if self._travel is not None:
            self._travel.stop()
            self._travel = None
