"""Exemption queries: the paginated list, and single exemptions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import contains_eager

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.agencies.vocabulary import Region
from registry.core.clock import today
from registry.core.database import db
from registry.core.lists import (
    BinFilter,
    BooleanFilter,
    ChoiceFilter,
    ColumnFilter,
    Listing,
    Page,
    SortKey,
    TextFilter,
    conditions,
    date_filters,
    read_objects,
)
from registry.exemptions.models import Exemption
from registry.exemptions.service import find_exemption, in_force_on
from registry.projects.models import Project
from registry.projects.visibility import NOT_WITHDRAWN, journal_restricted_reads, visible_projects
from registry.projects.vocabulary import Sector

SORTS: Final[Mapping[str, SortKey]] = {
    "id": SortKey("id", Exemption.id.expression, int),
    "valid_to": SortKey("valid_to", Exemption.valid_to.expression, date),
}


def list_exemptions(actor: Actor, raw: Mapping[str, str], page: Page) -> Listing:
    """A page of exemptions of projects that the actor may see, newest first by default.

    Restricted projects among them are journalled as read. Raises RoleNotAllowed and Malformed.
    """
    actor.require(Permission.EXEMPTIONS_READ)
    statement = (
        select(Exemption)
        .join(Exemption.project_record)
        .join(Agency, Agency.id == Project.agency_id)
        .options(contains_eager(Exemption.project_record).contains_eager(Project.agency))
        .where(*visible_projects(actor), *conditions(filters_of_exemptions(), raw))
    )
    listing = read_objects(statement, page, Exemption, SORTS, "-id")
    restricted = [exemption.project for exemption in listing.items if exemption.project_record.is_restricted]
    if not restricted:
        return listing
    journal_restricted_reads(actor, restricted, "exemptions")
    # Read again: the journal's transaction expired the objects. Projects restricted since were not journalled.
    again = read_objects(statement, page, Exemption, SORTS, "-id")
    shown = [each for each in again.items if not each.project_record.is_restricted or each.project in restricted]
    return Listing(shown, again.next)


def exemptions_of(project_id: int) -> list[Exemption]:
    """All exemptions of a project, newest first; the caller must have checked its visibility."""
    statement = select(Exemption).where(Exemption.project_id == project_id).order_by(Exemption.id.desc())
    return list(db.session.scalars(statement))


def filters_of_exemptions() -> dict[str, ColumnFilter]:
    """The filters of the exemption list; ``in_force`` is evaluated as of today."""
    return {
        "project": TextFilter(Project.number.expression),
        "agency": BinFilter(Agency.bin.expression),
        "region": ChoiceFilter(Project.region.expression, Region.codes()),
        "sector": ChoiceFilter(Project.sector.expression, Sector.codes()),
        "decision_number": TextFilter(Exemption.decision_number.expression),
        "revoked": BooleanFilter(Exemption.revoked_at.is_not(None)),
        "in_force": BooleanFilter(and_(in_force_on(today()), NOT_WITHDRAWN)),
        **date_filters("decided_on", Exemption.decided_on.expression),
        **date_filters("valid_from", Exemption.valid_from.expression),
        **date_filters("valid_to", Exemption.valid_to.expression),
    }


def read_exemption(actor: Actor, exemption_id: int) -> Exemption:
    """The exemption with that id, for display; reading one of a restricted project is journalled.

    Raises ExemptionNotFound.
    """
    exemption = find_exemption(actor, exemption_id)
    if exemption.project_record.is_restricted:
        journal_restricted_reads(actor, [exemption.project], "exemption")
        return find_exemption(actor, exemption_id)
    return exemption


# Exemptions in force as the register knew them at an earlier moment.


def exemptions_known_at(at: datetime, day: date, after: int, to: int) -> dict[int, int]:
    """Return the last recorded exemption in force on the day, by project, for project ids in ``after < id <= to``.

    It was recorded by then and not revoked yet.
    """
    known = (
        Exemption.recorded_at <= at,
        or_(Exemption.revoked_at.is_(None), Exemption.revoked_at > at),
        Exemption.valid_from <= day,
        Exemption.valid_to >= day,
    )
    statement = (
        select(Exemption.project_id, func.max(Exemption.id))
        .where(Exemption.project_id > after, Exemption.project_id <= to, *known)
        .group_by(Exemption.project_id)
    )
    return dict(db.session.execute(statement).all())
