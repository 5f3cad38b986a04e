"""Lists of exemptions, and the reading of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from registry.access.actors import Actor
from registry.access.roles import Permission
from registry.records.agencies import Agency
from registry.records.exemptions import Exemption, find_exemption
from registry.records.plain_filters import PlainFilter, Texts, YesNoWords, conditions, day_filters
from registry.records.project_table import Project
from registry.records.visibility import journal_restricted_reads, visible_projects
from registry.store.database import db
from registry.store.errors import Malformed, Problem
from registry.store.paging import Listing, Page, SortKey, after, cursor_after, order_by

KEY: Final = SortKey("id", Exemption.id.expression, int)
FILTERS: Final[Mapping[str, PlainFilter]] = {
    "project": Texts(Project.number.expression),
    "agency": Texts(Agency.bin.expression),
    "decision_number": Texts(Exemption.decision_number.expression),
    "revoked": YesNoWords(Exemption.revoked_at.is_not(None)),
    **day_filters("decided_on", Exemption.decided_on.expression),
    **day_filters("valid_from", Exemption.valid_from.expression),
    **day_filters("valid_to", Exemption.valid_to.expression),
}


def list_exemptions(by: Actor, raw: Mapping[str, str], page: Page) -> Listing:
    """A page of exemptions of projects that the actor may see, the newest first (``sort``: ``-id`` or ``id``).

    Those of restricted projects are journalled as read. Raises RoleNotAllowed and Malformed.
    """
    by.require(Permission.EXEMPTIONS_READ)
    if page.sort not in (None, "id", "-id"):
        raise Malformed([Problem("sort", "not-a-choice", {"options": "id, -id"})])
    descending = page.sort != "id"
    statement = (
        select(Exemption)
        .join(Exemption.project_record)
        .join(Agency, Agency.id == Project.agency_id)
        .options(contains_eager(Exemption.project_record))
        .where(*visible_projects(by), *conditions(FILTERS, raw))
    )
    if page.cursor is not None:
        statement = statement.where(after(KEY, Exemption.id.expression, descending, page.cursor))
    ordered = statement.order_by(*order_by(KEY, Exemption.id.expression, descending)).limit(page.limit + 1)
    found = list(db.session.scalars(ordered))
    shown = found[: page.limit]
    following = cursor_after(KEY, descending, shown[-1].id, shown[-1].id) if len(found) > page.limit else None
    journal_restricted_reads(
        by, [exemption.project for exemption in shown if exemption.project_record.is_restricted], "exemptions"
    )
    return Listing(shown, following)


def read_exemption(by: Actor, exemption_id: int) -> Exemption:
    """The exemption of that id, to show; the reading of one of a restricted project is journalled."""
    found = find_exemption(by, exemption_id)
    if found.project_record.is_restricted:
        journal_restricted_reads(by, [found.project], "exemption")
        return find_exemption(by, exemption_id)
    return found
