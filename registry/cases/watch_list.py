"""Watch list: projects whose findings are too weak to open a case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import ColumnElement, exists, select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.cases.models import Case
from registry.cases.vocabulary import Status
from registry.core.lists import Listing, Page
from registry.core.translations import Language
from registry.flags.models import SEVERITY_RANK, Flag
from registry.flags.queries import active_flags_of
from registry.freeze.current import policy_in_force
from registry.projects.models import Project
from registry.projects.queries import list_projects

DEFAULT_SORT: Final = "-registered_at"


def list_watched(actor: Actor, filters: Mapping[str, str], page: Page, language: Language) -> Listing:
    """Return a page of the watch list: project summaries with their ``flags``, newest first.

    Accepts the filters of projects. Raises RoleNotAllowed, and Malformed for an invalid filter, sort or cursor.
    """
    actor.require(Permission.CASES_READ)
    sorted_page = Page(page.limit, page.cursor, page.sort or DEFAULT_SORT)
    listing = list_projects(actor, filters, sorted_page, only=_watched())
    flags = active_flags_of(actor, [row["number"] for row in listing.items], language)
    return Listing([{**row, "flags": flags[row["number"]]} for row in listing.items], listing.next)


def _watched() -> list[ColumnElement[bool]]:
    """Conditions: an open flag, no flag of the severity that opens cases, and no open case."""
    threshold = SEVERITY_RANK[policy_in_force().case_from_severity]
    weak = [name for name, rank in SEVERITY_RANK.items() if rank < threshold]
    active = select(Flag.id).where(Flag.project_id == Project.id)
    return [
        exists(active.where(Flag.status == "open", Flag.severity.in_(weak))),
        ~exists(active.where(Flag.status != "cleared", Flag.severity.not_in(weak))),
        ~exists(select(Case.id).where(Case.project_id == Project.id, Case.status != Status.CLOSED)),
    ]
