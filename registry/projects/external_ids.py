"""Projects by the agency's own reference: found, and registered or replaced by one call (upsert)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.orm import contains_eager

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.agencies.service import AgencyNotFound, may_act_for, require_open
from registry.core.database import db, require_transaction
from registry.core.errors import Invalid, NotFound, Problem
from registry.core.fields import body_problems, is_bin
from registry.core.values import InvalidValue
from registry.projects import service
from registry.projects.fields import FIELDS
from registry.projects.models import Project
from registry.projects.visibility import may_see, require_not_withdrawn, visible_projects

EXTERNAL_ID: Final = "external_id"
# What stands in a decoded path for bytes that are no UTF-8: in another encoding, different ids would be one.
NOT_UTF_8: Final = "\ufffd"


class ExternalIdNotFound(NotFound):
    """The agency has no project with that external id, or the actor may not see it."""


def number_of(actor: Actor, agency_bin: str, external_id: str) -> str:
    """Return the number of the project with that external id. Raises ExternalIdNotFound, also for what cannot be
    one.
    """
    try:
        statement = _statement(agency_bin, _usable(external_id)).where(*visible_projects(actor))
    except Invalid as error:
        raise ExternalIdNotFound(bin=agency_bin, external_id=external_id) from error
    number = db.session.scalar(statement.with_only_columns(Project.number)) if is_bin(agency_bin) else None
    if number is None:
        raise ExternalIdNotFound(bin=agency_bin, external_id=external_id)
    return str(number)


def put_project(
    actor: Actor,
    agency_bin: str,
    external_id: str,
    values: Mapping[str, Any],
    known: Sequence[Problem],
    reason: str | None,
    require_state: Callable[[Project | None], None],
) -> tuple[Project, bool]:
    """Register the project of this external id, or replace its fields: those without a value are cleared.

    In the open transaction. ``require_state`` may refuse the present state: the project, None when there is none.
    Returns the project and whether it is new. Raises RoleNotAllowed, AgencyNotFound, AgencyClosed, AgencyNotYours,
    ProjectWithdrawn and Invalid; ExternalIdTaken for a project that the actor may not see, and when another request
    registered it meanwhile: the next try finds it.
    """
    require_transaction()
    actor.require(Permission.PROJECTS_WRITE)
    agency = service.agencies_to_register_for([agency_bin]).get(agency_bin) if is_bin(agency_bin) else None
    if agency is None:
        raise AgencyNotFound(bin=agency_bin)
    # Of a closed agency everybody may know who succeeded it.
    require_open(agency)
    if not may_act_for(actor, agency.id):
        raise service.AgencyNotYours(bin=agency_bin)
    external_id = _usable(external_id)
    statement = _statement(agency_bin, external_id).options(contains_eager(Project.agency)).with_for_update(of=Project)
    project = db.session.scalar(statement.execution_options(populate_existing=True))
    if project is not None and not may_see(actor, project):
        # As for an id that no project has: preconditions and fields first, and a registration finds it taken.
        project = None
    require_state(project)
    whole = {**dict.fromkeys(FIELDS), **values, EXTERNAL_ID: external_id}
    if project is None:
        return service.register_project(actor, agency_bin, whole, known, reason), True
    require_not_withdrawn(project)
    service.change_project(actor, project, whole, known, reason)
    return project, False


def _statement(agency_bin: str, external_id: str) -> Select[Project]:
    statement = select(Project).join(Project.agency)
    return statement.where(Agency.bin == agency_bin, Project.external_id == external_id)


def _usable(external_id: str) -> str:
    """Return the external id as it is stored. Raises Invalid for one that no project can have."""
    try:
        stored = FIELDS[EXTERNAL_ID].deserialize(external_id)
    except InvalidValue as error:
        raise Invalid(body_problems({EXTERNAL_ID: error.messages})) from error
    if stored is None:
        raise Invalid([Problem(f"/{EXTERNAL_ID}", "required")])
    if NOT_UTF_8 in stored:
        raise Invalid([Problem(f"/{EXTERNAL_ID}", "not-usable")])
    return str(stored)
