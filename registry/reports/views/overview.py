"""Overview page and the history of a group: shares, money at risk, their change, and where they lead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.views.choices import agency_name
from registry.audits.views.findings import rule_titles
from registry.core.clock import today
from registry.core.spreadsheets.writer import table_as_csv, table_as_xlsx
from registry.core.translations import lazy_text
from registry.http.downloads import csv_download, xlsx_download
from registry.projects.vocabulary import FreezeStatus
from registry.reports.overview.history import BY_AGENCY, BY_COUNTRY, GROUPS, MEMBERS, Point, history
from registry.reports.overview.service import overview
from registry.reports.views.downloads import with_restricted_column
from registry.reports.views.line_chart import LineChart, line_chart
from registry.reports.views.overview_downloads import figures_header, history_rows, overview_rows
from registry.reports.views.tile_map import tiles
from registry.web.blueprint import Answer, pages
from registry.web.downloads import ENDINGS
from registry.web.labels import choice_label
from registry.web.translations import gettext as _

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
