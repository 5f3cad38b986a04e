"""Columns and rows of the compliance report's export: exact amounts and BINs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from registry.accounts.actors import Actor
from registry.core.spreadsheets.writer import Cell
from registry.projects.visibility import leaves_out_restricted
from registry.projects.vocabulary import FreezeStatus
from registry.reports.compliance import BY_SEVERITY, UNFLAGGED, compliance
from registry.reports.compliance_tree import parents
from registry.reports.former_dates import compliance_on
from registry.web.labels import choice_label, field_label, name_in_page_language
from registry.web.translations import gettext as _

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
