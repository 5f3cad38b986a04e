"""What a change of an agency, a succession or a transfer touches: counted for whoever decides, by ``EFFECT_LABELS``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select

from registry.accounts.actors import Actor
from registry.accounts.models import Account
from registry.accounts.roles import AGENCY_ROLES
from registry.agencies.models import Agency
from registry.agencies.queries import agencies_above
from registry.approvals.fields import EFFECTS
from registry.cases.models import Case
from registry.cases.workflow import OPEN
from registry.core.database import db
from registry.core.fields import nullable
from registry.core.response_fields import ReadOnly
from registry.flags.models import FLAGS, IS_ACTIVE
from registry.flags.withdrawn_projects import SERIOUS
from registry.freeze.current import policy_in_force
from registry.freeze.evaluation import in_scope
from registry.projects.models import Project
from registry.projects.visibility import among_visible

OPEN_STATUSES: Final = [status.value for status in OPEN]


def effects_field() -> ReadOnly:
    """The field of a request that shows what it would touch."""
    return ReadOnly(
        "Not in lists: while it is open, how much it touches of what the caller may see; null once it took effect.",
        nullable(EFFECTS),
    )


def visible_ids(actor: Actor, *conditions: ColumnElement[bool]) -> Select[int]:
    """The ids of the projects with these conditions that the actor may see."""
    return select(Project.id).where(*conditions, *among_visible(actor, Project.id.expression))


def touched(projects: Select[int]) -> dict[str, int]:
    """How many projects are not withdrawn, with their active medium and high flags, and their open cases."""
    return {
        "projects": count_of(projects.where(Project.withdrawn_at.is_(None))),
        "flags": count_of(
            select(FLAGS.c.id).where(IS_ACTIVE, FLAGS.c.severity.in_(SERIOUS), FLAGS.c.project_id.in_(projects))
        ),
        "cases": count_of(select(Case.id).where(Case.status.in_(OPEN_STATUSES), Case.project_id.in_(projects))),
    }


def scope_effects(projects: Select[int], kind: str, new_kind: str) -> dict[str, int]:
    """How many projects leave the scope of the freeze, or enter it, with another kind of their agency."""
    policy = policy_in_force()
    was, will_be = in_scope(kind, policy), in_scope(new_kind, policy)
    if was == will_be:
        return {}
    return {"out_of_scope" if was else "into_scope": count_of(projects.where(Project.withdrawn_at.is_(None)))}


def effects_of_passing_on(
    actor: Actor, former: Agency, to: Agency, numbers: Collection[str] | None, *, with_accounts: bool
) -> dict[str, int]:
    """What it touches that projects of these numbers, or all, pass to another agency.

    ``readers``: who can read the restricted ones among them from then on, and ``with_accounts``, who comes along with
    the agency, those of the other one.
    """
    if former.id == to.id:
        return touched(visible_ids(actor, Project.agency_id == former.id))
    named = () if numbers is None else (Project.number.in_(numbers),)
    projects = visible_ids(actor, Project.agency_id == former.id, *named)
    new_readers = agency_and_above(to) - agency_and_above(former)
    if with_accounts:
        new_readers |= {former.id}
    return {
        **touched(projects),
        **scope_effects(projects, former.kind, to.kind),
        "restricted": count_of(projects.where(Project.is_restricted)),
        "readers": count_readers(new_readers),
    }


def agency_and_above(agency: Agency) -> set[int]:
    """The ids of an agency and those above it: their accounts read what it has."""
    return {agency.id, *(each.id for each in agencies_above(agency))}


def count_readers(agency_ids: Collection[int]) -> int:
    """How many accounts of these agencies can read restricted projects."""
    return count_of(
        select(Account.id).where(
            Account.agency_id.in_(agency_ids),
            Account.role.in_([role.value for role in AGENCY_ROLES]),
            Account.restricted_admitted_at.is_not(None),
            Account.disabled_at.is_(None),
        )
    )


def count_of(ids: Select[Any]) -> int:
    """How many rows the statement has."""
    return db.session.scalar(select(func.count()).select_from(ids.subquery())) or 0
