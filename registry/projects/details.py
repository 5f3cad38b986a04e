"""One project read, to be shown: one narrow statement, and rows instead of objects, which nobody is to change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, Select, bindparam, select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.service import Agency
from registry.core.bulk import table_of
from registry.core.database import db
from registry.freeze.current import policy_in_force
from registry.freeze.facts import Past
from registry.freeze.started import started_on
from registry.projects.models import Project
from registry.projects.numbers import is_project_number
from registry.projects.revisions import LAW_LOOKS_AT
from registry.projects.service import ProjectNotFound
from registry.projects.visibility import OWN_AGENCY, journal_restricted_reads, visible_with

Statement = Callable[[bool, bool], Select[Any]]
NUMBER: Final = "asked_number"


def read_whole(actor: Actor, number: str, what: str) -> Mapping[str, Any]:
    """Everything shown of the project of that number; the reading of a restricted one is journalled as ``what``.

    Raises ProjectNotFound also for what the actor may not see.
    """
    row = _read(actor, number, what, _whole)
    began = started_on(Past(**{name: row[name] for name in LAW_LOOKS_AT}), policy_in_force())
    return {**row, "started_on": began}


def read_id(actor: Actor, number: str, what: str) -> int:
    """The same for something that hangs on the project: its id alone."""
    found: int = _read(actor, number, what, _id_alone)["id"]
    return found


def _read(actor: Actor, number: str, what: str, statement: Statement) -> RowMapping:
    row = _row(actor, number, statement)
    if not row["is_restricted"]:
        return row
    journal_restricted_reads(actor, [number], what)
    return _row(actor, number, statement)


def _row(actor: Actor, number: str, statement: Statement) -> RowMapping:
    asked = statement(actor.agency_id is not None, actor.may(Permission.RESTRICTED_READ))
    usable = is_project_number(number)
    values = {NUMBER: number, OWN_AGENCY: actor.agency_id}
    row = db.session.execute(asked, values).mappings().one_or_none() if usable else None
    if row is None:
        raise ProjectNotFound(number=number)
    return row


# Made once for each kind of reader: a statement of so many columns takes longer to make than to run.
@lru_cache(maxsize=4)
def _whole(bound: bool, restricted: bool) -> Select[Any]:
    project, agency = table_of(Project).c, table_of(Agency).c
    columns: list[ColumnElement[Any]] = [column for column in project if column.name != "words"]
    shown = select(*columns, agency.bin.label("agency"))
    return _of_number(shown.join(table_of(Agency), agency.id == project.agency_id), bound, restricted)


@lru_cache(maxsize=4)
def _id_alone(bound: bool, restricted: bool) -> Select[Any]:
    project = table_of(Project).c
    return _of_number(select(project.id, project.is_restricted), bound, restricted)


def _of_number(statement: Select[Any], bound: bool, restricted: bool) -> Select[Any]:
    number = table_of(Project).c.number == bindparam(NUMBER)
    return statement.where(number, *visible_with(bound=bound, restricted=restricted))
