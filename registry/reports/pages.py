"""Pages of the figures: the overview, its tables and comparisons, and the AI systems."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from flask import redirect, render_template, request, url_for

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Region
from registry.agencies.pages import agency_name
from registry.agencies.service import agency_by_bin
from registry.audits.pages import rule_titles
from registry.core.clock import today
from registry.core.errors import Malformed, Problem
from registry.core.fields import BaseSchema, Day
from registry.core.lists import Page
from registry.core.spreadsheets.writer import Cell
from registry.core.translations import lazy_text
from registry.core.values import plain_number
from registry.flags.models import AHEAD, last_good_audit, last_good_date
from registry.freeze.policy import policy_in_force
from registry.government_reports.models import GovernmentReportStatus
from registry.government_reports.queries import GOVERNMENT_REPORT_LIST
from registry.government_reports.service import NoAuditToReport
from registry.http.responses import pdf_download
from registry.notifications.weekly_overview import overview_pdf, summary_data
from registry.procurement.coverage import Coverage
from registry.projects.visibility import leaves_out_restricted
from registry.projects.vocabulary import FreezeStatus
from registry.reports import compliance
from registry.reports.overview import (
    BACK,
    BY_AGENCY,
    BY_COUNTRY,
    DAYS,
    GROUPS as HISTORY_GROUPS,
    MEMBERS,
    AtRisk,
    Comparison,
    Figures,
    Overview,
    Point,
    PolicyChange,
    changes_at_risk,
    compared_dates,
    comparison,
    history,
    overview,
    policy_changes,
    worse_and_better,
)
from registry.web.blueprint import Answer, pages
from registry.web.current_user import page_locale
from registry.web.errors import day_typed
from registry.web.formats import gettext as _, ngettext
from registry.web.forms import Form
from registry.web.labels import SHARE_PATTERNS, choice_label, field_label, name_in_page_language, share_class
from registry.web.lists import ENDINGS, download_table

# Dates of the figures: a former or later date of a table, and the two dates of a comparison.

MAX_LENGTH: Final = 40
# ``from`` cannot be the name of an attribute of a class.
DATES: Final[Any] = BaseSchema.from_dict({name: Day() for name in ("on", "from", "to")}, name="Dates")()


def requested_dates(*names: str) -> tuple[dict[str, date], Form]:
    """Return the dates that are asked for by these names, and the form with the errors of texts that are none."""
    texts = {name: request.args.get(name, "").strip()[:MAX_LENGTH] for name in names}
    values, problems = DATES.load_filled_texts(texts)
    given = {name: day for name, day in values.items() if day is not None}
    latest = {"on": (last_good_date() or today()) + AHEAD}
    late = {name: latest.get(name, today()) for name, day in given.items() if day > latest.get(name, today())}
    wrong = [
        Problem(f"/{name}", "date-out-of-range", {"earliest": "1991-12-16", "latest": day.isoformat()})
        for name, day in late.items()
    ]
    return {name: day for name, day in given.items() if name not in late}, Form(texts, [*problems, *wrong])


def requested_valid_dates(*names: str) -> dict[str, date]:
    """Return the dates of a download. Raises Malformed for a text that is none."""
    dates, form = requested_dates(*names)
    if form.problems:
        raise Malformed(form.problems)
    return dates


# Columns and rows of the compliance report's export: exact amounts and BINs.

STATUSES: Final = (compliance.UNFLAGGED[0], FreezeStatus.FLAGGED.value, *compliance.UNFLAGGED[1:])


def group_name(grouped: str, row: Mapping[str, Any]) -> str:
    """Return the name of a row's group."""
    if row["key"] is None:
        return _("Not given")
    if grouped == "agency":
        return name_in_page_language(row) or str(row["key"])
    return choice_label(grouped, row["key"])


def share_name(share: str) -> str:
    """Return the label of a share of projects: a freeze status, for flagged projects with their severity."""
    status, _underscore, severity = share.partition("_")
    if status == "flagged" and severity:
        return choice_label("flagged", severity)
    return choice_label("freeze_status", share)


COMPLIANCE_COLUMNS: Final = (
    *("projects", *STATUSES, *compliance.BY_SEVERITY),
    *("clear_percent", "budget_kzt", "budget_flagged_kzt"),
)


# Of the contracts of an agency, at present: all of them, and the share of those signed since the cutoff.
COVERED: Final = ("contracts", "total_kzt", "matched_kzt", "to_check_kzt", "unmatched", "unmatched_kzt", "percent")


def compliance_header(grouped: str) -> list[str]:
    """Return the column headings."""
    of_agencies = [field_label("bin"), field_label("parent_bin")] if grouped == "agency" else []
    shares = map(share_name, (*STATUSES, *compliance.BY_SEVERITY))
    money = [field_label("budget_kzt"), _("Budget of flagged projects")]
    contracts = [
        _("IT contracts"),
        _("IT contracts, ₸"),
        _("In the register, ₸"),
        _("To check, ₸"),
        _("Contracts without a project"),
        _("Without a project, ₸"),
        _("In the register, %%") % {},
        _("In the register of those signed since the moratorium began, %%") % {},
    ]
    header = [*of_agencies, field_label(grouped), _("Projects"), *shares, _("Clear, %%") % {}, *money]
    return [*header, *(contracts if grouped == "agency" else ())]


def compliance_rows(actor: Actor, grouped: str, day: date | None = None) -> list[list[Cell]]:
    """Return one row per row of the report, by agency also of another date."""
    above = compliance.parents(actor) if grouped == "agency" else {}
    is_past = day is not None and day <= today()
    report = (
        compliance.compliance_on(actor, day)
        if day is not None and is_past
        else compliance.compliance(actor, grouped, until=day)
    )
    return [
        [
            *([row["key"], above.get(row["key"])] if grouped == "agency" else []),
            group_name(grouped, row),
            *(row[name] for name in COMPLIANCE_COLUMNS),
            *(_contract_cells(row["contracts"]) if grouped == "agency" else ()),
        ]
        for row in report["items"]
    ]


def _contract_cells(covered: Coverage | None) -> list[Cell]:
    if covered is None:
        return [None] * (len(COVERED) + 1)
    return [*(getattr(covered.every, name) for name in COVERED), covered.since_cutoff.percent]


BY_DEFAULT: Final = "agency"
SUMMARY: Final = BY_COUNTRY
RULE: Final = "rule"
MONEY: Final = "money"
TABS: Final = {
    SUMMARY: lazy_text("Summary"),
    "agency": lazy_text("Agencies"),
    "region": lazy_text("Regions"),
    "sector": lazy_text("Sectors"),
    "kind": lazy_text("Kinds of agency"),
    RULE: lazy_text("Rules"),
    MONEY: lazy_text("Money at risk"),
    "ahead": lazy_text("Ahead"),
}
# From worst to best, the order of the bars, dark and light by turns.
SHARES: Final = (
    *compliance.BY_SEVERITY,
    FreezeStatus.EXEMPT.value,
    FreezeStatus.ACCEPTED.value,
    FreezeStatus.TO_MIGRATE.value,
    FreezeStatus.UNAUDITED.value,
    FreezeStatus.CLEAR.value,
)
ROWS_A_PAGE: Final = 25
LAST_PAGE: Final = 9999


@pages.page("/overview", needs=Permission.REPORTS_READ)
def overview_page(actor: Actor) -> Answer:
    """Display the figures: where the country stands, and their tables by the requested group."""
    tab = _requested_tab(actor)
    if tab in compliance.GROUPS:
        return _table_page(actor, tab)
    return _summary_page(actor) if tab == SUMMARY else _overview_part(actor, tab)


@pages.page("/reports/compliance", needs=Permission.REPORTS_READ)
def compliance_report(actor: Actor) -> Answer:  # noqa: ARG001 - pages take the actor
    """Redirect to the figures: the tables of the compliance report are a part of them."""
    given = ("within", "on", "page", "whole")
    parameters: dict[str, Any] = {name: request.args[name] for name in given if name in request.args}
    return redirect(url_for("web.overview_page", by=_requested_group(), **parameters), 301)


def _table_page(actor: Actor, grouped: str) -> Answer:
    """Display the projects of a group by status. By agency it has one level of the tree, in pages or as a whole."""
    names = () if grouped == "kind" else ("from", "to") if grouped != "agency" else ("on",)
    dates, form = requested_dates(*(() if request.args.get("within") else names))
    day = dates.get("on")
    is_ahead = day is not None and day > today()
    level = _requested_level(actor, grouped, day) if day is None or is_ahead else _former_level(actor, day)
    whole, page = "whole" in request.args, _requested_page()
    first = 0 if whole else (page - 1) * ROWS_A_PAGE
    shown = level.rows if whole else level.rows[first : first + ROWS_A_PAGE]
    rows = [
        {
            "below": 0,
            **row,
            "name": group_name(grouped, row),
            "opens": _opened(row),
            # Today's projects are not those of another date.
            "whose": group_filters(grouped, row) if day is None else None,
        }
        for row in shown
    ]
    compared = period = None
    if grouped in MEMBERS and actor.may(Permission.OVERVIEW_READ):
        compared, period, form = _compared(actor, grouped, None)
    page_text = _render(
        actor,
        "reports/compliance.html",
        grouped,
        grouped=grouped,
        form=form,
        on=day,
        is_ahead=is_ahead,
        asks_date=grouped == "agency" and not level.above,
        above=level.above,
        rows=rows,
        first=first + 1,
        count=len(level.rows),
        bars=[(row["name"], bar(row)) for row in rows],
        shares=SHARES,
        by_severity=compliance.BY_SEVERITY,
        share_name=share_name,
        totals=level.totals,
        all_of=_filters_of_all(level, day),
        of_share=share_filters,
        last=last_good_audit() if day is None or is_ahead else compliance.audit_on(day),
        next_address=_same_level(page=page + 1) if first + len(shown) < len(level.rows) else None,
        first_address=_same_level() if first else None,
        whole_address=_same_level(whole="true") if len(shown) < len(level.rows) else None,
        comparison=compared,
        period=period,
        tiles=tiles(compared) if grouped == "region" else [],
    )
    return (page_text, 422) if form.errors else page_text


def _render(actor: Actor, template: str, tab: str | None, **values: Any) -> str:
    """Return a page of the figures with its tabs."""
    may_see = actor.may(Permission.OVERVIEW_READ)
    shown = {each: text for each, text in TABS.items() if may_see or each in compliance.GROUPS}
    tabs = [(each, text, url_for("web.overview_page", by=each)) for each, text in shown.items()]
    common: dict[str, Any] = {"share_class": share_class, "share_patterns": SHARE_PATTERNS}
    common |= {"tabs": tabs, "tab": tab, "in_scope": IN_SCOPE, "until": _until, "within": DAYS, "name_of": history_name}
    return render_template(template, actor=actor, **{"last": last_good_audit(), **common, **values})


@pages.page(f"/reports/compliance.<{ENDINGS}:ending>", needs=Permission.REPORTS_READ)
def compliance_table(actor: Actor, ending: str) -> Answer:
    """Download the whole report with exact amounts; every agency without the agencies below it."""
    grouped = _requested_group()
    day = requested_valid_dates("on").get("on") if grouped == "agency" else None
    return _download(actor, "compliance", ending, compliance_header(grouped), compliance_rows(actor, grouped, day))


def bar(row: dict[str, Any]) -> list[tuple[str, float, float]]:
    """Return ``(share, start, width)`` of each segment, in percent of the row's projects in scope."""
    total = sum(row[name] for name in SHARES)
    pieces, begin = [], 0.0
    for name in SHARES:
        if row[name]:
            width = round(100 * row[name] / total, 3)
            pieces.append((name, round(begin, 3), width))
            begin += width
    return pieces


def group_filters(grouped: str, row: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the project list filters that select the row's projects; None when no filter does."""
    if row["key"] is None:
        return None
    return {grouped: row["key"]} | ({"below": "true"} if row.get("below") else {})


def share_filters(share: str) -> dict[str, str]:
    """Return the project list filters that select a share of the projects."""
    status, _underscore, severity = share.partition("_")
    is_flagged = status == "flagged" and severity
    return {"freeze_status": status, "severity": severity} if is_flagged else {"freeze_status": share}


def _requested_tab(actor: Actor) -> str:
    may_see = actor.may(Permission.OVERVIEW_READ)
    tab = request.args.get("by", SUMMARY)
    return tab if tab in compliance.GROUPS or (may_see and tab in TABS) else SUMMARY if may_see else BY_DEFAULT


def _requested_group(groups: Collection[str] = compliance.GROUPS) -> str:
    grouped = request.args.get("by", BY_DEFAULT)
    return grouped if grouped in groups else BY_DEFAULT


def _requested_level(actor: Actor, grouped: str, until: date | None = None) -> compliance.Level:
    if grouped == "agency":
        return compliance.compliance_below(actor, request.args.get("within") or None, until)
    report = compliance.compliance(actor, grouped)
    return compliance.Level([], report["items"], report["totals"])


def _former_level(actor: Actor, day: date) -> compliance.Level:
    """Return every agency by itself, most flagged first: the tree of a former date is not known."""
    report = compliance.compliance_on(actor, day)
    rows = sorted(report["items"], key=lambda row: (-row["flagged"], -row["projects"], row["key"]))
    return compliance.Level([], rows, report["totals"])


def _filters_of_all(level: compliance.Level, day: date | None) -> dict[str, str] | None:
    if day is not None:
        return None
    return {"agency": level.above[-1]["bin"], "below": "true"} if level.above else {}


def _requested_page() -> int:
    return min(plain_number(request.args.get("page", "")) or 1, LAST_PAGE)


def _opened(row: dict[str, Any]) -> str | None:
    return url_for("web.overview_page", by=BY_DEFAULT, within=row["key"]) if row.get("below") else None


def _same_level(**more: Any) -> str:
    parameters: dict[str, Any] = {name: request.args[name] for name in ("by", "within", "on") if request.args.get(name)}
    return url_for("web.overview_page", **{"by": BY_DEFAULT, **parameters, **more})


# Summary, history and comparison: shares, money at risk, their change, and where they lead.

# Geometry of line charts: horizontal places in percent of the width, vertical ones in pixels: text never scales.
# Pygal was tried: 43 KB a chart with a script and a style of its own, and texts that shrink with the page.

TOP: Final = 14
HEIGHT: Final = 180
LOW_HEIGHT: Final = 90
# One marker in so many points; the first and the last always have one.
MARKED: Final = 6
# The least distance of two values at the ends of lines, in pixels.
BELOW: Final = 17
# The least distance of two numbers of changes of the policy, in percent of the width.
ASIDE: Final = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One line. ``places``: (x in percent, y in pixels) of its points; ``marks``: those with a marker; ``end``: the y
    of its last value, as far from those of other lines as text needs.
    """

    name: str
    places: Sequence[tuple[float, float]]
    marks: Sequence[tuple[float, float]]
    last: float
    end: float


@dataclass(frozen=True, slots=True)
class LineChart:
    """``grid``: (y in pixels, value) of the horizontal lines. ``first`` and ``last``: the dates at both ends.
    ``policies``: (x in percent, numbers) of the changes of the policy; numbers that would touch stand together.
    """

    lines: Sequence[Line]
    grid: Sequence[tuple[float, float]]
    first: date
    last: date
    height: int
    policies: Sequence[tuple[float, str]]


def line_chart(
    days: Sequence[date],
    series: Sequence[tuple[str, Sequence[float | None]]],
    most: float,
    changed: Sequence[date] = (),
    height: int = HEIGHT,
) -> LineChart:
    """Return a chart of named series over at least two days, oldest first, from 0 to ``most``; None in a series is a
    gap. ``changed``: when the policy changed.
    """
    whole = (days[-1] - days[0]).days
    xs = [_x(day, days[0], whole) for day in days]
    drawn = []
    for name, values in series:
        places = [(x, _y(value, most, height)) for x, value in zip(xs, values, strict=True) if value is not None]
        if len(places) > 1:
            drawn.append((name, places, next(value for value in reversed(values) if value is not None)))
    ends = _apart([places[-1][1] for _name, places, _last in drawn], TOP + height)
    lines = [
        Line(name, places, [*places[:-1:MARKED], places[-1]], last, end)
        for (name, places, last), end in zip(drawn, ends, strict=True)
    ]
    grid = [(_y(most * part / 4, most, height), most * part / 4) for part in range(5)]
    policies: list[tuple[float, str]] = []
    for number, day in enumerate(changed, 1):
        x, label = _x(day, days[0], whole), str(number)
        if policies and x - policies[-1][0] < ASIDE:
            label = f"{policies[-1][1]}, {number}"
            policies[-1] = (policies[-1][0], "")
        policies.append((x, label))
    return LineChart(lines, grid, days[0], days[-1], height, policies)


def _x(day: date, first: date, whole: int) -> float:
    return round(100 * (day - first).days / whole, 2)


def _y(value: float, most: float, height: int) -> float:
    return round(TOP + height * (1 - value / most), 1)


def _apart(ys: Sequence[float], lowest: float) -> list[float]:
    """Return the heights with the least distance between any two, none below the lowest."""
    placed = [0.0] * len(ys)
    below = lowest + BELOW
    for place in sorted(range(len(ys)), key=lambda each: -ys[each]):
        below = placed[place] = min(ys[place], below - BELOW)
    return placed


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


def tiles(compared: Comparison | None) -> list[Tile]:
    """Return a tile for every region, with its share of flagged projects after the later audit; none without one."""
    regions = {row.key: row.after for row in compared.rows if row.after} if compared else {}
    if not regions:
        return []
    placed = []
    for region, (column, row) in PLACES.items():
        percent = regions.get(region.value, Figures()).flagged_percent
        shade = None if percent is None else next(shade for least, shade in SHADES if percent >= least)
        placed.append(Tile(region.value, round(100 * column / COLUMNS, 2), row, percent, shade))
    return placed


# Columns and rows of the overview's exports: every figure with exact amounts.

FIGURE_STATUSES: Final = (
    FreezeStatus.CLEAR.value,
    FreezeStatus.FLAGGED.value,
    *compliance.BY_SEVERITY,
    FreezeStatus.TO_MIGRATE.value,
    FreezeStatus.EXEMPT.value,
    FreezeStatus.ACCEPTED.value,
    FreezeStatus.UNAUDITED.value,
    FreezeStatus.OUT_OF_SCOPE.value,
)
FIGURE_COLUMNS: Final = (
    *("projects", "in_scope", "on_platform", "platform_percent", "on_platform_claimed", "platform_claimed_percent"),
    *(*FIGURE_STATUSES, "budget_kzt", "at_risk_kzt"),
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
        *(share_name(status) for status in FIGURE_STATUSES),
        field_label("budget_kzt"),
        _("Budget of flagged projects"),
    ]


def _overview_rows(overview: Overview | None) -> Iterator[Sequence[Cell]]:
    """Yield a row for every group of the overview; none before the first audit."""
    if overview is None:
        return
    country, titles = _("The country"), rule_titles()
    days = [(overview.on, overview.now), *((each.on, each.figures) for each in overview.earlier.values() if each)]
    for on, figures in days:
        yield _figures_row(country, country, on, figures)
    rules = {titles.get(key, key): row for key, row in overview.rules.items()}
    groups: list[tuple[str, Iterable[tuple[str, Figures | AtRisk]]]] = [
        (field_label("region"), _named("region", overview.regions)),
        (field_label("sector"), _named("sector", overview.sectors)),
        (_("Open flags by rule"), rules.items()),
        (_("Age of open flags"), _named("flag_age", overview.ages)),
        (_("Most money at risk"), _agencies(overview.at_risk)),
        (_("Greatest improvement in 30 days"), _agencies(overview.improved or ())),
    ]
    for figure, rows in groups:
        for name, row in rows:
            yield _figures_row(figure, name, overview.on, row)


def _named(field: str, members: Mapping[str, Figures]) -> Iterable[tuple[str, Figures]]:
    return ((choice_label(field, key) if key else _("Not given"), row) for key, row in members.items())


def _agencies(rows: Sequence[AtRisk]) -> Iterable[tuple[str, AtRisk]]:
    return ((name_in_page_language(row.agency), row) for row in rows)


def _figures_row(figure: str, name: str, on: date, row: Figures | AtRisk) -> Sequence[Cell]:
    # Of an agency with money at risk, what it does not count stays empty.
    return [figure, name, on, *(getattr(row, column, None) for column in FIGURE_COLUMNS)]


PERCENT: Final = 100.0
PLATFORM, CLAIMED, FLAGGED, FLAGS, AT_RISK = "platform", "claimed", "flagged", "flags", "at_risk"
LINES: Final = {
    PLATFORM: lazy_text("Confirmed on QazTech"),
    CLAIMED: lazy_text("Claimed to be on QazTech"),
    FLAGGED: lazy_text("Flagged"),
    FLAGS: lazy_text("Open flags"),
    AT_RISK: lazy_text("Money at risk"),
}
# At the ends of lines.
SHORT_NAMES: Final = {
    **LINES,
    PLATFORM: lazy_text("Confirmed"),
    CLAIMED: lazy_text("Claimed"),
    AT_RISK: lazy_text("At risk"),
}
IN_SCOPE: Final = ",".join(
    status.value for status in FreezeStatus if status not in (FreezeStatus.OUT_OF_SCOPE, FreezeStatus.WITHDRAWN)
)
# What got worse and what got better: so many of each.
MAX_SHOWN: Final = 3
MAX_REPORTS: Final = 50
MAX_LISTED: Final = 10
NOT_ISSUED: Final = ",".join(each.value for each in GovernmentReportStatus if each != GovernmentReportStatus.ISSUED)


def _summary_page(actor: Actor) -> Answer:
    """Display on one screen where the country stands, what got worse and better, and what happens next."""
    shown = overview(actor)
    compared, period, form = _compared(actor, BY_COUNTRY, None)
    changed = _changes(actor, compared, MAX_SHOWN)
    worse, better = worse_and_better(changed)
    points = history(actor, BY_COUNTRY, None) if shown else []
    page_text = _render(
        actor,
        "reports/overview.html",
        SUMMARY,
        form=form,
        overview=shown,
        comparison=compared,
        period=period,
        figures=compared.rows[0] if compared else None,
        worse=worse,
        better=better,
        answering={row.agency["bin"]: agency_by_bin(row.agency["bin"]) for row in changed},
        charts=_charts(BY_COUNTRY, points, LOW_HEIGHT),
        lines=LINES,
        short_names=SHORT_NAMES,
        cutoff=policy_in_force().cutoff,
        reports_due=_reports_due(actor),
        not_issued=NOT_ISSUED,
    )
    return (page_text, 422) if form.errors else page_text


def _changes(actor: Actor, compared: Comparison | None, most: int) -> Sequence[AtRisk]:
    if compared is None or compared.since is None or compared.until is None:
        return []
    return changes_at_risk(actor, compared.until.id, compared.since.id, most)


def _reports_due(actor: Actor) -> list[int] | None:
    """Count the reports to the Government that are due within each of DAYS; None for who may not read drafts."""
    if not actor.may(Permission.GOVERNMENT_REPORTS_READ_DRAFTS):
        return None
    due = ({"status": NOT_ISSUED, "due_on_to": _until(days)} for days in DAYS)
    return [len(GOVERNMENT_REPORT_LIST.read(actor, filters, Page(MAX_REPORTS)).items) for filters in due]


def _overview_part(actor: Actor, tab: str) -> Answer:
    """Display the figures of rules and of the ages of flags, those of agencies with money at risk, or later dates."""
    group = RULE if tab == RULE else BY_COUNTRY
    compared, period, form = _compared(actor, group, None)
    worse, better = worse_and_better(_changes(actor, compared, MAX_LISTED) if tab == MONEY else [])
    page_text = _render(
        actor,
        "reports/overview_part.html",
        tab,
        overview=overview(actor),
        comparison=compared,
        period=period,
        form=form,
        rules=rule_titles(),
        worse=worse,
        better=better,
    )
    return (page_text, 422) if form.errors else page_text


@dataclass(frozen=True, slots=True)
class Period:
    """Links to usual first dates of a comparison: the text and the address of each."""

    usual: Sequence[tuple[str, str]]
    parameters: Mapping[str, str]


def _compared(actor: Actor, group: str, of: str | None) -> tuple[Comparison | None, Period, Form]:
    """Return the comparison of the requested dates, by default of the last audit with thirty days before; None with
    an error in the form.
    """
    dates, form = requested_dates("from", "to")
    since, until = compared_dates(dates.get("from"), dates.get("to"))
    typed = {"from": day_typed(since), "to": day_typed(until)}
    # Links have dates as programs write them; only what is no date stays as it was typed.
    form = Form({name: form.value(name) if form.error(name) else day for name, day in typed.items()}, form.problems)
    parameters = {name: request.args[name] for name in ("by", "of") if request.args.get(name)}
    usual = [
        (ngettext("%(num)s day ago", "%(num)s days ago", back) % {"num": back}, until - timedelta(days=back))
        for back in BACK
    ]
    starts = ((until.year - (month > until.month), month) for month in (10, 7, 4, 1))
    quarters = sorted((date(year, month, 1) for year, month in starts), reverse=True)
    usual += [(day_typed(day), day) for day in quarters if day < until]
    links = [(text, _address(**{**parameters, "from": day, "to": dates.get("to")})) for text, day in usual]
    period = Period(links, parameters)
    try:
        return (None if form.problems else comparison(actor, group, of, since, until)), period, form
    except Malformed as error:
        return None, period, Form(form.values, error.problems)


def _address(**parameters: Any) -> str:
    return url_for(str(request.endpoint), **{**(request.view_args or {}), **parameters})


@pages.page(f"/overview.<{ENDINGS}:ending>", needs=Permission.OVERVIEW_READ)
def overview_table(actor: Actor, ending: str) -> Answer:
    """Download every figure of the page with exact amounts."""
    return _download(actor, "overview", ending, figures_header(), [*_overview_rows(overview(actor))])


@pages.page("/overview.pdf", needs=Permission.OVERVIEW_READ)
def overview_document(actor: Actor) -> Answer:
    """Download the summary as one sheet."""
    shown = overview(actor)
    if shown is None:
        raise NoAuditToReport
    compared, _period, form = _compared(actor, BY_COUNTRY, None)
    if compared is None:
        raise Malformed(form.problems)
    changed, points = _changes(actor, compared, MAX_SHOWN), history(actor, BY_COUNTRY, None)
    data = summary_data(
        shown, compared, changed, points, page_locale(), with_restricted=not leaves_out_restricted(actor)
    )
    return pdf_download(f"overview-{data['date']}-{page_locale()}", overview_pdf(data))


@pages.page(f"/overview/comparison.<{ENDINGS}:ending>", needs=Permission.OVERVIEW_READ)
def overview_comparison_table(actor: Actor, ending: str) -> Answer:
    """Download the figures of a group on two dates with exact amounts."""
    group, of = _requested_history()
    compared, _period, form = _compared(actor, group, of)
    if compared is None:
        raise Malformed(form.problems)
    sides = [(compared.since, "before"), (compared.until, "after")]
    rows = [
        _figures_row(_("Comparison"), history_name(group, row.key) if row.key else _("Not given"), audit.on, figures)
        for row in compared.rows
        for audit, side in sides
        if audit is not None and (figures := getattr(row, side)) is not None
    ]
    return _download(actor, "overview-comparison", ending, figures_header(), rows)


@pages.page("/overview/history", needs=Permission.OVERVIEW_READ)
def overview_history(actor: Actor) -> Answer:
    """Display twelve months of the country, an agency, a region, a sector or a rule, and compare two dates."""
    group, of = _requested_history()
    points = history(actor, group, of)
    compared, period, form = _compared(actor, group, of)
    page_text = _render(
        actor,
        "reports/overview_history.html",
        None,
        form=form,
        by=group,
        of=of,
        name=history_name(group, of),
        points=points[::-1],
        comparison=compared,
        period=period,
        charts=_charts(group, points),
        lines=LINES,
        short_names=SHORT_NAMES,
        groups={each: [(code, history_name(each, code)) for code in codes] for each, codes in MEMBERS.items()},
    )
    return (page_text, 422) if form.errors else page_text


@pages.page(f"/overview/history.<{ENDINGS}:ending>", needs=Permission.OVERVIEW_READ)
def overview_history_table(actor: Actor, ending: str) -> Answer:
    """Download the points of the chart with exact amounts."""
    group, of = _requested_history()
    name = history_name(group, of)
    rows = [_figures_row(_("Over time"), name, each.on, each.figures) for each in history(actor, group, of)]
    return _download(actor, "overview-history", ending, figures_header(), rows)


@dataclass(frozen=True, slots=True)
class Charts:
    """The charts of a group: shares in percent, for a rule its open flags; and money at risk in tenge."""

    shares: LineChart
    money: LineChart
    policies: Sequence[PolicyChange]


def _charts(group: str, points: Sequence[Point], height: int = HEIGHT) -> Charts | None:
    """Return the charts of a group; None with fewer than two points."""
    if len(points) < 2:
        return None
    days = [point.on for point in points]
    policies = policy_changes(days[0], days[-1])
    changed = [each.on for each in policies]
    money = [float(point.figures.at_risk_kzt) for point in points]
    money_chart = line_chart(days, [(AT_RISK, money)], _ceiling(max(money)), changed, height)
    if group == RULE:
        counts = [float(point.figures.flagged + point.figures.to_migrate) for point in points]
        flags = line_chart(days, [(FLAGS, counts)], max(4.0, 4 * -(-max(counts) // 4)), changed, height)
        return Charts(flags, money_chart, policies)
    names = {PLATFORM: "platform_percent", CLAIMED: "platform_claimed_percent", FLAGGED: "flagged_percent"}
    series = [(line, [getattr(point.figures, name) for point in points]) for line, name in names.items()]
    return Charts(line_chart(days, series, PERCENT, changed, height), money_chart, policies)


def _ceiling(most: float) -> float:
    """Return a round amount that is not less, a million at least."""
    step = 10 ** (len(str(int(max(most, 1_000_000)))) - 1)
    return next(float(times * step) for times in (1, 2, 4, 8, 12) if times * step >= most)


def history_name(group: str, of: str | None) -> str:
    """Return the name of what the history is of."""
    if group == BY_COUNTRY or of is None:
        return _("The country")
    if group == BY_AGENCY:
        return agency_name(of)
    return rule_titles().get(of, of) if group == RULE else choice_label(group, of)


def _requested_history() -> tuple[str, str | None]:
    group = request.args.get("by", BY_COUNTRY)
    return (group, request.args.get("of") or None) if group in HISTORY_GROUPS else (BY_COUNTRY, None)


def _until(days: int) -> str:
    return date.fromordinal(today().toordinal() + days).isoformat()


def _download(actor: Actor, name: str, ending: str, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Answer:
    """Return a report as CSV or XLSX, with a last column that says whether its figures include restricted projects."""
    answer = _("left out") if leaves_out_restricted(actor) else _("included")
    return download_table(ending, name, [*header, _("Restricted projects")], [[[*row, answer] for row in rows]])


# AI systems by agency or degree of risk.

AI_GROUP_NAMES: Final = {"agency": lazy_text("By agency"), "ai_risk_class": lazy_text("By degree of risk")}


@pages.page("/reports/ai-systems", needs=Permission.REPORTS_READ)
def ai_systems_report(actor: Actor) -> Answer:
    """Display the counts of AI systems, each leading to its projects."""
    grouped = _requested_group(compliance.AI_GROUPS)
    report = compliance.ai_systems(actor, grouped)
    return render_template(
        "reports/ai_systems.html",
        actor=actor,
        grouped=grouped,
        groups=AI_GROUP_NAMES,
        rows=[{**row, "name": _ai_group(grouped, row), "filters": {grouped: row["key"]}} for row in report["items"]],
        totals=report["totals"],
        counted={name: {**compliance.SYSTEMS, **filters} for name, filters in compliance.counted_by().items()},
        risks=[name for name in compliance.counted_by() if name.startswith("risk_")],
        missing=[name for name in compliance.counted_by() if name.startswith("missing_")],
        name_of=_ai_count_name,
    )


@pages.page(f"/reports/ai-systems.<{ENDINGS}:ending>", needs=Permission.REPORTS_READ)
def ai_systems_table(actor: Actor, ending: str) -> Answer:
    """Download the counts of AI systems."""
    grouped = _requested_group(compliance.AI_GROUPS)
    header = [_("Code"), field_label(grouped), *map(_ai_count_name, compliance.counted_by())]
    rows = [
        [row["key"], _ai_group(grouped, row), *(row[name] for name in compliance.counted_by())]
        for row in compliance.ai_systems(actor, grouped)["items"]
    ]
    return _download(actor, "ai-systems", ending, header, rows)


def _ai_group(grouped: str, row: Mapping[str, Any]) -> str:
    if grouped == "agency":
        return name_in_page_language(row)
    return _("Not given") if row["key"] is None else choice_label(grouped, row["key"])


def _ai_count_name(name: str) -> str:
    kind, _underscore, rest = name.partition("_")
    if kind == "risk":
        return choice_label("ai_risk_class", rest)
    if kind == "missing":
        return field_label(rest)
    return {"systems": _("AI systems"), "incomplete": _("Incomplete entry"), "outdated": _("Not checked for a year")}[
        name
    ]
