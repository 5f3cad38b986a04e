"""Forecast of the share on the platform: a straight line through the last eight weeks, with its uncertainty.

Ordinary least squares over one point a week; the interval is the 95 % prediction interval of a single later value,
as in every textbook of statistics. Weekly points, because the shares of neighbouring days are hardly independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from typing import Final

WEEKS: Final = 8
# Fewer points say nothing about how far the values lie from the line.
FEWEST: Final = 5
ALL: Final = 100.0
# Student's t, two-sided 95 %, by degrees of freedom (points less two).
T_95: Final = {3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365}
# A date beyond this is as good as never.
FARTHEST: Final = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Forecast:
    """The share expected ``on`` a date, in percent, with the bounds of its 95 % interval, all from 0 to 100.

    ``a_week``: by how many percentage points it has grown each week. ``complete_on``: when everything would be on the
    platform at this pace; None when it does not grow or not within ten years.
    """

    on: date
    percent: float
    low: float
    high: float
    a_week: float
    complete_on: date | None
    points: int


def forecast(points: Sequence[tuple[date, float]], on: date) -> Forecast | None:
    """Continue a line through weekly points, oldest first, to a date; None when there are fewer than five points."""
    count = len(points)
    if count < FEWEST:
        return None
    last = points[-1][0]
    days = [(day - last).days for day, _percent in points]
    shares = [share for _day, share in points]
    middle, mean = sum(days) / count, sum(shares) / count
    spread = sum((day - middle) ** 2 for day in days)
    slope = sum((day - middle) * (share - mean) for day, share in zip(days, shares, strict=True)) / spread
    at_last = mean - slope * middle
    errors = (share - at_last - slope * day for day, share in zip(days, shares, strict=True))
    deviation = sqrt(sum(error**2 for error in errors) / (count - 2))
    ahead = (on - last).days
    half = T_95[min(count - 2, max(T_95))] * deviation * sqrt(1 + 1 / count + (ahead - middle) ** 2 / spread)
    expected = at_last + slope * ahead
    bounds = (_share(expected), _share(expected - half), _share(expected + half))
    return Forecast(on, *bounds, round(7 * slope, 2), _complete_on(last, at_last, slope), count)


def _share(value: float) -> float:
    return round(min(max(value, 0.0), ALL), 1)


def _complete_on(last: date, at_last: float, slope: float) -> date | None:
    if at_last >= ALL:
        return last
    days = (ALL - at_last) / slope if slope > 0 else float("inf")
    return last + timedelta(days=int(days) + 1) if days < FARTHEST.days else None
