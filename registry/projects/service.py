"""Projects: registering, changing and finding one. The services take an actor and accepted values, and journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import contains_eager, make_transient_to_detached

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.service import Agency, acts_for
from registry.core.bulk import insert_together
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import Conflict, Invalid, NotAllowed, NotFound, Problem
from registry.core.outbox import OutboxMessage, message_row
from registry.core.search import search_words
from registry.core.transactions import require_transaction, transaction
from registry.journal import service as journal
from registry.projects.events import project_restricted
from registry.projects.fields import whole_record_problems
from registry.projects.freeze_status import status_at_registration
from registry.projects.models import CHANGEABLE, Project
from registry.projects.numbers import is_project_number, take_number
from registry.projects.placement_claims import end_confirmations
from registry.projects.revisions import Revision, differences, revision_row, save_revision, snapshot
from registry.projects.visibility import journal_restricted_reads, visible_projects

NAMES: Final = frozenset({"/name_kk", "/name_ru"})


class ProjectNotFound(NotFound):
    """There is no project of that number, or the caller may not see it."""


class AgencyNotYours(NotAllowed):
    """An editor acts for the own agency and those below it only."""


class ExternalIdTaken(Conflict):
    """The agency has a project of that external id already."""


def find_project(actor: Actor, number: str) -> Project:
    """The project of that number. Raises ProjectNotFound also for what the actor may not see."""
    return _find(actor, number, lock=False)


def read_project(actor: Actor, number: str, what: str) -> Project:
    """The project of that number, to show; the reading of a restricted one is journalled as ``what``."""
    project = find_project(actor, number)
    if not project.is_restricted:
        return project
    journal_restricted_reads(actor, [number], what)
    return find_project(actor, number)


def find_project_to_change(actor: Actor, number: str) -> Project:
    """The same, locked until the open transaction ends, so that no two changes overwrite one another."""
    require_transaction()
    return _find(actor, number, lock=True)


def check_project(
    actor: Actor, agency_bin: str | None, values: Mapping[str, Any], known: Sequence[Problem] = ()
) -> Agency:
    """The agency of a project that could be registered so. ``known``: what is wrong already, to be told with the rest.

    Raises RoleNotAllowed, AgencyNotYours, Invalid (pointers to every wrong field) and ExternalIdTaken.
    """
    return _check_project(actor, agency_bin, values, known, lock=False)


def _check_project(
    actor: Actor, agency_bin: str | None, values: Mapping[str, Any], known: Sequence[Problem], *, lock: bool
) -> Agency:
    actor.require(Permission.PROJECTS_WRITE)
    agency = None if agency_bin is None else _agency(agency_bin, lock=lock)
    if agency is not None and not acts_for(actor, agency.id):
        raise AgencyNotYours(bin=agency.bin)
    problems = whole_record_problems(values)
    if agency_bin is None:
        problems.insert(0, Problem("/agency", "required"))
    elif agency is None:
        problems.insert(0, Problem("/agency", "agency-unknown", {"bin": agency_bin}))
    problems = joined(known, problems)
    if problems or agency is None:
        raise Invalid(problems)
    _require_free(agency, values.get("external_id"))
    return agency


def register_project(
    actor: Actor, agency_bin: str | None, values: Mapping[str, Any], known: Sequence[Problem] = ()
) -> Project:
    """Register a project from accepted values, with its first revision. Raises what check_project raises."""
    with transaction() as session:
        agency = _check_project(actor, agency_bin, values, known, lock=True)
        moment = now()
        row = {name: values.get(name) for name in CHANGEABLE} | {"is_restricted": False, "agency_id": agency.id}
        row |= {"version": 1, "registered_at": moment, "updated_at": moment, "changed_at": moment}
        row |= {"freeze_status": status_at_registration(agency.kind), "severity": None}
        changes = differences({"is_restricted": False}, row)
        # From the number to the commit registrations stand in line: what can be done before is done.
        number, project_id = take_number()
        row |= {"number": number, "id": project_id, "words": search_words(values, number)}
        try:
            insert_together(
                session,
                (Project, row),
                (Revision, revision_row(row, changes, actor.principal)),
                (OutboxMessage, message_row("project.registered", {"project": number})),
            )
        except IntegrityError as error:
            raise ExternalIdTaken(external_id=row["external_id"], agency=agency.bin) from error
        journal.record(actor, "project.registered", f"project:{number}", {"agency": agency.bin, "changes": changes})
        return _as_stored(row, agency)


def change_project(
    actor: Actor, project: Project, changes: Mapping[str, Any], known: Sequence[Problem] = ()
) -> list[dict[str, Any]]:
    """Apply an agency's edit, of accepted values, inside the open transaction; the changes made.

    An edit of what a confirmation vouched for ends that confirmation. Nothing is written when nothing differs.
    Raises RoleNotAllowed, Invalid and ExternalIdTaken.
    """
    actor.require(Permission.PROJECTS_WRITE)
    require_transaction()
    before = snapshot(project)
    wanted = before | dict(changes)
    problems = joined(known, whole_record_problems(wanted))
    if problems:
        raise Invalid(problems)
    if wanted["external_id"] != before["external_id"]:
        _require_free(project.agency, wanted["external_id"])
    end_confirmations(before, wanted)
    return save_changes(actor, project, before, wanted, "project.changed")


def restrict_project(actor: Actor, project: Project, is_restricted: bool, reason: str) -> list[dict[str, Any]]:
    """Show the project to few, or to all again, inside the open transaction. Raises RoleNotAllowed."""
    actor.require(Permission.PROJECTS_RESTRICT)
    before = snapshot(project)
    wanted = before | {"is_restricted": is_restricted}
    made = save_changes(actor, project, before, wanted, "project.restricted", {"reason": reason})
    if made:
        project_restricted.publish(project)
    return made


def save_changes(
    actor: Actor,
    project: Project,
    before: Mapping[str, Any],
    wanted: Mapping[str, Any],
    action: str,
    details: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Write what differs: the row, its revision and its journal entry. The changes made, none when nothing differs."""
    made = differences(before, wanted)
    if not made:
        return made
    for change in made:
        setattr(project, change["field"], wanted[change["field"]])
    project.version += 1
    project.updated_at = project.changed_at = now()
    project.words = search_words(wanted, project.number)
    _flush(project)
    save_revision(project, made, actor.principal)
    journal.record(actor, action, f"project:{project.number}", {**(details or {}), "changes": made})
    return made


def joined(known: Sequence[Problem], found: Sequence[Problem]) -> list[Problem]:
    """Both, but of a field that is wrong already nothing more: a refused value is not also missing."""
    named = {problem.pointer for problem in known}
    if not named.isdisjoint(NAMES):
        # One of the two is enough: the one that was sent is to be put right, and not the other to be added.
        named |= NAMES
    return [*known, *(problem for problem in found if problem.pointer not in named)]


def _agency(number: str, *, lock: bool) -> Agency | None:
    statement = select(Agency).where(Agency.bin == number)
    if lock:
        # As the foreign key will: from now to the commit nobody changes the kind, which decides the freeze status.
        statement = statement.with_for_update(of=Agency, read=True, key_share=True)
        statement = statement.execution_options(populate_existing=True)
    found: Agency | None = db.session.scalar(statement)
    return found


def _find(actor: Actor, number: str, *, lock: bool) -> Project:
    statement = (
        select(Project)
        .join(Project.agency)
        .options(contains_eager(Project.agency))
        .where(Project.number == number, *visible_projects(actor))
        .execution_options(populate_existing=True)
    )
    usable = is_project_number(number)
    found = db.session.scalar(statement.with_for_update(of=Project) if lock else statement) if usable else None
    if found is None:
        raise ProjectNotFound(number=number)
    return found


def _as_stored(row: Mapping[str, Any], agency: Agency) -> Project:
    """The object of a row that was just written, without asking for it."""
    project = Project(**row)
    project.agency = agency
    make_transient_to_detached(project)
    db.session.add(project)
    return project


def _require_free(agency: Agency, external_id: str | None) -> None:
    if external_id is None:
        return
    taken = select(Project.number).where(Project.agency_id == agency.id, Project.external_id == external_id)
    if db.session.scalar(taken) is not None:
        raise ExternalIdTaken(external_id=external_id, agency=agency.bin)


def _flush(project: Project) -> None:
    external_id, agency = project.external_id, project.agency.bin
    try:
        db.session.flush()
    except IntegrityError as error:
        raise ExternalIdTaken(external_id=external_id, agency=agency) from error
