"""Columns and rows of case exports: the content of the list page as texts and dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from registry.accounts.actors import Actor
from registry.accounts.roles import AGENCY_ROLES
from registry.audits.pages import main_findings
from registry.core.clock import local_date
from registry.core.spreadsheets.writer import Cell, Rows
from registry.projects.models import Project
from registry.projects.views.links import projects_of
from registry.web.formats import gettext as _
from registry.web.labels import choice_label, field_label, name_in_page_language


def case_header(actor: Actor) -> list[str]:
    """Return the column headings. Agencies see neither the reviewer nor proposals."""
    oversight_only = (
        [] if actor.role in AGENCY_ROLES else [field_label("assignee"), _("Proposed"), field_label("proposed_by")]
    )
    return [
        _("Case"),
        field_label("number"),
        _("Project"),
        field_label("bin"),
        field_label("agency"),
        field_label("severity"),
        _("Flags"),
        field_label("status"),
        field_label("due_on"),
        _("Overdue"),
        *oversight_only,
        _("Opened"),
        _("Closed"),
    ]


def case_rows(actor: Actor, items: Sequence[Mapping[str, Any]]) -> Rows:
    """Return one row per case."""
    projects = projects_of(actor, items)
    return [_row(actor, item, projects[item["project"]]) for item in items if item["project"] in projects]


def _row(actor: Actor, item: Mapping[str, Any], project: Project) -> list[Cell]:
    oversight_only: list[Cell] = []
    if actor.role not in AGENCY_ROLES:
        proposal = item["proposal"]
        oversight_only = [item["assignee"], None, None]
        if proposal is not None:
            oversight_only[1:] = [choice_label("decision", proposal["decision"]), proposal["proposed_by"]]
    return [
        item["id"],
        item["project"],
        name_in_page_language(project),
        item["agency"],
        name_in_page_language(project.agency),
        choice_label("severity", item["severity"]),
        "; ".join(flag["title"] for flag in main_findings(item)),
        choice_label("case_status", item["status"]),
        item["due_on"],
        choice_label("overdue", item["is_overdue"]),
        *oversight_only,
        local_date(item["opened_at"]),
        local_date(item["closed_at"]) if item["closed_at"] is not None else None,
    ]
