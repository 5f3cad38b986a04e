"""Lists of exemptions, and the reading of one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.service import Agency
from registry.core.clock import today
from registry.core.database import db
from registry.core.errors import Malformed, Problem
from registry.core.filters import BooleanFilter, ChoiceFilter, ColumnFilter, TextFilter, conditions, date_filters
from registry.core.pagination import Listing, Page, SortKey, after, cursor_after, order_by
from registry.core.vocabularies import REGIONS, SECTORS
from registry.exemptions.service import Exemption, find_exemption, in_force_on
from registry.projects.models import Project
from registry.projects.visibility import journal_restricted_reads, visible_projects

SORTS: Final[Mapping[str, SortKey]] = {
    "id": SortKey("id", Exemption.id.expression, int),
    "valid_to": SortKey("valid_to", Exemption.valid_to.expression, date),
}
DEFAULT_SORT: Final = "-id"


def list_exemptions(actor: Actor, raw: Mapping[str, str], page: Page) -> Listing:
    """A page of exemptions of projects that the actor may see, the newest first unless sorted otherwise.

    Those of restricted projects are journalled as read. Raises RoleNotAllowed and Malformed.
    """
    actor.require(Permission.EXEMPTIONS_READ)
    key, descending = _sort_key(page.sort or DEFAULT_SORT)
    statement = (
        select(Exemption)
        .join(Exemption.project_record)
        .join(Agency, Agency.id == Project.agency_id)
        .options(contains_eager(Exemption.project_record).contains_eager(Project.agency))
        .where(*visible_projects(actor), *conditions(filters_of_exemptions(), raw))
    )
    if page.cursor is not None:
        statement = statement.where(after(key, Exemption.id.expression, descending, page.cursor))
    ordered = statement.order_by(*order_by(key, Exemption.id.expression, descending)).limit(page.limit + 1)
    found = list(db.session.scalars(ordered))
    restricted = [each.project for each in found[: page.limit] if each.project_record.is_restricted]
    if restricted:
        journal_restricted_reads(actor, restricted, "exemptions")
        # What was read before is let go by the journal's transaction; one restricted since is not in the journal.
        found = [
            each
            for each in db.session.scalars(ordered)
            if not each.project_record.is_restricted or each.project in restricted
        ]
    shown = found[: page.limit]
    if len(found) <= page.limit:
        return Listing(shown, None)
    return Listing(shown, cursor_after(key, descending, getattr(shown[-1], key.name), shown[-1].id))


def exemptions_of(project_id: int) -> list[Exemption]:
    """All exemptions of a project that the caller has read, the newest first."""
    mine = select(Exemption).where(Exemption.project_id == project_id).order_by(Exemption.id.desc())
    return list(db.session.scalars(mine))


def filters_of_exemptions() -> dict[str, ColumnFilter]:
    """The filters on an exemption and its project, as of today."""
    return {
        "project": TextFilter(Project.number.expression),
        "agency": TextFilter(Agency.bin.expression),
        "region": ChoiceFilter(Project.region.expression, REGIONS),
        "sector": ChoiceFilter(Project.sector.expression, SECTORS),
        "decision_number": TextFilter(Exemption.decision_number.expression),
        "revoked": BooleanFilter(Exemption.revoked_at.is_not(None)),
        "in_force": BooleanFilter(in_force_on(today())),
        **date_filters("decided_on", Exemption.decided_on.expression),
        **date_filters("valid_from", Exemption.valid_from.expression),
        **date_filters("valid_to", Exemption.valid_to.expression),
    }


def read_exemption(actor: Actor, exemption_id: int) -> Exemption:
    """The exemption of that id, to show; the reading of one of a restricted project is journalled."""
    found = find_exemption(actor, exemption_id)
    if found.project_record.is_restricted:
        journal_restricted_reads(actor, [found.project], "exemption")
        return find_exemption(actor, exemption_id)
    return found


def _sort_key(sort: str) -> tuple[SortKey, bool]:
    key = SORTS.get(sort.removeprefix("-"))
    if key is None:
        raise Malformed([Problem("sort", "not-a-choice", {"options": ", ".join(SORTS)})])
    return key, sort.startswith("-")
