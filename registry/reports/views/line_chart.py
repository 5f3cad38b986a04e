"""Geometry of line charts: horizontal places in percent of the width, vertical ones in pixels: text never scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

TOP: Final = 14
HEIGHT: Final = 180
# One marker in so many points; the first and the last always have one.
MARKED: Final = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One line. ``places``: (x in percent, y in pixels) of its points; ``marks``: those with a marker."""

    name: str
    places: Sequence[tuple[float, float]]
    marks: Sequence[tuple[float, float]]
    last: float


@dataclass(frozen=True, slots=True)
class LineChart:
    """``grid``: (y in pixels, value) of the horizontal lines. ``first`` and ``last``: the dates at both ends."""

    lines: Sequence[Line]
    grid: Sequence[tuple[float, float]]
    first: date
    last: date


def line_chart(days: Sequence[date], series: Sequence[tuple[str, Sequence[float | None]]], most: float) -> LineChart:
    """A chart of named series over at least two days, oldest first, from 0 to ``most``; None in a series is a gap."""
    whole = (days[-1] - days[0]).days
    xs = [round(100 * (day - days[0]).days / whole, 2) for day in days]
    drawn = []
    for name, values in series:
        places = [(x, _y(value, most)) for x, value in zip(xs, values, strict=True) if value is not None]
        if len(places) > 1:
            drawn.append((name, places, next(value for value in reversed(values) if value is not None)))
    lines = [Line(name, places, [*places[:-1:MARKED], places[-1]], last) for name, places, last in drawn]
    grid = [(_y(most * part / 4, most), most * part / 4) for part in range(5)]
    return LineChart(lines, grid, days[0], days[-1])


def _y(value: float, most: float) -> float:
    return round(TOP + HEIGHT * (1 - value / most), 1)
