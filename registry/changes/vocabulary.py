"""Kinds of records in the change feed, and the types of changes."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum


class ChangeKind(StrEnum):
    """What changed. One transaction writes its changes in this order, and in it by rising ids.

    ``VIEW``: a project, which some may see from now on or no more.
    """

    AGENCY = "agency"
    PROJECT = "project"
    VIEW = "view"
    FLAG = "flag"
    CASE = "case"
    EXEMPTION = "exemption"
    IMPORT = "import"
    AUDIT = "audit"


class ChangeType(StrEnum):
    """What happened to a record: its kind, and the change. ``changed``: anything else that lists show of it."""

    AGENCY_REGISTERED = "agency.registered"
    AGENCY_CHANGED = "agency.changed"
    AGENCY_CLOSED = "agency.closed"
    PROJECT_REGISTERED = "project.registered"
    PROJECT_CHANGED = "project.changed"
    PROJECT_PASSED_ON = "project.passed-on"
    PROJECT_WITHDRAWN = "project.withdrawn"
    PROJECT_RESTORED = "project.restored"
    PROJECT_WITHDRAWN_FROM_VIEW = "project.withdrawn-from-view"
    PROJECT_RETURNED_TO_VIEW = "project.returned-to-view"
    FLAG_OPENED = "flag.opened"
    FLAG_CHANGED = "flag.changed"
    FLAG_REOPENED = "flag.reopened"
    FLAG_CLEARED = "flag.cleared"
    CASE_OPENED = "case.opened"
    CASE_CHANGED = "case.changed"
    CASE_REOPENED = "case.reopened"
    CASE_CLOSED = "case.closed"
    EXEMPTION_RECORDED = "exemption.recorded"
    EXEMPTION_CHANGED = "exemption.changed"
    EXEMPTION_REVOKED = "exemption.revoked"
    IMPORT_ADDED = "import.added"
    IMPORT_CHANGED = "import.changed"
    IMPORT_DONE = "import.done"
    IMPORT_FAILED = "import.failed"
    AUDIT_SUCCEEDED = "audit.succeeded"
    AUDIT_HELD = "audit.held"
    AUDIT_REJECTED = "audit.rejected"
    AUDIT_FAILED = "audit.failed"
    AUDIT_MISSED = "audit.missed"
    AUDIT_VOIDED = "audit.voided"


# The type of a record that is new.
ADDED = {
    ChangeKind.AGENCY: ChangeType.AGENCY_REGISTERED,
    ChangeKind.PROJECT: ChangeType.PROJECT_REGISTERED,
    ChangeKind.FLAG: ChangeType.FLAG_OPENED,
    ChangeKind.CASE: ChangeType.CASE_OPENED,
    ChangeKind.EXEMPTION: ChangeType.EXEMPTION_RECORDED,
    ChangeKind.IMPORT: ChangeType.IMPORT_ADDED,
}
# The type of a record that gets this status. Audits have no other types.
REACHED = {
    (ChangeKind.AGENCY, "closed"): ChangeType.AGENCY_CLOSED,
    (ChangeKind.PROJECT, "withdrawn"): ChangeType.PROJECT_WITHDRAWN,
    (ChangeKind.FLAG, "cleared"): ChangeType.FLAG_CLEARED,
    (ChangeKind.FLAG, "open"): ChangeType.FLAG_REOPENED,
    (ChangeKind.CASE, "closed"): ChangeType.CASE_CLOSED,
    (ChangeKind.EXEMPTION, "revoked"): ChangeType.EXEMPTION_REVOKED,
    (ChangeKind.IMPORT, "done"): ChangeType.IMPORT_DONE,
    (ChangeKind.IMPORT, "failed"): ChangeType.IMPORT_FAILED,
}
# The type of a record that leaves this status, unless the status that it gets has a type of its own.
LEFT = {
    (ChangeKind.PROJECT, "withdrawn"): ChangeType.PROJECT_RESTORED,
    (ChangeKind.FLAG, "cleared"): ChangeType.FLAG_REOPENED,
    (ChangeKind.CASE, "closed"): ChangeType.CASE_REOPENED,
}
PASSED_ON = "agency"


def change_type(kind: ChangeKind, before: str | None, after: str | None, fields: Collection[str] = ()) -> ChangeType:
    """The type of a change, from the status before (None: a new record) and after, and the fields that changed."""
    if kind is ChangeKind.AUDIT:
        return ChangeType(f"{kind}.{after}")
    if before is None:
        return ADDED[kind]
    if before != after:
        special = REACHED.get((kind, str(after))) or LEFT.get((kind, before))
        if special is not None:
            return special
    passed_on = kind is ChangeKind.PROJECT and PASSED_ON in fields
    return ChangeType.PROJECT_PASSED_ON if passed_on else ChangeType(f"{kind}.changed")
