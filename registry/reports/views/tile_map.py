"""Tile map of the regions: one tile of the same size for each, about where it lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from registry.agencies.vocabulary import Region
from registry.reports.overview.figures import Figures

COLUMNS: Final = 7
# Column and row of each region, from the west and the north.
PLACES: Final[Mapping[Region, tuple[int, int]]] = {
    Region.WEST_KAZAKHSTAN: (0, 1),
    Region.ATYRAU: (0, 2),
    Region.MANGYSTAU: (0, 3),
    Region.AKTOBE: (1, 2),
    Region.KOSTANAY: (2, 1),
    Region.ULYTAU: (2, 2),
    Region.KYZYLORDA: (2, 3),
    Region.NORTH_KAZAKHSTAN: (3, 0),
    Region.AKMOLA: (3, 1),
    Region.KARAGANDA: (4, 2),
    Region.TURKISTAN: (3, 3),
    Region.SHYMKENT: (3, 4),
    Region.ASTANA: (4, 1),
    Region.ZHAMBYL: (4, 3),
    Region.PAVLODAR: (5, 1),
    Region.ABAI: (5, 2),
    Region.ALMATY_REGION: (5, 3),
    Region.ALMATY: (5, 4),
    Region.EAST_KAZAKHSTAN: (6, 2),
    Region.ZHETISU: (6, 3),
}
# The least share of flagged projects, in percent, of each shade, the darkest first.
SHADES: Final = ((60, 4), (40, 3), (20, 2), (0.1, 1), (0, 0))


@dataclass(frozen=True, slots=True)
class Tile:
    """``x`` in percent of the width, ``row`` from the north; ``shade`` 0 to 4, None without projects in scope."""

    region: str
    x: float
    row: int
    percent: float | None
    shade: int | None


def tiles(regions: Mapping[str, Figures]) -> list[Tile]:
    """A tile for every region, with its share of flagged projects."""
    placed = []
    for region, (column, row) in PLACES.items():
        percent = regions.get(region.value, Figures()).flagged_percent
        shade = None if percent is None else next(shade for least, shade in SHADES if percent >= least)
        placed.append(Tile(region.value, round(100 * column / COLUMNS, 2), row, percent, shade))
    return placed
