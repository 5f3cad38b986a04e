"""Project service: find, register, change and restrict projects. Takes the actor first, and validated values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import contains_eager, lazyload, make_transient_to_detached

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.agencies.service import AGENCY, closed_problem, may_act_for, share_agencies
from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction, violates
from registry.core.dialects import insert_related
from registry.core.errors import Conflict, Invalid, NotAllowed, NotFound, Problem
from registry.core.search import project_words, search_words
from registry.freeze.policy import policy_in_force
from registry.journal import service as journal
from registry.projects import fingerprints, models
from registry.projects.edits import OFFICIAL_NAMES, names_decided_on, other_name_problem, withdraw_confirmations
from registry.projects.fields import cross_field_problems, merge_problems, with_changes
from registry.projects.former_records import former_records_of, link_edited_records, reason_problem, save_former_records
from registry.projects.revisions import Revision, differences, revision_row, save_revision, snapshot
from registry.projects.visibility import journal_restricted_reads, require_not_withdrawn, visible_projects
from registry.signatures.models import SignableAct
from registry.signatures.service import ActToSign, SignedAct, attach

# What a registration is checked for before anything is written, one by one and in batches.

SAME_EXTERNAL_ID: Final = select(models.PROJECT.c.number).where(
    models.PROJECT.c.agency_id == bindparam("agency"), models.PROJECT.c.external_id == bindparam("reference")
)


class AgencyNotYours(NotAllowed):
    """The actor may only act for the own agency and its subordinate agencies."""


class ExternalIdTaken(Conflict):
    """The agency already has a project with that external id."""


def checked_agency(
    agency_bin: str | None,
    agency: Agency | None,
    may_act_for: Callable[[int], bool],
    values: Mapping[str, Any],
    known: Sequence[Problem],
) -> Agency:
    """Return the agency of a project that could be registered, but for its external id.

    ``agency``: the one with this BIN, None when there is none. ``known``: problems that the schema found.
    Raises AgencyNotYours and Invalid with all problems, the known ones among them.
    """
    # Of a closed agency everybody may know who succeeded it: those who acted for it act for the successor.
    if agency is not None and agency.closed_on is None and not may_act_for(agency.id):
        raise AgencyNotYours(bin=agency.bin)
    problems = cross_field_problems(values)
    if agency_bin is None:
        problems.insert(0, Problem("/agency", "required"))
    elif agency is None:
        problems.insert(0, Problem("/agency", "agency-unknown", {"bin": agency_bin}))
    elif (closed := closed_problem(agency, "/agency")) is not None:
        problems.insert(0, closed)
    problems = merge_problems(known, problems)
    if problems or agency is None:
        raise Invalid(problems)
    return agency


def require_unused_external_id(agency: Agency, external_id: str | None) -> None:
    """Raise ExternalIdTaken when the agency has a project with that external id."""
    if external_id is None:
        return
    if db.session.scalar(SAME_EXTERNAL_ID, {"agency": agency.id, "reference": external_id}) is not None:
        raise ExternalIdTaken(external_id=external_id, agency=agency.bin)


def agencies_to_register_for(bins: Collection[str]) -> dict[str, Agency]:
    """Return the agencies with these BINs; until the commit nobody closes them, or changes the kind of one.

    The kind decides the freeze status. They are locked as their foreign keys will, in the order of their ids.
    """
    share_agencies(AGENCY.bin.in_(bins))
    # Without parent and successor, which a registration seldom needs.
    statement = select(Agency).where(Agency.bin.in_(bins)).order_by(Agency.id)
    statement = statement.options(lazyload(Agency.parent), lazyload(Agency.successor))
    statement = statement.with_for_update(of=Agency, read=True, key_share=True)
    agencies = db.session.scalars(statement.execution_options(populate_existing=True))
    return {agency.bin: agency for agency in agencies}


# Project service: find, register, change and restrict projects. Takes the actor first, and validated values.


class ProjectNotFound(NotFound):
    """The project does not exist, or the actor may not see it."""


def find_project(actor: Actor, number: str) -> models.Project:
    """Return the project with that number. Raises ProjectNotFound, also for projects that the actor may not see."""
    return _find(actor, number, lock=False)


def read_project(actor: Actor, number: str, what: str) -> models.Project:
    """Return the project with that number, for display; reading a restricted project is journalled as ``what``.

    Raises ProjectNotFound.
    """
    project = find_project(actor, number)
    if not project.is_restricted:
        return project
    journal_restricted_reads(actor, [number], what)
    return find_project(actor, number)


def read_project_to_change(actor: Actor, number: str, what: str) -> models.Project:
    """Return the project for a form that changes it. Raises ProjectNotFound, and ProjectWithdrawn before it is filled
    in.
    """
    project = read_project(actor, number, what)
    require_not_withdrawn(project)
    return project


def find_project_to_change(actor: Actor, number: str, *, even_withdrawn: bool = False) -> models.Project:
    """Return the project with that number, locked until the open transaction ends.

    Raises ProjectNotFound and, unless ``even_withdrawn``, ProjectWithdrawn.
    """
    require_transaction()
    project = _find(actor, number, lock=True)
    if not even_withdrawn:
        require_not_withdrawn(project)
    return project


def check_project(
    actor: Actor, agency_bin: str | None, values: Mapping[str, Any], known: Sequence[Problem] = ()
) -> Agency:
    """Check that a project could be registered and return its agency. ``known``: problems found by the caller.

    Raises RoleNotAllowed, AgencyNotYours, Invalid (all problems, including the known ones) and ExternalIdTaken.
    """
    return _check_project(actor, agency_bin, values, known, lock=False)


def check_reference(actor: Actor, agency_bin: str | None, external_id: str | None) -> None:
    """Check the agency of a registration and its reference, as far as they are given.

    Raises RoleNotAllowed, AgencyNotYours, Invalid and ExternalIdTaken.
    """
    actor.require(Permission.PROJECTS_WRITE)
    if agency_bin is None:
        raise Invalid([Problem("/agency", "required")])
    if (agency := _agency(agency_bin, lock=False)) is None:
        raise Invalid([Problem("/agency", "agency-unknown", {"bin": agency_bin})])
    if not may_act_for(actor, agency.id):
        raise AgencyNotYours(bin=agency.bin)
    require_unused_external_id(agency, external_id)


def _check_project(
    actor: Actor, agency_bin: str | None, values: Mapping[str, Any], known: Sequence[Problem], *, lock: bool
) -> Agency:
    actor.require(Permission.PROJECTS_WRITE)
    named = None if agency_bin is None else _agency(agency_bin, lock=lock)
    agency = checked_agency(agency_bin, named, lambda agency_id: may_act_for(actor, agency_id), values, known)
    require_unused_external_id(agency, values.get("external_id"))
    return agency


def registration_to_sign(agency_bin: str | None, values: Mapping[str, Any], reason: str | None) -> ActToSign:
    """Return what is signed with a registration: what is filled in."""
    given = {**values, "change_reason": reason}
    filled = {name: value for name, value in given.items() if value is not None}
    return ActToSign(SignableAct.REGISTRATION.value, f"agency:{agency_bin}", filled)


def register_project(
    actor: Actor,
    agency_bin: str | None,
    values: Mapping[str, Any],
    known: Sequence[Problem] = (),
    reason: str | None = None,
    *,
    signed: SignedAct | None = None,
) -> models.Project:
    """Register a project from validated values, with its first revision.

    ``reason``: why a withdrawn or ended one is registered again. Raises the same errors as check_project, Invalid
    where the reason is missing, and what ``attach`` raises.
    """
    with transaction() as session:
        agency = _check_project(actor, agency_bin, values, known, lock=True)
        (former,) = former_records_of([(agency.id, values)])
        if reason is None and (problem := reason_problem(actor, former)) is not None:
            raise Invalid([problem])
        at = now()
        row = {name: values.get(name) for name in models.CHANGEABLE} | {"is_restricted": False, "agency_id": agency.id}
        row |= {"version": 1, "registered_at": at, "updated_at": at}
        changes = differences({"is_restricted": False}, row)
        words = project_words(row)
        hashes = {"version": fingerprints.VERSION, **fingerprints.fingerprint(row, words)}
        # Registrations are serialised from here to the commit, so as much as possible is done before.
        number, project_id = models.reserve_number()
        row |= {"number": number, "id": project_id}
        row["words"] = search_words(words, row)
        status = models.first_status(row, agency.kind, policy_in_force().scope)
        try:
            insert_related(
                session,
                (models.Project, row),
                (models.ProjectStatus, status),
                (fingerprints.ProjectFingerprint, {"project_id": project_id, **hashes}),
                (Revision, revision_row(row, changes, actor.principal) | {"reason": reason}),
            )
        except IntegrityError as error:
            if not violates(error, models.EXTERNAL_ID_UNIQUE):
                raise
            raise ExternalIdTaken(external_id=row["external_id"], agency=agency.bin) from error
        save_former_records(session, {project_id: former}, at)
        given = {} if reason is None else {"reason": reason}
        details = {"agency": agency.bin, **given, "changes": changes}
        journal.record(actor, "project.registered", f"project:{number}", details)
        attach(actor, registration_to_sign(agency.bin, values, reason), signed, made=f"project:{number}")
        return _as_stored({**row, **{column.name: status[column.name] for column in models.STATUS_COLUMNS}}, agency)


def planned_change(
    actor: Actor, project: models.Project, changes: Mapping[str, Any], known: Sequence[Problem] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of a project before and after an edit, which ``change_project`` would save. Raises the same
    errors.
    """
    actor.require(Permission.PROJECTS_WRITE)
    before = snapshot(project)
    after = with_changes(before, changes)
    problems = cross_field_problems(after)
    if any(before[name] != after[name] for name in OFFICIAL_NAMES):
        decided = names_decided_on([project.id]).get(project.id)
        if (problem := other_name_problem(decided, before, after)) is not None:
            problems.append(problem)
    if problems := merge_problems(known, problems):
        raise Invalid(problems)
    if after["external_id"] != before["external_id"]:
        require_unused_external_id(project.agency, after["external_id"])
    withdraw_confirmations(before, after)
    return before, after


def change_project(
    actor: Actor,
    project: models.Project,
    changes: Mapping[str, Any],
    known: Sequence[Problem] = (),
    reason: str | None = None,
) -> list[dict[str, Any]]:
    """Apply an agency's edit (validated values) in the open transaction; returns the changes.

    ``reason``: why, for the history and the journal. Editing a confirmed value withdraws the confirmation. Nothing is
    written when nothing differs.
    Raises RoleNotAllowed, Invalid and ExternalIdTaken.
    """
    require_transaction()
    before, after = planned_change(actor, project, changes, known)
    return save_changes(actor, project, before, after, "project.changed", change_reason=reason)


def restrict_project(actor: Actor, project: models.Project, is_restricted: bool, reason: str) -> list[dict[str, Any]]:
    """Restrict access to the project or remove the restriction, in the open transaction. Raises RoleNotAllowed."""
    actor.require_role(Permission.PROJECTS_RESTRICT)
    before = snapshot(project)
    after = before | {"is_restricted": is_restricted}
    changes = save_changes(actor, project, before, after, "project.restricted", {"reason": reason})
    if changes:
        models.project_restricted.publish(project)
    return changes


def save_changes(
    actor: Actor,
    project: models.Project,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    action: str,
    details: Mapping[str, Any] | None = None,
    change_reason: str | None = None,
) -> list[dict[str, Any]]:
    """Write the differences: row, revision and journal entry. Returns the changes, empty when nothing differs.

    ``change_reason`` goes to the revision, which everybody who sees the project can read, and to the journal.
    """
    changes = differences(before, after)
    if not changes:
        return changes
    for change in changes:
        setattr(project, change["field"], after[change["field"]])
    project.version += 1
    project.updated_at = project.changed_at = now()
    project.words = search_words(words := project_words(after), {**after, "number": project.number})
    _flush(project)
    save_revision(project, changes, actor.principal, change_reason)
    if any(change["field"] in fingerprints.COMPARED for change in changes):
        fingerprints.save_fingerprints(require_transaction(), [fingerprints.fingerprint_row(project.id, after, words)])
    values = {**after, "id": project.id, "agency_id": project.agency_id}
    link_edited_records(require_transaction(), [(values, [change["field"] for change in changes])], project.updated_at)
    given = {} if change_reason is None else {"reason": change_reason}
    journal.record(actor, action, f"project:{project.number}", {**(details or {}), **given, "changes": changes})
    return changes


def _agency(number: str, *, lock: bool) -> Agency | None:
    if lock:
        return agencies_to_register_for([number]).get(number)
    agency: Agency | None = db.session.scalar(select(Agency).where(Agency.bin == number))
    return agency


def _find(actor: Actor, number: str, *, lock: bool) -> models.Project:
    statement = (
        select(models.Project)
        .join(models.Project.agency)
        .options(contains_eager(models.Project.agency))
        .where(models.Project.number == number, *visible_projects(actor))
        .execution_options(populate_existing=True)
    )
    # PostgreSQL rejects NUL in a parameter.
    valid = models.is_project_number(number)
    project = db.session.scalar(statement.with_for_update(of=models.Project) if lock else statement) if valid else None
    if project is None:
        raise ProjectNotFound(number=number)
    return project


def _as_stored(row: Mapping[str, Any], agency: Agency) -> models.Project:
    """Return the ORM object of a row that was just inserted, without a query: columns that were left out are NULL."""
    project = models.Project(**{**models.NO_VALUES, **row})
    project.agency = agency
    make_transient_to_detached(project)
    db.session.add(project)
    return project


def _flush(project: models.Project) -> None:
    external_id, agency = project.external_id, project.agency.bin
    try:
        db.session.flush()
    except IntegrityError as error:
        if not violates(error, models.EXTERNAL_ID_UNIQUE):
            raise
        raise ExternalIdTaken(external_id=external_id, agency=agency) from error
