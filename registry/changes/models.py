"""Tables of the change feed, and the kinds of its items."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.database import Instant, Model
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices

# Kinds of records in the change feed, and the types of changes.


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


class ChangeType(Choices):
    """What happened to a record: its kind, and the change. ``changed``: anything else that lists show of it."""

    AGENCY_REGISTERED = "agency.registered", lazy_text("Agency registered")
    AGENCY_CHANGED = "agency.changed", lazy_text("Agency changed")
    AGENCY_CLOSED = "agency.closed", lazy_text("Agency closed")
    PROJECT_REGISTERED = "project.registered", lazy_text("Project registered")
    PROJECT_CHANGED = "project.changed", lazy_text("Project changed")
    PROJECT_PASSED_ON = "project.passed-on", lazy_text("Project passed on to another agency")
    PROJECT_WITHDRAWN = "project.withdrawn", lazy_text("Project withdrawn")
    PROJECT_RESTORED = "project.restored", lazy_text("Project restored")
    PROJECT_WITHDRAWN_FROM_VIEW = "project.withdrawn-from-view", lazy_text("Project no longer visible")
    PROJECT_RETURNED_TO_VIEW = "project.returned-to-view", lazy_text("Project visible again")
    FLAG_OPENED = "flag.opened", lazy_text("Flag opened")
    FLAG_CHANGED = "flag.changed", lazy_text("Flag changed")
    FLAG_REOPENED = "flag.reopened", lazy_text("Flag reopened")
    FLAG_CLEARED = "flag.cleared", lazy_text("Flag cleared")
    CASE_OPENED = "case.opened", lazy_text("Case opened")
    CASE_CHANGED = "case.changed", lazy_text("Case changed")
    CASE_REOPENED = "case.reopened", lazy_text("Case reopened")
    CASE_CLOSED = "case.closed", lazy_text("Case closed")
    EXEMPTION_RECORDED = "exemption.recorded", lazy_text("Exemption recorded")
    EXEMPTION_CHANGED = "exemption.changed", lazy_text("Exemption changed")
    EXEMPTION_REVOKED = "exemption.revoked", lazy_text("Exemption revoked")
    IMPORT_ADDED = "import.added", lazy_text("Import queued")
    IMPORT_CHANGED = "import.changed", lazy_text("Import changed")
    IMPORT_DONE = "import.done", lazy_text("Import done")
    IMPORT_FAILED = "import.failed", lazy_text("Import failed")
    AUDIT_SUCCEEDED = "audit.succeeded", lazy_text("Audit succeeded")
    AUDIT_HELD = "audit.held", lazy_text("Audit held")
    AUDIT_REJECTED = "audit.rejected", lazy_text("Audit rejected")
    AUDIT_FAILED = "audit.failed", lazy_text("Audit failed")
    AUDIT_MISSED = "audit.missed", lazy_text("Audit missed")
    AUDIT_VOIDED = "audit.voided", lazy_text("Audit voided")


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
    """Return the type of a change, from the status before (None: a new record) and after, and the fields that
    changed.
    """
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


# Tables of the change feed.


class RecordedChange(Model):
    """One record that one transaction added or changed, with its state before and after that transaction.

    ``seq`` follows the order of commits without gaps. ``record_id`` is the id of the row, ``project_id`` that of its
    project; neither is a foreign key, because nothing that the feed names is ever deleted. ``old_status`` is None for a
    new record. ``fields``: names of changed fields, separated by spaces. ``details``: ``before`` and ``after`` of some
    of them. Of a change of view, ``seen_by`` lists the agencies whose accounts could see the project until then, as
    ``,1,5,``, and ``was_restricted`` says whether it was restricted until then. ``digest``: of the row as it was
    written, ``status_digest``: of the status of a project; the entry of the journal covers them. Kinds that the feed
    does not have (``change_triggers.py``) have nothing else.
    """

    __tablename__ = "changes"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Instant)
    kind: Mapped[str] = mapped_column(String(10))
    record_id: Mapped[int] = mapped_column(Integer)
    project_id: Mapped[int | None] = mapped_column(Integer)
    version: Mapped[int | None] = mapped_column(Integer)
    old_status: Mapped[str | None] = mapped_column(String(24))
    new_status: Mapped[str | None] = mapped_column(String(24))
    old_severity: Mapped[str | None] = mapped_column(String(10))
    new_severity: Mapped[str | None] = mapped_column(String(10))
    fields: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    seen_by: Mapped[str | None] = mapped_column(Text)
    was_restricted: Mapped[bool | None]
    digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    status_digest: Mapped[bytes | None] = mapped_column(LargeBinary)


class PendingChange(Model):
    """A record that the open transaction has added or changed: the commit numbers it and deletes this row.

    Triggers write it (``registry/core/change_triggers.py``). ``xact``: the transaction, so that two of them never wait
    for each other here, and none takes what somebody wrote by hand for its own; ``position``: where its kind stands
    among the changes of one transaction. ``values_before`` and ``values_after``: members of a JSON object. Rows of
    somebody who changed the database by hand are numbered by the scheduler.
    """

    __tablename__ = "pending_changes"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - the declarative base has it as a variable of classes

    xact: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    record_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(10))
    project_id: Mapped[int | None]
    version: Mapped[int | None]
    old_status: Mapped[str | None] = mapped_column(String(24))
    new_status: Mapped[str | None] = mapped_column(String(24))
    old_severity: Mapped[str | None] = mapped_column(String(10))
    new_severity: Mapped[str | None] = mapped_column(String(10))
    fields: Mapped[str | None] = mapped_column(Text)
    values_before: Mapped[str | None] = mapped_column(Text)
    values_after: Mapped[str | None] = mapped_column(Text)
    seen_by: Mapped[str | None] = mapped_column(Text)
    was_restricted: Mapped[bool | None]
    digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    status_digest: Mapped[bytes | None] = mapped_column(LargeBinary)


class ChangeHead(Model):
    """The number of the last change, of the last one deleted, and of the last one whose digests are sealed
    (``registry/journal/rows.py``), before which none is deleted: a single row, inserted by the migration.
    """

    __tablename__ = "change_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
    deleted_up_to: Mapped[int] = mapped_column(BigInteger)
    sealed_up_to: Mapped[int | None] = mapped_column(BigInteger)
