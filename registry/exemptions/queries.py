"""Exemption queries: the paginated list, and single exemptions."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import contains_eager

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.core import lists
from registry.core.clock import today
from registry.core.database import db
from registry.exemptions.models import Exemption
from registry.exemptions.service import find_exemption, in_force_on
from registry.projects.filters import OF_PROJECT
from registry.projects.models import Project
from registry.projects.visibility import NOT_WITHDRAWN, journal_restricted_reads, visible_projects


def _visible(actor: Actor) -> Select[Any]:
    return (
        select(Exemption)
        .join(Exemption.project_record)
        .join(Agency, Agency.id == Project.agency_id)
        .options(contains_eager(Exemption.project_record).contains_eager(Project.agency))
        .where(*visible_projects(actor))
    )


def _shown(actor: Actor, exemptions: Sequence[Exemption]) -> Sequence[Exemption]:
    restricted = [each.project for each in exemptions if each.project_record.is_restricted]
    if not restricted:
        return exemptions
    ids = [each.id for each in exemptions]
    journal_restricted_reads(actor, restricted, "exemptions")
    # Read again: the journal's transaction expired the objects. Projects restricted since were not journalled.
    again = {each.id: each for each in db.session.scalars(_visible(actor).where(Exemption.id.in_(ids)))}
    shown = [again[each] for each in ids if each in again]
    return [each for each in shown if not each.project_record.is_restricted or each.project in restricted]


EXEMPTION_LIST: Final = lists.RecordList(
    name="exemptions",
    permission=Permission.EXEMPTIONS_READ,
    rows=_visible,
    unique=Exemption.id.expression,
    shown=_shown,
    filters={
        **OF_PROJECT,
        "decision_number": lists.TextFilter(Exemption.decision_number.expression),
        "revoked": lists.BooleanFilter(Exemption.revoked_at.is_not(None)),
        "in_force": lists.BooleanFilter(lambda: and_(in_force_on(today()), NOT_WITHDRAWN)),
        **lists.date_filters("decided_on", Exemption.decided_on.expression),
        **lists.date_filters("valid_from", Exemption.valid_from.expression),
        **lists.date_filters("valid_to", Exemption.valid_to.expression),
    },
    sorts=lists.sort_keys(Exemption.id.expression, Exemption.valid_to.expression),
    negatable=True,
)


def exemptions_of(project_id: int) -> list[Exemption]:
    """Return all exemptions of a project, newest first; the caller must have checked its visibility."""
    statement = select(Exemption).where(Exemption.project_id == project_id).order_by(Exemption.id.desc())
    return list(db.session.scalars(statement))


def read_exemption(actor: Actor, exemption_id: int) -> Exemption:
    """Return the exemption with that id, for display; reading one of a restricted project is journalled.

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
