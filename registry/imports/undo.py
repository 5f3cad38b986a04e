"""Undo of an import as a whole: values of before come back where nothing has changed since.

What has changed since stays and is listed, and so does what would end a serious flag. Projects that the import
registered are not deleted: their withdrawal is requested, and a reviewer decides. Agencies that it registered stay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Date, select

from registry.accounts.roles import Actor, Permission
from registry.accounts.same_person import every_name_of
from registry.agencies.models import Agency
from registry.agencies.service import AgencyClosed, agency_to_change, change_agency, hold_agencies, own_agencies
from registry.audits.verdicts import ProposedProject, findings_on
from registry.core.clock import now, rfc3339
from registry.core.database import db, table_of, transaction
from registry.core.errors import Conflict, Invalid
from registry.flags.former_flags import SERIOUS
from registry.flags.models import FLAGS, IS_ACTIVE
from registry.freeze.vocabulary import Severity
from registry.imports.models import ImportKind, ImportRun, ImportWrite
from registry.imports.queries import ImportNotFound, can_undo, find_import
from registry.journal import service as journal
from registry.journal.service import JournalEntry
from registry.projects.bulk_writes import ProjectChange, update_projects
from registry.projects.edits import names_decided_on, other_name_problem, withdraw_confirmations
from registry.projects.fields import cross_field_problems
from registry.projects.models import CHANGEABLE, Project
from registry.projects.revisions import Revision, differences, json_value
from registry.projects.service import SAME_EXTERNAL_ID
from registry.projects.visibility import visible_projects
from registry.requests.service import ask_to_withdraw

UNDOABLE_FOR: Final = timedelta(days=30)
AT_ONCE: Final = 1000
# What QazTech confirmed comes back only when it confirms it again.
CONFIRMED: Final = frozenset(
    {"placement_verified_on", "onboarding_confirmed_on", "ending_confirmed_on", "confirmed_facts"}
)
PROJECT: Final = table_of(Project).c
DAYS: Final = frozenset(column.name for column in PROJECT if isinstance(column.type, Date))
NAMES: Final = ("id", "number", "agency_id", "version", "withdrawn_at", *CHANGEABLE)


class ImportNotUndoable(Conflict):
    """The import is a dry run or wrote nothing, is at work, was undone, or ended more than 30 days ago."""


def is_undoable(run: ImportRun) -> bool:
    """True for an import that wrote something, has ended in the last 30 days and was not undone."""
    is_agencies = run.kind == ImportKind.AGENCIES
    wrote = not run.dry_run and run.updated + (0 if is_agencies else run.created) > 0
    return wrote and run.undone_at is None and run.finished_at is not None and run.finished_at > now() - UNDOABLE_FOR


def undo_import(actor: Actor, import_id: int, reason: str) -> ImportRun:
    """Undo an import, in one transaction. ``reason``: why, for the history of each project and the journal.

    Raises RoleNotAllowed, ImportNotFound for who neither ran it nor administers its agency, and ImportNotUndoable.
    """
    run = find_import(actor, import_id)
    actor.require(Permission.AGENCIES_WRITE if run.kind == ImportKind.AGENCIES else Permission.PROJECTS_WRITE)
    if not can_undo(actor, run):
        raise ImportNotFound(id=run.id)
    with transaction() as session:
        session.refresh(run, with_for_update=True)
        if not is_undoable(run):
            raise ImportNotUndoable(id=run.id)
        undo = _undo_agencies if run.kind == ImportKind.AGENCIES else _undo_projects
        undone = undo(actor, run, reason)
        run.undone_at, run.undone_by, run.undone = now(), actor.principal, undone
        counts = {name: len(what) for name, what in undone.items()}
        journal.record(actor, "import.undone", f"import:{run.id}", {"reason": reason, **counts})
        session.flush()
    return run


def _undo_agencies(actor: Actor, run: ImportRun, reason: str) -> dict[str, list[Any]]:
    """Restore the agencies that an import changed, from its journal entries; kind and parent it never changed."""
    changed = (JournalEntry.action == "agency.changed", JournalEntry.principal.in_(every_name_of([run.principal])))
    since = JournalEntry.at >= rfc3339(run.started_at or run.queued_at)
    statement = select(JournalEntry.subject, JournalEntry.details).where(*changed, since).order_by(JournalEntry.subject)
    of_principal = [(subject, json.loads(details)) for subject, details in db.session.execute(statement)]
    entries = {
        subject.removeprefix("agency:"): entry for subject, entry in of_principal if entry.get("import") == run.id
    }
    # All at once, as whoever else locks several.
    hold_agencies(Agency.bin.in_(entries))
    restored: list[str] = []
    left: list[dict[str, Any]] = []
    for number, entry in entries.items():
        agency = agency_to_change(number)
        kept = [each["field"] for each in entry["changes"] if getattr(agency, each["field"]) != each["new"]]
        before = {each["field"]: each["old"] for each in entry["changes"] if each["field"] not in kept}
        try:
            if change_agency(actor, agency, before, details={"undone_import": run.id, "reason": reason}):
                restored.append(agency.bin)
        except (AgencyClosed, Invalid):
            left.append({"project": None, "agency": agency.bin, "reason": "undo-not-valid"})
        else:
            if kept:
                left.append({"project": None, "agency": agency.bin, "reason": "undo-changed-since", "fields": kept})
    if run.created:
        left.append({"project": None, "reason": "undo-agencies-stay", "count": run.created})
    return {"restored": restored, "withdrawals": [], "left": left}


def _undo_projects(actor: Actor, run: ImportRun, reason: str) -> dict[str, list[Any]]:
    """Restore the projects that an import changed, and ask for the withdrawal of those that it registered."""
    written = select(ImportWrite.number, ImportWrite.version).where(ImportWrite.import_id == run.id)
    versions = {row.number: row.version for row in db.session.execute(written)}
    ids = _lock_projects(actor, run.id)
    left: list[dict[str, Any]] = []
    if len(ids) < len(versions):
        left.append({"project": None, "reason": "undo-not-yours", "count": len(versions) - len(ids)})
    restored: list[str] = []
    registered: list[Mapping[str, Any]] = []
    # A hundred thousand projects at once took 0.9 GB.
    for start in range(0, len(ids), AT_ONCE):
        projects = _projects(ids[start : start + AT_ONCE])
        edited = [project for project in projects if versions[project["number"]] > 1]
        changes = _restored(edited, versions, left)
        update_projects(actor, changes, "project.changed", {"undone_import": run.id}, reason)
        restored += [change.values["number"] for change in changes]
        unchanged = _unchanged(projects, versions, left)
        registered += [{name: each[name] for name in ("id", "number", "agency_id")} for each in unchanged]
    requested, waiting = ask_to_withdraw(actor, registered, reason)
    left += [{"project": number, "reason": "request-already-waiting"} for number in waiting]
    return {"restored": restored, "withdrawals": requested, "left": left}


def _lock_projects(actor: Actor, import_id: int) -> list[int]:
    """Return the ids of the projects of the import that the actor may change, locked in their order."""
    own = own_agencies(actor)
    bound = () if own is None else (PROJECT.agency_id.in_(own),)
    written = select(ImportWrite.number).where(ImportWrite.import_id == import_id)
    statement = select(PROJECT.id).where(PROJECT.number.in_(written), *bound, *visible_projects(actor))
    return list(db.session.scalars(statement.order_by(PROJECT.id).with_for_update(of=Project)))


def _projects(ids: Sequence[int]) -> list[dict[str, Any]]:
    statement = select(*(PROJECT[name] for name in NAMES)).where(PROJECT.id.in_(ids)).order_by(PROJECT.id)
    return [dict(row) for row in map(dict, db.session.execute(statement).mappings())]


def _unchanged(
    projects: Sequence[Mapping[str, Any]], versions: Mapping[str, int], left: list[dict[str, Any]]
) -> list[Mapping[str, Any]]:
    """Return the projects that the import registered and nobody has changed or withdrawn; the others go to ``left``."""
    unchanged = []
    for project in projects:
        number = project["number"]
        if versions[number] > 1:
            continue
        if project["withdrawn_at"] is not None:
            left.append({"project": number, "reason": "project-withdrawn"})
        elif since := _changed_since(project):
            left.append({"project": number, "reason": "undo-changed-since", "fields": since})
        else:
            unchanged.append(project)
    return unchanged


def _changed_since(project: Mapping[str, Any]) -> list[str]:
    """Return what somebody has changed of a project since it was registered."""
    later = select(Revision.changes).where(Revision.project_id == project["id"], Revision.version > 1)
    changes = db.session.scalars(later).all() if project["version"] > 1 else ()
    return sorted({change["field"] for each in changes for change in each})


def _restored(
    projects: Sequence[dict[str, Any]], versions: Mapping[str, int], left: list[dict[str, Any]]
) -> list[ProjectChange]:
    """Return the changes that bring values of before back; what stays is added to ``left``."""
    ids = [project["id"] for project in projects]
    revisions = select(Revision.project_id, Revision.version, Revision.changes).where(Revision.project_id.in_(ids))
    written = {(row.project_id, row.version): row.changes for row in db.session.execute(revisions)}
    decided = names_decided_on(ids)
    proposed: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for project in projects:
        number = project["number"]
        if project["withdrawn_at"] is not None:
            left.append({"project": number, "reason": "project-withdrawn"})
            continue
        before, kept = dict(project), []
        for change in written.get((project["id"], versions[number]), ()):
            name = change["field"]
            if name in CONFIRMED or name not in CHANGEABLE or json_value(project[name]) != change["new"]:
                kept.append(name)
            else:
                before[name] = _value(name, change["old"])
        if kept:
            left.append({"project": number, "reason": "undo-changed-since", "fields": kept})
        withdraw_confirmations(project, before)
        if before == project:
            continue
        reference = {"agency": project["agency_id"], "reference": before["external_id"]}
        is_taken = (
            before["external_id"] not in (None, project["external_id"])
            and db.session.scalar(SAME_EXTERNAL_ID, reference) is not None
        )
        is_other = other_name_problem(decided.get(project["id"]), project, before) is not None
        if is_taken or is_other or cross_field_problems(before):
            left.append({"project": number, "reason": "undo-not-valid"})
        else:
            proposed.append((project, before))
    return _without_serious(proposed, left)


def _without_serious(
    proposed: Sequence[tuple[dict[str, Any], dict[str, Any]]], left: list[dict[str, Any]]
) -> list[ProjectChange]:
    """Return those that end no medium or high flag, and lower none."""
    ids = [project["id"] for project, _before in proposed]
    active: dict[int, dict[str, int]] = {}
    serious = select(FLAGS.c.project_id, FLAGS.c.rule, FLAGS.c.severity).where(
        FLAGS.c.project_id.in_(ids), IS_ACTIVE, FLAGS.c.severity.in_(SERIOUS)
    )
    for project_id, rule, severity in db.session.execute(serious):
        active.setdefault(project_id, {})[rule] = Severity(severity).rank
    findings = findings_on([ProposedProject(each["agency_id"], each["id"], before) for each, before in proposed])
    changes = []
    for (project, before), expected in zip(proposed, findings, strict=True):
        remaining = {finding.rule: Severity(finding.severity).rank for finding in expected}
        ended = [rule for rule, rank in active.get(project["id"], {}).items() if remaining.get(rule, 0) < rank]
        if ended:
            left.append({"project": project["number"], "reason": "undo-ends-flag", "rules": sorted(ended)})
        else:
            changes.append(ProjectChange(before, differences(project, before)))
    return changes


def _value(name: str, stored: Any) -> Any:
    return date.fromisoformat(stored) if name in DAYS and stored is not None else stored
