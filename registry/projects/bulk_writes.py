"""Bulk registration and update of projects, with the same revisions, journal entries and messages as single ones."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import RowMapping, bindparam, select, update
from sqlalchemy.exc import IntegrityError

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.agencies.service import may_act_for
from registry.core.clock import now
from registry.core.database import EncodedJson, db, require_transaction, table_of, transaction, violates
from registry.core.dialects import insert_rows, is_one_of, reserve_ids
from registry.core.errors import Conflict, FailedDependency, Invalid, Problem, RegistryError
from registry.core.fields import Loaded
from registry.core.search import project_words, search_words
from registry.freeze.policy import policy_in_force
from registry.journal import service as journal
from registry.projects import former_records, service
from registry.projects.external_ids import EXTERNAL_ID
from registry.projects.fields import FIELDS, with_changes
from registry.projects.fingerprints import COMPARED, ProjectFingerprint, fingerprint_row, save_fingerprints
from registry.projects.models import (
    CHANGEABLE,
    EXTERNAL_ID_UNIQUE,
    STATUS,
    Project,
    ProjectStatus,
    first_status,
    reserve_numbers,
)
from registry.projects.revisions import LAW_LOOKS_AT, Revision, differences, first_changes, revision_row, snapshot
from registry.projects.visibility import journal_restricted_reads, may_see, require_not_withdrawn

NOTHING: Final[dict[str, Any]] = {**dict.fromkeys(CHANGEABLE), "is_restricted": False}
UPDATED_COLUMNS = (*CHANGEABLE, "version", "updated_at", "words")


@dataclass(frozen=True, slots=True)
class NewProject:
    """A project to register: ``values`` contains every changeable field.

    ``agency_kind`` decides the freeze status: nobody changes that of an agency which the open transaction has locked.
    ``former``: its former records; ``reason``: why it is registered again.
    """

    agency_id: int
    agency: str
    agency_kind: str
    values: dict[str, Any]
    former: Sequence[former_records.Match] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ProjectChange:
    """A project to update: ``values`` contains the new value of each changeable field, id, number and old version.

    ``reason``: why, if it has one of its own. ``before``: the former values, for a plan.
    """

    values: dict[str, Any]
    changes: list[dict[str, Any]]
    reason: str | None = None
    before: Mapping[str, Any] = MappingProxyType({})


def register_projects(actor: Actor, projects: Sequence[NewProject]) -> list[str]:
    """Register projects from validated values, in the open transaction that has locked their agencies. Returns their
    numbers.

    Raises IntegrityError when another transaction has registered the same agency and external id.
    """
    if not projects:
        return []
    session = require_transaction()
    at = now()
    numbers = reserve_numbers(len(projects))
    ids = reserve_ids(session, Project, len(projects))
    # Read before the rows: while PostgreSQL copies these, another statement of the connection would wait for ever.
    scope = policy_in_force().scope
    # A file has a dozen of the 58 columns; nobody registers a project as restricted.
    filled = [name for name in FIELDS if any(project.values[name] is not None for project in projects)]
    statuses, fingerprints, revisions = [], [], []

    def rows() -> Iterator[dict[str, Any]]:
        for project, project_id, number in zip(projects, ids, numbers, strict=True):
            words = project_words(project.values)
            stored = {
                **{name: project.values[name] for name in filled},
                "id": project_id,
                "number": number,
                "agency_id": project.agency_id,
                "is_restricted": False,
                "version": 1,
                "registered_at": at,
                "updated_at": at,
            }
            row = {**project.values, **stored}
            yield {**stored, "words": search_words(words, row)}
            # All that is written besides is made while the database inserts projects: that takes it most of its time.
            statuses.append(first_status(row, project.agency_kind, scope))
            fingerprints.append(fingerprint_row(project_id, row, words))
            changes = first_changes(row, filled)
            revisions.append(revision_row(row, changes, actor.principal) | {"reason": project.reason})
            given = "" if project.reason is None else f',"reason":{journal.canonical(project.reason)}'
            details = EncodedJson(f'{{"agency":{journal.canonical(project.agency)},"changes":{changes}{given}}}')
            journal.record(actor, "project.registered", f"project:{number}", details)

    insert_rows(session, Project, rows())
    insert_rows(session, ProjectStatus, statuses)
    insert_rows(session, ProjectFingerprint, fingerprints)
    insert_rows(session, Revision, revisions)
    former_records.save_former_records(session, {key: each.former for key, each in zip(ids, projects, strict=True)}, at)
    return numbers


def update_projects(
    actor: Actor,
    projects: Sequence[ProjectChange],
    action: str,
    details: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Update projects whose rows are locked by the open transaction.

    ``reason``: why, for the history and journal, of those without a reason of their own.
    """
    if not projects:
        return
    session = require_transaction()
    at = now()
    rows, revisions, fingerprints = [], [], []
    for project in projects:
        values, why = project.values, project.reason or reason
        given = {**(details or {})} if why is None else {**(details or {}), "reason": why}
        words = project_words(values)
        if any(change["field"] in COMPARED for change in project.changes):
            fingerprints.append(fingerprint_row(values["id"], values, words))
        row = {**values, "version": values["version"] + 1, "updated_at": at, "words": search_words(words, values)}
        rows.append({"_id": row["id"], **{name: row[name] for name in UPDATED_COLUMNS}})
        revisions.append({**revision_row(row, project.changes, actor.principal), "reason": why})
        journal.record(actor, action, f"project:{row['number']}", {**given, "changes": project.changes})
    table = table_of(Project)
    statement = update(table).where(table.c.id == bindparam("_id"))
    session.execute(statement.values({name: bindparam(name) for name in UPDATED_COLUMNS}), rows)
    insert_rows(session, Revision, revisions)
    save_fingerprints(session, fingerprints)
    edited = [(project.values, [change["field"] for change in project.changes]) for project in projects]
    former_records.link_edited_records(session, edited, at)


# Projects pass to another agency: rows, revisions and journal. Flags, cases and orders belong to them and follow.

MAX_ID_LENGTH: Final = 200
NUMBERS_AT_ONCE: Final = 1000
PROJECT: Final = table_of(Project)
OWN: Final = ("id", "number", "version", "external_id", *LAW_LOOKS_AT)
COLUMNS: Final = (*(PROJECT.c[name] for name in OWN), STATUS.c.freeze_status, STATUS.c.severity)


def move_projects(
    actor: Actor,
    former: Agency,
    to: Agency,
    at: datetime,
    *,
    numbers: Sequence[str] | None,
    decided_by: str,
    details: Mapping[str, Any],
) -> tuple[list[int], int]:
    """Give projects of the former agency to the other one, in the open transaction that has locked both agencies.

    ``numbers``: those of the projects, None for all; numbers of projects that the former agency does not have are
    passed over. An external id that the other agency has too gets the former BIN as a prefix. Returns the ids of the
    projects in rising order, and how many external ids have changed.
    """
    session = require_transaction()
    rows = _locked(former.id, numbers)
    taken = _external_ids(to.id, {row["external_id"] for row in rows})
    changed, revisions, renamed = [], [], 0
    for row in rows:
        changes: list[dict[str, Any]] = [{"field": "agency", "old": former.bin, "new": to.bin}]
        external_id = _free_external_id(row["external_id"], former.bin, taken)
        if external_id != row["external_id"]:
            renamed += 1
            changes.append({"field": "external_id", "old": row["external_id"], "new": external_id})
        values = {**row, "version": row["version"] + 1, "updated_at": at}
        changed.append({"_id": row["id"], "_version": values["version"], "_external_id": external_id})
        revisions.append(revision_row(values, changes, decided_by))
        journal.record(actor, "project.passed-on", f"project:{row['number']}", {**details, "changes": changes})
    if changed:
        values = {"version": bindparam("_version"), "external_id": bindparam("_external_id")}
        moved = update(PROJECT).where(PROJECT.c.id == bindparam("_id"))
        session.execute(moved.values(agency_id=to.id, updated_at=at, **values), changed)
        insert_rows(session, Revision, revisions)
    return [row["id"] for row in rows], renamed


def _locked(agency_id: int, numbers: Sequence[str] | None) -> list[RowMapping]:
    """Return the agency's projects in the order of their ids, in which everybody locks them."""
    session = require_transaction()
    joined = select(*COLUMNS).join_from(PROJECT, STATUS).where(PROJECT.c.agency_id == agency_id)
    statement = joined.order_by(PROJECT.c.id).with_for_update(of=PROJECT)
    if numbers is None:
        return list(session.execute(statement).mappings())
    listed = sorted(numbers)
    rows: list[RowMapping] = []
    for start in range(0, len(listed), NUMBERS_AT_ONCE):
        some = statement.where(PROJECT.c.number.in_(listed[start : start + NUMBERS_AT_ONCE]))
        rows += session.execute(some).mappings()
    return sorted(rows, key=lambda row: int(row["id"]))


def _external_ids(agency_id: int, like: Collection[str | None]) -> set[str]:
    if not any(like):
        return set()
    statement = select(PROJECT.c.external_id).where(
        PROJECT.c.agency_id == agency_id, PROJECT.c.external_id.is_not(None)
    )
    return set(require_transaction().scalars(statement))


def _free_external_id(external_id: str | None, bin_number: str, taken: set[str]) -> str | None:
    """Return the id as it is, or with the former BIN before it when it is taken; a long one is cut at its end."""
    if external_id is None:
        return None
    candidate, place = external_id, 1
    while candidate in taken:
        suffix = "" if place == 1 else f"~{place}"
        candidate = f"{bin_number}:{external_id}"[: MAX_ID_LENGTH - len(suffix)] + suffix
        place += 1
    taken.add(candidate)
    return candidate


# Batches of projects: registered, or by external id registered and changed, in one transaction, each checked as alone.

# What becomes of an item of a batch, or why nothing does.
Planned = NewProject | ProjectChange | RegistryError


class BatchNotDone(FailedDependency):
    """Nothing of an atomic batch was done, because other items cannot be."""


class ExternalIdsCollided(Conflict):
    """Another request registered one of the external ids at the same time; nothing was done."""


def write_batch(
    actor: Actor, items: Sequence[Loaded], *, atomic: bool = False, upsert: bool = False, dry_run: bool = False
) -> list[tuple[Planned, str | None]]:
    """Register each project that can be, or with ``atomic`` all or none; return the plan and the number of each.

    ``items``: values and problems of the schema, the BIN among the values. ``upsert``: one whose external id a project
    has changes that project, in the fields that it has. ``dry_run``: only plan, each item for itself. All are one
    transaction: a batch that was interrupted has done nothing. Errors of items are those of ``register_project`` and
    ``change_project``, and BatchNotDone. Raises RoleNotAllowed, and ExternalIdsCollided, after which the batch can be
    sent again.
    """
    actor.require(Permission.PROJECTS_WRITE)
    with transaction():
        plans = _with_former(actor, _checked(actor, items, upsert=upsert, lock=upsert and not dry_run))
        changed = [plan for plan in plans if isinstance(plan, ProjectChange)]
        if dry_run:
            restricted = (plan.values["number"] for plan in changed if plan.values["is_restricted"])
            journal_restricted_reads(actor, restricted, "check")
            return [(plan, _number(plan)) for plan in plans]
        if atomic and any(isinstance(plan, RegistryError) for plan in plans):
            return [(plan if isinstance(plan, RegistryError) else BatchNotDone(), None) for plan in plans]
        update_projects(actor, [plan for plan in changed if plan.changes], "project.changed")
        try:
            numbers = iter(register_projects(actor, [plan for plan in plans if isinstance(plan, NewProject)]))
        except IntegrityError as error:
            if not violates(error, EXTERNAL_ID_UNIQUE):
                raise
            raise ExternalIdsCollided from error
        return [(plan, next(numbers) if isinstance(plan, NewProject) else _number(plan)) for plan in plans]


def _number(plan: Planned) -> str | None:
    return plan.values["number"] if isinstance(plan, ProjectChange) else None


def _checked(actor: Actor, items: Sequence[Loaded], *, upsert: bool, lock: bool) -> list[Planned]:
    """Return what can be registered or changed, and the errors of the others; of two with one external id the first
    counts.
    """
    bins = {item.values["agency"] for item in items if item.values.get("agency") is not None}
    agencies = service.agencies_to_register_for(sorted(bins))
    is_own = cache(lambda agency_id: may_act_for(actor, agency_id))
    pairs = [
        (agencies[agency].id, external_id)
        for item in items
        if (agency := item.values.get("agency")) in agencies
        and (external_id := item.values.get(EXTERNAL_ID)) is not None
    ]
    registered, first = _registered(pairs, lock=lock), dict[tuple[int, str], int]()
    plans: list[Planned] = []
    for place, item in enumerate(items, 1):
        values = dict(item.values)
        number, reason, external_id = (
            values.pop("agency", None),
            values.pop(former_records.REASON, None),
            values.get(EXTERNAL_ID),
        )
        named = agencies.get(number or "")
        project = None if named is None else registered.get((named.id, external_id))
        to_change = project if upsert and project is not None and may_see(actor, project) else None
        whole = {**NOTHING, **values} if to_change is None else with_changes(snapshot(to_change), values)
        try:
            agency = service.checked_agency(number, named, is_own, whole, [*item.problems, *_missing_id(item, upsert)])
            if external_id is not None and place != (other := first.setdefault((agency.id, external_id), place)):
                raise _twice(agency, external_id, other, upsert=upsert)
            if to_change is not None:
                plans.append(_planned_change(actor, to_change, values, reason))
            elif project is not None:
                raise service.ExternalIdTaken(external_id=external_id, agency=agency.bin)
            else:
                plans.append(NewProject(agency.id, agency.bin, agency.kind, whole, reason=reason))
        except RegistryError as error:
            plans.append(error)
    return plans


def _missing_id(item: Loaded, upsert: bool) -> list[Problem]:
    pointer = f"/{EXTERNAL_ID}"
    is_known = item.values.get(EXTERNAL_ID) is not None or any(each.pointer == pointer for each in item.problems)
    return [] if is_known or not upsert else [Problem(pointer, "required")]


def _twice(agency: Agency, external_id: str, first: int, *, upsert: bool) -> RegistryError:
    if upsert:
        return Invalid([Problem(f"/{EXTERNAL_ID}", "external-id-twice", {"row": first})])
    return service.ExternalIdTaken(external_id=external_id, agency=agency.bin)


def _planned_change(actor: Actor, project: Project, values: Mapping[str, Any], reason: str | None) -> ProjectChange:
    require_not_withdrawn(project)
    before, after = service.planned_change(actor, project, values)
    kept = {name: getattr(project, name) for name in ("id", "number", "agency_id", "version")}
    return ProjectChange({**after, **kept}, differences(before, after), reason, before)


def _with_former(actor: Actor, plans: Sequence[Planned]) -> list[Planned]:
    """Return the same, new ones with their former records; those that do not say why they are registered again cannot
    be.
    """
    new = [plan for plan in plans if isinstance(plan, NewProject)]
    former = iter(former_records.former_records_of([(each.agency_id, each.values) for each in new]))
    checked: list[Planned] = []
    for plan in plans:
        if not isinstance(plan, NewProject):
            checked.append(plan)
            continue
        matches = next(former)
        problem = None if plan.reason is not None else former_records.reason_problem(actor, matches)
        checked.append(replace(plan, former=matches) if problem is None else Invalid([problem]))
    return checked


def _registered(pairs: Sequence[tuple[int, str]], *, lock: bool) -> dict[tuple[int, str | None], Project]:
    """Return the projects of these pairs of agency and external id; locked in the order of their ids."""
    if not pairs:
        return {}
    named = is_one_of(Project.agency_id.expression, Project.external_id.expression, pairs)
    statement = select(Project).where(named).order_by(Project.id).execution_options(populate_existing=True)
    projects = db.session.scalars(statement.with_for_update(of=Project) if lock else statement)
    return {(project.agency_id, project.external_id): project for project in projects}
