"""Overview page and the history of a group: shares, money at risk, their change, and where they lead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.pages import agency_name
from registry.agencies.vocabulary import Region
from registry.audits.pages import rule_titles
from registry.core.clock import today
from registry.core.spreadsheets.writer import Cell, table_as_csv, table_as_xlsx
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Severity
from registry.http.downloads import csv_download, xlsx_download
from registry.projects.vocabulary import FreezeStatus
from registry.reports.overview import (
    BY_AGENCY,
    BY_COUNTRY,
    GROUPS,
    MEMBERS,
    AtRisk,
    Figures,
    Overview,
    Point,
    history,
    overview,
)
from registry.reports.views.compliance import share_name, with_restricted_column
from registry.web.blueprint import Answer, pages
from registry.web.formats import gettext as _
from registry.web.labels import choice_label, field_label, name_in_page_language
from registry.web.lists import ENDINGS

# Geometry of line charts: horizontal places in percent of the width, vertical ones in pixels: text never scales.

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


# Tile map of the regions: one tile of the same size for each, about where it lies.

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


# Columns and rows of the overview's exports: every figure with exact amounts.

STATUSES = (
    FreezeStatus.CLEAR.value,
    FreezeStatus.FLAGGED.value,
    *(f"flagged_{severity}" for severity in Severity.worst_first()),
    FreezeStatus.EXEMPT.value,
    FreezeStatus.ACCEPTED.value,
    FreezeStatus.UNAUDITED.value,
    FreezeStatus.OUT_OF_SCOPE.value,
)


def figures_header() -> list[str]:
    """Return the column headings."""
    return [
        _("Figure"),
        _("Group"),
        _("Audit for"),
        _("Projects"),
        _("In scope"),
        _("Confirmed on QazTech"),
        _("Confirmed on QazTech, %%") % {},
        _("Claimed to be on QazTech"),
        _("Claimed to be on QazTech, %%") % {},
        *(share_name(status) for status in STATUSES),
        field_label("budget_kzt"),
        _("Of it flagged"),
    ]


def overview_rows(overview: Overview | None) -> list[Sequence[Cell]]:
    """Return a row for every group of the overview; none before the first audit."""
    return [] if overview is None else [*_rows(overview)]


def history_rows(name: str, points: Sequence[Point]) -> list[Sequence[Cell]]:
    """Return a row for every point, oldest first."""
    return [_row(_("Over time"), name, point.on, point.figures) for point in points]


def _rows(overview: Overview) -> Iterator[Sequence[Cell]]:
    on, titles = overview.on, rule_titles()
    yield _row(_("The country"), _("The country"), on, overview.now)
    for earlier in overview.earlier.values():
        if earlier is not None:
            yield _row(_("The country"), _("The country"), earlier.on, earlier.figures)
    yield from _group(field_label("region"), on, _named("region", overview.regions))
    yield from _group(field_label("sector"), on, _named("sector", overview.sectors))
    yield from _group(_("Open flags by rule"), on, {titles.get(key, key): row for key, row in overview.rules.items()})
    yield from _group(_("Age of open flags"), on, _named("flag_age", overview.ages))
    yield from _agencies(_("Most money at risk"), on, overview.at_risk)
    yield from _agencies(_("Greatest improvement in 30 days"), on, overview.improved or ())


def _named(field: str, members: Mapping[str, Figures]) -> dict[str, Figures]:
    return {choice_label(field, key) if key else _("Not given"): row for key, row in members.items()}


def _group(figure: str, on: date, rows: Mapping[str, Figures]) -> Iterator[Sequence[Cell]]:
    for name, row in rows.items():
        yield _row(figure, name, on, row)


def _agencies(figure: str, on: date, rows: Sequence[AtRisk]) -> Iterator[Sequence[Cell]]:
    blank: list[Cell] = [None] * (len(STATUSES) - 2)
    for row in rows:
        name = name_in_page_language(row.agency)
        yield [figure, name, on, *[None] * 7, row.flagged, *blank, None, row.at_risk_kzt]


def _row(figure: str, name: str, on: date, row: Figures) -> Sequence[Cell]:
    counted: list[Cell] = [row.projects, row.in_scope]
    platform: list[Cell] = [
        row.on_platform,
        row.platform_percent,
        row.on_platform_claimed,
        row.platform_claimed_percent,
    ]
    return [
        figure,
        name,
        on,
        *counted,
        *platform,
        *(getattr(row, status) for status in STATUSES),
        row.budget_kzt,
        row.at_risk_kzt,
    ]


PERCENT: Final = 100.0
PLATFORM, CLAIMED, FLAGGED, FLAGS = "platform", "claimed", "flagged", "flags"
LINES: Final = {
    PLATFORM: lazy_text("Confirmed on QazTech"),
    CLAIMED: lazy_text("Claimed to be on QazTech"),
    FLAGGED: lazy_text("Flagged"),
    FLAGS: lazy_text("Open flags"),
}
IN_SCOPE: Final = ",".join(
    status.value for status in FreezeStatus if status not in (FreezeStatus.OUT_OF_SCOPE, FreezeStatus.WITHDRAWN)
)


@pages.page("/overview", needs=Permission.OVERVIEW_READ)
def overview_page(actor: Actor) -> Answer:
    """Display where the country stands."""
    shown = overview(actor)
    points = history(actor, BY_COUNTRY, None) if shown else []
    return render_template(
        "reports/overview.html",
        actor=actor,
        overview=shown,
        chart=chart_of(BY_COUNTRY, points),
        lines=LINES,
        tiles=tiles(shown.regions) if shown else [],
        rules=rule_titles(),
        in_scope=IN_SCOPE,
        today=today(),
        until=_until,
    )


@pages.page(f"/overview.<{ENDINGS}:ending>", needs=Permission.OVERVIEW_READ)
def overview_table(actor: Actor, ending: str) -> Answer:
    """Download every figure of the page with exact amounts."""
    return _download(actor, "overview", ending, overview_rows(overview(actor)))


@pages.page("/overview/history", needs=Permission.OVERVIEW_READ)
def overview_history(actor: Actor) -> Answer:
    """Display twelve months of the country, an agency, a region, a sector or a rule."""
    group, of = _requested_group()
    points = history(actor, group, of)
    return render_template(
        "reports/overview_history.html",
        actor=actor,
        by=group,
        of=of,
        name=group_name(group, of),
        points=points[::-1],
        chart=chart_of(group, points),
        lines=LINES,
        groups={each: [(code, group_name(each, code)) for code in codes] for each, codes in MEMBERS.items()},
    )


@pages.page(f"/overview/history.<{ENDINGS}:ending>", needs=Permission.OVERVIEW_READ)
def overview_history_table(actor: Actor, ending: str) -> Answer:
    """Download the points of the chart with exact amounts."""
    group, of = _requested_group()
    return _download(actor, "overview-history", ending, history_rows(group_name(group, of), history(actor, group, of)))


def chart_of(group: str, points: Sequence[Point]) -> LineChart | None:
    """The lines of a group: shares in percent, for a rule its open flags. None with fewer than two points."""
    if len(points) < 2:
        return None
    days = [point.on for point in points]
    if group == "rule":
        counts = [float(point.figures.flagged) for point in points]
        return line_chart(days, [(FLAGS, counts)], max(4.0, 4 * -(-max(counts) // 4)))
    platform = [point.figures.platform_percent for point in points]
    flagged = [point.figures.flagged_percent for point in points]
    claimed = [point.figures.platform_claimed_percent for point in points]
    return line_chart(days, [(PLATFORM, platform), (CLAIMED, claimed), (FLAGGED, flagged)], PERCENT)


def group_name(group: str, of: str | None) -> str:
    """The name of what the history is of."""
    if group == BY_COUNTRY or of is None:
        return _("The country")
    if group == BY_AGENCY:
        return agency_name(of)
    return rule_titles().get(of, of) if group == "rule" else choice_label(group, of)


def _requested_group() -> tuple[str, str | None]:
    group = request.args.get("by", BY_COUNTRY)
    return (group, request.args.get("of") or None) if group in GROUPS else (BY_COUNTRY, None)


def _until(days: int) -> str:
    return date.fromordinal(today().toordinal() + days).isoformat()


def _download(actor: Actor, name: str, ending: str, figures: Sequence[Sequence[Any]]) -> Answer:
    header, rows = with_restricted_column(actor, figures_header(), figures)
    if ending == "csv":
        return csv_download(name, table_as_csv(header, [rows]))
    return xlsx_download(name, lambda path: table_as_xlsx(path, name, header, [rows]))
