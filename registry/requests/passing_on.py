"""Projects pass from one agency to another: they, their flags, cases and freeze status change in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import and_, or_, select, true
from sqlalchemy.orm import aliased

from registry.accounts.actors import Actor
from registry.accounts.agency_tree import last_successor
from registry.agencies.models import Agency
from registry.agencies.service import hold_agencies
from registry.cases.change_times import mark_cases
from registry.cases.models import CASE
from registry.core.clock import now
from registry.core.database import db
from registry.core.transactions import require_transaction
from registry.exemptions.service import mark_exemptions
from registry.flags.freeze_status import mark_flags, update_freeze_status
from registry.flags.models import FLAGS
from registry.projects.bulk_writes import move_projects
from registry.projects.change_times import projects_of_ids
from registry.projects.models import Project
from registry.projects.visibility import among_visible, visible_projects
from registry.requests.models import Request

# Of many equal external ids, these are shown.
MAX_EQUAL_IDS: Final = 500


def lock_agencies(former_id: int, to_id: int) -> tuple[Agency, Agency]:
    """The agency that passes something on and the one that gets it, locked by rising ids.

    The latter is the last successor of the agency that was asked for, if that has been succeeded meanwhile.
    """
    session = require_transaction()
    to_id = last_successor(to_id)
    hold_agencies(Agency.id.in_({former_id, to_id}))
    both = select(Agency).where(Agency.id.in_({former_id, to_id})).order_by(Agency.id).with_for_update(of=Agency)
    rows = {row.id: row for row in session.scalars(both.execution_options(populate_existing=True))}
    to = rows[to_id]
    return (rows[former_id], to) if to.successor_id is None else lock_agencies(former_id, to_id)


def pass_projects(
    actor: Actor, request: Request, former: Agency, to: Agency, *, numbers: Sequence[str] | None
) -> dict[str, Any]:
    """Give the projects of these numbers, or all, to the other agency; returns the counts for the journal.

    Deadlines, decisions and orders stay as they are. Locks projects, then flags, then cases.
    """
    if former.id == to.id:
        return {"passed_on": 0}
    at = now()
    details = {"request": request.id, "act": request.act}
    ids, renamed = move_projects(
        actor, former, to, at, numbers=numbers, decided_by=str(request.decided_by), details=details
    )
    parts = projects_of_ids(ids)
    for some in parts:
        # The rules depend on the kind of the agency.
        update_freeze_status(at, some)
    table = Project.__table__.c
    for some in parts:
        mark_flags(at, FLAGS.c.project_id.in_(select(table.id).where(some)))
        mark_exemptions(some)
    for some in parts:
        mark_cases(at, CASE.c.project_id.in_(select(table.id).where(some)))
    return {"passed_on": len(ids), **({"external_ids_changed": renamed} if renamed else {})}


def equal_external_ids(actor: Actor, former_id: int, to_id: int, numbers: Sequence[str] | None) -> list[dict[str, str]]:
    """The external ids that projects of both agencies have; at most 500.

    Only of projects that the actor may see; those of the other agency also when they are not restricted.
    """
    other = aliased(Project)
    statement = (
        select(Project.external_id, Project.number, other.number.label("other_number"))
        .join(other, (other.external_id == Project.external_id) & (other.agency_id == to_id))
        .where(Project.agency_id == former_id, *visible_projects(actor))
        .where(or_(other.is_restricted.is_(False), and_(true(), *among_visible(actor, other.id.expression))))
        .order_by(Project.external_id)
        .limit(MAX_EQUAL_IDS)
    )
    if numbers is not None:
        statement = statement.where(Project.number.in_(numbers))
    return [
        {"external_id": str(external_id), "project": number, "other_project": other_number}
        for external_id, number, other_number in db.session.execute(statement)
    ]
