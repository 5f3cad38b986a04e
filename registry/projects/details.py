"""Project details: reads one project for display with a single statement, as a mapping and not as an ORM object."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, Select, bindparam, select

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.core.database import db, table_of
from registry.freeze.current import policy_in_force
from registry.freeze.facts import EarlierRevision
from registry.freeze.rules import started_on
from registry.projects.models import STATUS, STATUS_COLUMNS, Project, is_project_number
from registry.projects.revisions import LAW_LOOKS_AT
from registry.projects.service import ProjectNotFound
from registry.projects.visibility import OWN_AGENCY, journal_restricted_reads, visible_with

Statement = Callable[[bool, bool], Select[Any]]
NUMBER_PARAMETER: Final = "requested_number"


def read_whole(actor: Actor, number: str, what: str) -> Mapping[str, Any]:
    """Return all displayed values of a project; reading a restricted project is journalled as ``what``.

    Raises ProjectNotFound, also for projects that the actor may not see.
    """
    return _with_start(_read(actor, number, what, _details_statement))


def _with_start(row: RowMapping) -> dict[str, Any]:
    work_started = started_on(EarlierRevision(**{name: row[name] for name in LAW_LOOKS_AT}), policy_in_force())
    return {**row, "started_on": work_started}


def read_several(actor: Actor, numbers: Collection[str], what: str) -> list[Mapping[str, Any]]:
    """Return the same of each of these projects that the actor may see."""
    reader = actor.agency_id is not None, actor.may(Permission.RESTRICTED_READ)
    statement = _details(*reader).where(table_of(Project).c.number.in_(numbers))
    rows = db.session.execute(statement, {OWN_AGENCY: actor.agency_id}).mappings().all()
    journal_restricted_reads(actor, (row["number"] for row in rows if row["is_restricted"]), what)
    return [_with_start(row) for row in rows]


def read_id(actor: Actor, number: str, what: str) -> int:
    """Return the id of a project, for reading its related records; otherwise as ``read_whole``."""
    project_id: int = _read(actor, number, what, _id_statement)["id"]
    return project_id


def _read(actor: Actor, number: str, what: str, statement: Statement) -> RowMapping:
    row = _row(actor, number, statement)
    if not row["is_restricted"]:
        return row
    journal_restricted_reads(actor, [number], what)
    return _row(actor, number, statement)


def _row(actor: Actor, number: str, statement: Statement) -> RowMapping:
    prepared = statement(actor.agency_id is not None, actor.may(Permission.RESTRICTED_READ))
    # PostgreSQL rejects NUL in a parameter.
    valid = is_project_number(number)
    values = {NUMBER_PARAMETER: number, OWN_AGENCY: actor.agency_id}
    row = db.session.execute(prepared, values).mappings().one_or_none() if valid else None
    if row is None:
        raise ProjectNotFound(number=number)
    return row


# Cached per kind of reader: 0.4 ms of the 2.8 ms of processor time of a project.
@lru_cache(maxsize=4)
def _details_statement(bound: bool, restricted: bool) -> Select[Any]:
    return _details(bound, restricted).where(table_of(Project).c.number == bindparam(NUMBER_PARAMETER))


def _details(bound: bool, restricted: bool) -> Select[Any]:
    project, agency = table_of(Project).c, table_of(Agency).c
    columns: list[ColumnElement[Any]] = [column for column in project if column.name != "words"]
    shown = select(*columns, *STATUS_COLUMNS, agency.bin.label("agency"))
    joined = shown.join(table_of(Agency), agency.id == project.agency_id).join(
        STATUS, STATUS.c.project_id == project.id
    )
    return joined.where(*visible_with(bound=bound, restricted=restricted))


# Cached: 0.3 ms of the 3.7 ms of processor time of a project's flags.
@lru_cache(maxsize=4)
def _id_statement(bound: bool, restricted: bool) -> Select[Any]:
    project = table_of(Project).c
    named = select(project.id, project.is_restricted).where(project.number == bindparam(NUMBER_PARAMETER))
    return named.where(*visible_with(bound=bound, restricted=restricted))
