"""Columns and rows of the overview's exports: every figure with exact amounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from registry.audits.views.findings import rule_titles
from registry.core.spreadsheets.writer import Cell
from registry.freeze.vocabulary import Severity
from registry.projects.vocabulary import FreezeStatus
from registry.reports.overview.agencies import AtRisk
from registry.reports.overview.figures import Figures
from registry.reports.overview.history import Point
from registry.reports.overview.service import Overview
from registry.reports.views.downloads import share_name
from registry.web.labels import choice_label, field_label, name_in_page_language
from registry.web.translations import gettext as _

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
