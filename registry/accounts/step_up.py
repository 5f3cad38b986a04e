"""Step-up: acts of consequence need a second factor that was verified at most 15 minutes ago."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from registry.core.errors import NotAllowed

STEP_UP_MAX_AGE: Final = timedelta(minutes=15)


class StepUpRequired(NotAllowed):
    """The second factor of the session was verified too long ago for this act, or not at all."""


def is_fresh(factor_at: datetime | None, at: datetime) -> bool:
    """True when the factor was verified at most 15 minutes before ``at``, and not after it."""
    return factor_at is not None and timedelta() <= at - factor_at <= STEP_UP_MAX_AGE
