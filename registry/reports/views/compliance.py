"""Compliance report page: by agency, region, kind or sector, as printable bars and a table, with exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from flask import render_template, request, url_for

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.queries import list_audits
from registry.core.base_schema import BaseSchema
from registry.core.errors import Malformed, Problem
from registry.core.fields import Day
from registry.core.lists import Page
from registry.core.spreadsheets.writer import Cell, table_as_csv, table_as_xlsx
from registry.core.translations import lazy_text
from registry.flags.models import last_good_audit
from registry.http.downloads import csv_download, xlsx_download
from registry.projects.visibility import leaves_out_restricted
from registry.projects.vocabulary import FreezeStatus
from registry.reports.compliance import (
    BY_SEVERITY,
    GROUPS,
    UNFLAGGED,
    Level,
    audit_on,
    compliance,
    compliance_below,
    compliance_on,
    parents,
)
from registry.web.blueprint import Answer, pages
from registry.web.formats import gettext as _
from registry.web.forms import Form
from registry.web.labels import choice_label, field_label, name_in_page_language, severity_rank
from registry.web.lists import ENDINGS

# The former date that the compliance page is asked for.

MAX_LENGTH: Final = 40


class FormerDate(BaseSchema):
    """The date of the report."""

    on = Day()


SCHEMA: Final = FormerDate()


def requested_date() -> tuple[date | None, Form]:
    """The date, None for the present report; and the form, with the error of a text that is no date."""
    text, day, problems = _read()
    return day, Form({"on": text}, problems)


def requested_valid_date() -> date | None:
    """The date of a download. Raises Malformed for a text that is no date."""
    _text, day, problems = _read()
    if problems:
        raise Malformed(problems)
    return day


def _read() -> tuple[str, date | None, Sequence[Problem]]:
    text = request.args.get("on", "").strip()[:MAX_LENGTH]
    values, problems = SCHEMA.load_filled_texts({"on": text})
    return text, values.get("on"), problems


# Columns and rows of the compliance report's export: exact amounts and BINs.

STATUSES: Final = (UNFLAGGED[0], FreezeStatus.FLAGGED.value, *UNFLAGGED[1:])


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


def compliance_header(grouped: str) -> list[str]:
    """Return the column headings."""
    of_agencies = [field_label("bin"), field_label("parent_bin")] if grouped == "agency" else []
    return [
        *of_agencies,
        field_label(grouped),
        _("Projects"),
        *(share_name(status) for status in STATUSES),
        *(share_name(share) for share in BY_SEVERITY),
        _("Clear, %%") % {},
        field_label("budget_kzt"),
        _("Of it flagged"),
    ]


def compliance_rows(actor: Actor, grouped: str, day: date | None = None) -> list[list[Cell]]:
    """Return one row per row of the report, by agency also of a former date."""
    above = parents(actor) if grouped == "agency" else {}
    report = compliance(actor, grouped) if day is None else compliance_on(actor, day)
    return [_row(grouped, row, above) for row in report["items"]]


def with_restricted_column(
    actor: Actor, header: Sequence[str], rows: Sequence[Sequence[Cell]]
) -> tuple[list[str], list[list[Cell]]]:
    """Return headings and rows with a last column that says whether the figures include restricted projects."""
    answer = _("left out") if leaves_out_restricted(actor) else _("included")
    return [*header, _("Restricted projects")], [[*row, answer] for row in rows]


def _row(grouped: str, row: Mapping[str, Any], above: Mapping[str, str | None]) -> list[Cell]:
    of_agency: list[Cell] = [row["key"], above.get(row["key"])] if grouped == "agency" else []
    return [
        *of_agency,
        group_name(grouped, row),
        row["projects"],
        *(row[status] for status in STATUSES),
        *(row[share] for share in BY_SEVERITY),
        row["clear_percent"],
        row["budget_kzt"],
        row["budget_flagged_kzt"],
    ]


# Compliance trend: projects without open flags after each of the last audits.

SHOWN: Final = 12
# Only the last run of a day is displayed, and a day may have several.
LOOKED_AT: Final = 50
GOOD: Final = {"status": "succeeded", "dry_run": "false"}


def over_time(actor: Actor) -> list[dict[str, Any]]:
    """Return the last successfully audited days, newest first; empty for actors who may not read audits.

    Each has ``on``, ``audit``, the counts ``judged``, ``flagged``, ``exempt`` and ``unflagged`` (neither flagged nor
    exempt), and ``percent``, the unflagged share of the judged projects.
    """
    if not actor.may(Permission.AUDITS_READ):
        return []
    days: dict[Any, dict[str, Any]] = {}
    for run in list_audits(actor, GOOD, Page(LOOKED_AT)).items:
        if run["on"] not in days and run["projects_judged"] and len(days) < SHOWN:
            days[run["on"]] = _point(run)
    return sorted(days.values(), key=lambda each: each["on"], reverse=True)


def _point(run: Any) -> dict[str, Any]:
    judged, flagged, exempt = run["projects_judged"], run["projects_flagged"], run["projects_exempt"]
    unflagged = judged - flagged - exempt
    counts = {"judged": judged, "flagged": flagged, "exempt": exempt, "unflagged": unflagged}
    return {"on": run["on"], "audit": run["id"], **counts, "percent": round(100 * unflagged / judged, 1)}


BY_DEFAULT: Final = "agency"
GROUP_NAMES: Final = {
    "agency": lazy_text("By agency"),
    "region": lazy_text("By region"),
    "kind": lazy_text("By kind of agency"),
    "sector": lazy_text("By sector"),
}
# From worst to best, the order of the bars.
SHARES: Final = (
    *BY_SEVERITY,
    FreezeStatus.EXEMPT.value,
    FreezeStatus.ACCEPTED.value,
    FreezeStatus.CLEAR.value,
    FreezeStatus.UNAUDITED.value,
)
# Lines of the areas by CSS class, as SVG paths; severities by rank. Other areas are plain.
PATTERNS: Final[Mapping[str, str]] = {
    "severity-1": "M1 3h2M5 7h2",
    "severity-2": "M-2 10L10 -2M-2 2L2 -2M6 10L10 6",
    "severity-4": "M0 6L4 2L8 6",
    "severity-5": "M4 0v8",
    FreezeStatus.EXEMPT: "M2 0v8M6 0v8",
    FreezeStatus.ACCEPTED: "M0 0L8 8M8 0L0 8",
    FreezeStatus.UNAUDITED: "M0 2h8M0 6h8",
}
ROWS_A_PAGE: Final = 25
LAST_PAGE: Final = 9999


@pages.page("/reports/compliance", needs=Permission.REPORTS_READ)
def compliance_report(actor: Actor) -> Answer:
    """Display the report by the requested group. By agency it has one level of the tree, in pages or as a whole."""
    grouped = _requested_group()
    day, form = requested_date() if grouped == "agency" and not request.args.get("within") else (None, Form())
    level = _requested_level(actor, grouped) if day is None else _former_level(actor, day)
    whole, page = "whole" in request.args, _requested_page()
    first = 0 if whole else (page - 1) * ROWS_A_PAGE
    shown = level.rows if whole else level.rows[first : first + ROWS_A_PAGE]
    rows = [
        {
            "below": 0,
            **row,
            "name": group_name(grouped, row),
            "opens": _opened(row),
            # Today's projects are not those of a former date.
            "whose": group_filters(grouped, row) if day is None else None,
        }
        for row in shown
    ]
    page_text = render_template(
        "reports/compliance.html",
        actor=actor,
        grouped=grouped,
        form=form,
        on=day,
        asks_date=grouped == "agency" and not level.above,
        groups=GROUP_NAMES,
        above=level.above,
        rows=rows,
        first=first + 1,
        count=len(level.rows),
        bars=[(row["name"], bar(row)) for row in rows],
        shares=SHARES,
        by_severity=BY_SEVERITY,
        share_name=share_name,
        share_class=share_class,
        share_patterns=PATTERNS,
        totals=level.totals,
        all_of=_filters_of_all(level, day),
        of_share=share_filters,
        last=last_good_audit() if day is None else audit_on(day),
        days=[] if level.above or first or day else over_time(actor),
        next_address=_same_level(page=page + 1) if first + len(shown) < len(level.rows) else None,
        first_address=_same_level() if first else None,
        whole_address=_same_level(whole="true") if len(shown) < len(level.rows) else None,
    )
    return (page_text, 422) if form.errors else page_text


@pages.page(f"/reports/compliance.<{ENDINGS}:ending>", needs=Permission.REPORTS_READ)
def compliance_table(actor: Actor, ending: str) -> Answer:
    """Download the whole report with exact amounts; every agency without the agencies below it."""
    grouped = _requested_group()
    day = requested_valid_date() if grouped == "agency" else None
    header, rows = with_restricted_column(actor, compliance_header(grouped), compliance_rows(actor, grouped, day))
    if ending == "csv":
        return csv_download("compliance", table_as_csv(header, [rows]))
    return xlsx_download("compliance", lambda path: table_as_xlsx(path, "compliance", header, [rows]))


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


def share_class(share: str) -> str:
    """Return the CSS class of a share: a freeze status, for flagged projects the rank of their severity."""
    status, _underscore, severity = share.partition("_")
    return f"severity-{severity_rank(severity)}" if status == FreezeStatus.FLAGGED and severity else share


def group_filters(grouped: str, row: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the project list filters that select the row's projects; None when no filter does."""
    if row["key"] is None:
        return None
    return {grouped: row["key"]} | ({"below": "true"} if row.get("below") else {})


def share_filters(share: str) -> dict[str, str]:
    """Return the project list filters that select a share of the projects."""
    status, _underscore, severity = share.partition("_")
    return (
        {"freeze_status": status, "severity": severity}
        if status == "flagged" and severity
        else {"freeze_status": share}
    )


def _requested_group() -> str:
    grouped = request.args.get("by", BY_DEFAULT)
    return grouped if grouped in GROUPS else BY_DEFAULT


def _requested_level(actor: Actor, grouped: str) -> Level:
    if grouped == "agency":
        return compliance_below(actor, request.args.get("within") or None)
    report = compliance(actor, grouped)
    return Level([], report["items"], report["totals"])


def _former_level(actor: Actor, day: date) -> Level:
    """Every agency by itself, most flagged first: the tree of a former date is not known."""
    report = compliance_on(actor, day)
    rows = sorted(report["items"], key=lambda row: (-row["flagged"], -row["projects"], row["key"]))
    return Level([], rows, report["totals"])


def _filters_of_all(level: Level, day: date | None) -> dict[str, str] | None:
    if day is not None:
        return None
    return {"agency": level.above[-1]["bin"], "below": "true"} if level.above else {}


def _requested_page() -> int:
    page = request.args.get("page", "")
    return min(max(int(page), 1), LAST_PAGE) if page.isascii() and page.isdigit() and len(page) < 10 else 1


def _opened(row: dict[str, Any]) -> str | None:
    return url_for("web.compliance_report", within=row["key"]) if row.get("below") else None


def _same_level(**more: Any) -> str:
    parameters: dict[str, Any] = {name: request.args[name] for name in ("by", "within", "on") if request.args.get(name)}
    return url_for("web.compliance_report", **parameters, **more)
