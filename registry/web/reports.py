"""Compliance by agency, region, kind and sector: bars that print, and the table beneath them."""

from __future__ import annotations

from typing import Any, Final

from flask import render_template, request

from registry.access.actors import Actor
from registry.access.roles import Permission
from registry.records.audit_runs import last_good_audit
from registry.records.compliance import GROUPS, compliance
from registry.web.catalogues import gettext, marked
from registry.web.labels import name_in_page_language, word
from registry.web.pages import Answer, pages

GROUP_NAMES: Final = {
    "agency": marked("By agency"),
    "region": marked("By region"),
    "kind": marked("By kind of agency"),
    "sector": marked("By sector"),
}
# From the worst to the best, as the bars show them.
SHARES: Final = ("flagged_high", "flagged_medium", "flagged_low", "exempt", "accepted", "clear", "unaudited")


@pages.page("/reports/compliance", needs=Permission.REPORTS_READ)
def compliance_report(by: Actor) -> Answer:
    """The report, grouped as asked."""
    grouped = request.args.get("by", "agency")
    grouped = grouped if grouped in GROUPS else "agency"
    report = compliance(by, grouped)
    rows = [{**row, "name": group_name(grouped, row)} for row in report["items"]]
    return render_template(
        "compliance.html",
        grouped=grouped,
        groups=GROUP_NAMES,
        rows=rows,
        bars=[(row["name"], bar(row)) for row in rows],
        shares=SHARES,
        totals=report["totals"],
        last=last_good_audit(),
    )


def group_name(grouped: str, row: dict[str, Any]) -> str:
    """What a row is called."""
    if row["key"] is None:
        return gettext("Not given")
    if grouped == "agency":
        return name_in_page_language(row) or str(row["key"])
    return word(grouped, row["key"])


def bar(row: dict[str, Any]) -> list[tuple[str, float, float, int]]:
    """``(share, from, width, count)`` of each piece, in percent of the row's projects in scope."""
    total = sum(row[name] for name in SHARES)
    pieces, begin = [], 0.0
    for name in SHARES:
        if row[name]:
            width = round(100 * row[name] / total, 3)
            pieces.append((name, round(begin, 3), width, row[name]))
            begin += width
    return pieces
