"""Writes random facts into the database without the services, which do not allow all of them today."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import date, datetime, time
from itertools import count
from typing import Any

from sqlalchemy import insert

from registry.agencies.models import Agency
from registry.cases.models import ORDER_FACTS, Order
from registry.core.clock import local_instant, now
from registry.core.database import transaction
from registry.freeze.facts import DEPLOYMENT_FACTS, EarlierRevision, Facts
from registry.freeze.policy import policy_in_force
from registry.platform.models import Deployment, Inventory
from registry.projects.models import Project, ProjectStatus, first_status, reserve_numbers
from registry.projects.revisions import LAW_LOOKS_AT, Revision, differences
from tests.factories import an_agency
from tests.freeze.random_projects import AGENCY_KINDS, as_past

NOT_COLUMNS = (
    *("agency_kind", "registered_on", *ORDER_FACTS, *DEPLOYMENT_FACTS),
    *("confirmed", "past", "former", "siblings", "contracts"),
)
_serial = count(1)


def an_agency_of_each_kind() -> dict[str, Agency]:
    """Register one agency of each kind."""
    return {kind: an_agency(kind=kind) for kind in AGENCY_KINDS}


def write(facts: Facts, agencies: Mapping[str, Agency]) -> tuple[int, Facts]:
    """Write a project. Return its id and its facts: registered, and on an object of its own."""
    registered = facts.registered_on or now().date()
    with transaction() as session:
        (number,) = reserve_numbers(1)
        at = local_instant(registered, time(12))
        values = {name: value for name, value in asdict(facts).items() if name not in NOT_COLUMNS}
        project = Project(
            **values,
            number=number,
            agency=agencies[facts.agency_kind],
            external_id=f"random {next(_serial)}",
            name_ru="Система",
            object_kind="system",
            platform_key=f"random-{next(_serial)}",
            is_restricted=False,
            version=len(facts.past) + 1,
            registered_at=at,
            updated_at=at,
            words="",
        )
        session.add(project)
        session.flush()
        row = {column.name: getattr(project, column.name) for column in Project.__table__.columns}
        session.execute(insert(ProjectStatus), first_status(row, facts.agency_kind, policy_in_force().scope))
        session.execute(insert(Revision), list(_revisions(facts, project.id, at)))
        if facts.order_migrate_by or facts.order_end_by:
            session.add_all(_orders(project.id, facts, at))
        if facts.deployments_reported is not None:
            list_ = Inventory(at=at, by="random", file_name="", sha256="", summary={"lost": 0})
            session.add(list_)
            session.flush()
            by_list = {"added_by": list_.id, "inventory_id": list_.id, "is_reported": facts.deployments_reported}
            session.add(
                Deployment(
                    platform_key=project.platform_key,
                    environments=None,
                    last_deployed_on=facts.last_deployed_on,
                    **by_list,
                )
            )
    if not facts.deployments_reported:
        facts = replace(facts, deployments_reported=None, last_deployed_on=None)
    past = tuple(replace(each, confirmed=()) for each in facts.past)
    return project.id, replace(facts, registered_on=registered, confirmed=(), past=past, siblings=(), contracts=())


def write_all(drawn: Iterable[Facts], agencies: Mapping[str, Agency]) -> dict[int, Facts]:
    """Write many projects."""
    with transaction():
        return dict(write(facts, agencies) for facts in drawn)


def _revisions(facts: Facts, project_id: int, at: datetime) -> Iterator[dict[str, Any]]:
    """The rows of all revisions, each with what it changed and the day on which it replaced the one before."""
    before: EarlierRevision | None = None
    for version, each in enumerate((*facts.past, as_past(facts)), 1):
        law = {name: getattr(each, name) for name in LAW_LOOKS_AT}
        changes = [] if before is None else differences(asdict(before), asdict(each))
        edited_at = at if before is None else local_instant(before.replaced_on or date(2026, 1, 1), time(12))
        yield law | {"project_id": project_id, "version": version, "at": edited_at, "by": "random", "changes": changes}
        before = each


def _orders(project_id: int, facts: Facts, at: datetime) -> list[Order]:
    """Write the order in force, after a replaced one and before a withdrawn one."""
    usual = {"project_id": project_id, "approved_at": at, "approved_by": "supervisor"}
    return [
        Order(**usual, decision="stop", due_on=None, ended_at=at, ended_because="replaced"),
        Order(
            **usual,
            decision="migrate_by" if facts.order_migrate_by else "stop",
            due_on=facts.order_migrate_by or facts.order_end_by,
        ),
        Order(**usual, decision="write_off", due_on=None, ended_at=at, ended_because="withdrawn"),
    ]
