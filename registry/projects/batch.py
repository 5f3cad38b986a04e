"""Batches of projects: registered in one transaction, each checked as alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import contains_eager

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.models import Agency
from registry.agencies.service import AgencyNotFound, may_act_for, require_open
from registry.core.database import db
from registry.core.dialects import is_one_of
from registry.core.errors import Conflict, FailedDependency, Invalid, NotFound, Problem, RegistryError
from registry.core.fields import Loaded, body_problems, is_bin
from registry.core.transactions import require_transaction, transaction, violates
from registry.core.values import InvalidValue
from registry.projects.bulk_writes import NewProject, register_projects
from registry.projects.fields import FIELDS
from registry.projects.former_records import REASON, former_records_of, reason_problem
from registry.projects.models import CHANGEABLE, EXTERNAL_ID_UNIQUE, Project
from registry.projects.registration_checks import (
    AgencyNotYours,
    ExternalIdTaken,
    agencies_to_register_for,
    checked_agency,
)
from registry.projects.service import change_project, register_project
from registry.projects.visibility import require_not_withdrawn, visible_projects


class BatchNotDone(FailedDependency):
    """Nothing of an atomic batch was done, because other items cannot be."""


class ExternalIdsCollided(Conflict):
    """Another request registered one of the external ids at the same time; nothing was done."""


def register_batch(actor: Actor, items: Sequence[Loaded], *, atomic: bool) -> list[str | RegistryError]:
    """Register each project that can be, or with ``atomic`` all or none. Returns the number or the error of each.

    ``items``: values and problems of the registration schema, the BIN among the values. All are one transaction: a
    batch that was interrupted has done nothing. Errors of items are those of ``register_project``, and BatchNotDone.
    Raises RoleNotAllowed, and ExternalIdsCollided, after which the batch can be sent again.
    """
    actor.require(Permission.PROJECTS_WRITE)
    with transaction():
        results = _checked(actor, items)
        new = [result for result in results if isinstance(result, NewProject)]
        if atomic and len(new) < len(results):
            return [BatchNotDone() if isinstance(result, NewProject) else result for result in results]
        try:
            numbers = iter(register_projects(actor, new))
        except IntegrityError as error:
            if not violates(error, EXTERNAL_ID_UNIQUE):
                raise
            raise ExternalIdsCollided from error
        return [next(numbers) if isinstance(result, NewProject) else result for result in results]


def _checked(actor: Actor, items: Sequence[Loaded]) -> list[NewProject | RegistryError]:
    """What can be registered, and the errors of the others; of two with one external id the first can be."""
    bins = {item.values["agency"] for item in items if item.values.get("agency") is not None}
    agencies = agencies_to_register_for(sorted(bins))
    is_own = cache(lambda agency_id: may_act_for(actor, agency_id))
    pairs = [
        (agencies[agency].id, external_id)
        for item in items
        if (agency := item.values.get("agency")) in agencies
        and (external_id := item.values.get("external_id")) is not None
    ]
    taken = _taken(pairs)
    results: list[NewProject | RegistryError] = []
    for item in items:
        number = item.values.get("agency")
        values = {name: item.values.get(name) for name in CHANGEABLE}
        try:
            agency = checked_agency(number, agencies.get(number or ""), is_own, values, item.problems)
            external_id = values["external_id"]
            if (agency.id, external_id) in taken:
                raise ExternalIdTaken(external_id=external_id, agency=agency.bin)
        except RegistryError as error:
            results.append(error)
            continue
        if external_id is not None:
            taken.add((agency.id, external_id))
        reason = item.values.get(REASON)
        results.append(NewProject(agency.id, agency.bin, values | {"is_restricted": False}, reason=reason))
    return _with_former(actor, results)


def _with_former(actor: Actor, results: Sequence[NewProject | RegistryError]) -> list[NewProject | RegistryError]:
    """The same, each with its former records; those that do not say why they are registered again cannot be."""
    new = [result for result in results if isinstance(result, NewProject)]
    former = iter(former_records_of([(each.agency_id, each.values) for each in new]))
    checked: list[NewProject | RegistryError] = []
    for result in results:
        if not isinstance(result, NewProject):
            checked.append(result)
            continue
        matches = next(former)
        problem = None if result.reason is not None else reason_problem(actor, matches)
        checked.append(replace(result, former=matches) if problem is None else Invalid([problem]))
    return checked


def _taken(pairs: Sequence[tuple[int, str]]) -> set[tuple[int, str | None]]:
    """Those of the pairs of agency and external id that a project has."""
    if not pairs:
        return set()
    taken = select(Project.agency_id, Project.external_id)
    taken = taken.where(is_one_of(Project.agency_id.expression, Project.external_id.expression, pairs))
    return {(agency_id, external_id) for agency_id, external_id in db.session.execute(taken)}


# Projects by the agency's own reference: found, and registered or replaced by one call (upsert).

EXTERNAL_ID = "external_id"
# What stands in a decoded path for bytes that are no UTF-8: in another encoding, different ids would be one.
NOT_UTF_8 = "\ufffd"


class ExternalIdNotFound(NotFound):
    """The agency has no project with that external id, or the actor may not see it."""


def number_of(actor: Actor, agency_bin: str, external_id: str) -> str:
    """The number of the project with that external id. Raises ExternalIdNotFound, also for what cannot be one."""
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
    agency = agencies_to_register_for([agency_bin]).get(agency_bin) if is_bin(agency_bin) else None
    if agency is None:
        raise AgencyNotFound(bin=agency_bin)
    # Of a closed agency everybody may know who succeeded it.
    require_open(agency)
    if not may_act_for(actor, agency.id):
        raise AgencyNotYours(bin=agency_bin)
    external_id = _usable(external_id)
    statement = _statement(agency_bin, external_id).options(contains_eager(Project.agency)).with_for_update(of=Project)
    project = db.session.scalar(statement.execution_options(populate_existing=True))
    if project is not None and project.is_restricted and not actor.may(Permission.RESTRICTED_READ):
        # As for an id that no project has: preconditions and fields first, and a registration finds it taken.
        project = None
    require_state(project)
    whole = {**dict.fromkeys(FIELDS), **values, EXTERNAL_ID: external_id}
    if project is None:
        return register_project(actor, agency_bin, whole, known, reason), True
    require_not_withdrawn(project)
    change_project(actor, project, whole, known, reason)
    return project, False


def _statement(agency_bin: str, external_id: str) -> Select[Project]:
    statement = select(Project).join(Project.agency)
    return statement.where(Agency.bin == agency_bin, Project.external_id == external_id)


def _usable(external_id: str) -> str:
    """The external id as it is stored. Raises Invalid for one that no project can have."""
    try:
        stored = FIELDS[EXTERNAL_ID].deserialize(external_id)
    except InvalidValue as error:
        raise Invalid(body_problems({EXTERNAL_ID: error.messages})) from error
    if stored is None:
        raise Invalid([Problem(f"/{EXTERNAL_ID}", "required")])
    if NOT_UTF_8 in stored:
        raise Invalid([Problem(f"/{EXTERNAL_ID}", "not-usable")])
    return str(stored)
