"""Batches of projects: registered in one transaction, each checked as alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.service import may_act_for
from registry.core.base_schema import Loaded
from registry.core.constraints import violates
from registry.core.database import db
from registry.core.dialects import is_one_of
from registry.core.errors import Conflict, FailedDependency, Invalid, RegistryError
from registry.core.transactions import transaction
from registry.projects.bulk_writes import NewProject, register_projects
from registry.projects.former_records import REASON, former_records_of, reason_problem
from registry.projects.models import CHANGEABLE, EXTERNAL_ID_UNIQUE, Project
from registry.projects.registration_checks import ExternalIdTaken, agencies_to_register_for, checked_agency


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
