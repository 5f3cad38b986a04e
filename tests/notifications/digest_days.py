"""The days of the digest's tests."""

from __future__ import annotations

from datetime import date, time, timedelta

NINE = time(9)
# A week without holidays.
MONDAY = date(2026, 2, 2)
A_DAY = timedelta(days=1)
