"""Exemptions: decisions of the Commission under the President, with their documents; staff record them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, func, select

from registry.accounts.roles import Actor, Permission
from registry.core.clock import local_date, now, today
from registry.core.database import db, require_transaction, transaction
from registry.core.dialects import is_among
from registry.core.errors import Conflict, Invalid, NotFound, Problem
from registry.core.lists import Listing, Page
from registry.exemptions.models import EXEMPTIONS, Exemption, ExemptionDocument
from registry.journal import service as journal
from registry.projects import documents
from registry.projects.documents import Document
from registry.projects.models import Project, is_project_number
from registry.projects.visibility import visible_projects


class ExemptionNotFound(NotFound):
    """The exemption does not exist, or the actor may not see its project."""


class ExemptionAlreadyRevoked(Conflict):
    """The exemption is already revoked."""


def check_exemption(actor: Actor, values: Mapping[str, Any]) -> Project:
    """Return the project of a decision to record from validated values, locked in the open transaction.

    Raises Invalid (dates, a project that is unknown or withdrawn).
    """
    problems = []
    if values["valid_to"] < values["valid_from"]:
        problems += [
            Problem("/valid_to", "date-before", {"other": "valid_from"}),
            Problem("/valid_from", "date-after", {"other": "valid_to"}),
        ]
    if values["decided_on"] > today():
        problems.append(Problem("/decided_on", "date-after-today"))
    number = values["project"]
    seen = select(Project).where(Project.number == number, *visible_projects(actor))
    # Locked, so that nobody withdraws it meanwhile.
    locked = seen.with_for_update(of=Project, read=True, key_share=True)
    project = require_transaction().scalar(locked) if is_project_number(number) else None
    if project is None:
        problems.append(Problem("/project", "project-unknown", {"number": number}))
    elif project.withdrawn_at is not None:
        problems.append(Problem("/project", "project-withdrawn", {"number": number}))
    if problems or project is None:
        raise Invalid(problems)
    return project


def record_exemption(actor: Actor, values: Mapping[str, Any]) -> Exemption:
    """Record an approved decision from validated values. Raises RoleNotAllowed, and what ``check_exemption`` raises."""
    actor.require_role(Permission.EXEMPTIONS_RECORD)
    with transaction() as session:
        project = check_exemption(actor, values)
        exemption = Exemption(
            project_record=project,
            **{name: values.get(name) for name in EXEMPTION_FIELDS},
            recorded_at=now(),
            recorded_by=actor.principal,
        )
        session.add(exemption)
        session.flush()
        details = {name: values.get(name) for name in EXEMPTION_FIELDS} | {"exemption": exemption.id}
        journal.record(actor, "exemption.recorded", f"project:{project.number}", details)
    return exemption


EXEMPTION_FIELDS = ("decision_number", "decided_on", "valid_from", "valid_to", "scope", "conditions")


def find_exemption(actor: Actor, exemption_id: int) -> Exemption:
    """Return the exemption with that id. Raises ExemptionNotFound, also for projects that the actor may not see."""
    return _found(_query(actor, exemption_id), exemption_id)


def find_exemption_to_change(actor: Actor, exemption_id: int) -> Exemption:
    """Return the exemption with that id, locked until the open transaction ends. Raises ExemptionNotFound."""
    require_transaction()
    return _found(_query(actor, exemption_id).with_for_update(of=Exemption), exemption_id)


def record_revocation(actor: Actor, exemption: Exemption, reason: str | None) -> None:
    """Mark the exemption as revoked in the open transaction.

    Raises RoleNotAllowed and ExemptionAlreadyRevoked.
    """
    actor.require(Permission.EXEMPTIONS_RECORD)
    if exemption.revoked_at is not None:
        raise ExemptionAlreadyRevoked(on=local_date(exemption.revoked_at).isoformat())
    exemption.revoked_at, exemption.revoked_by, exemption.revocation_reason = now(), actor.principal, reason
    db.session.flush()
    details = {"exemption": exemption.id, "reason": reason}
    journal.record(actor, "exemption.revoked", f"project:{exemption.project}", details)


def in_force_on(day: date | ColumnElement[date]) -> ColumnElement[bool]:
    """Return the condition on Exemption that it is in force on a date.

    A revoked exemption is in force on no date, since audits evaluate the current facts.
    """
    return and_(Exemption.revoked_at.is_(None), Exemption.valid_from <= day, Exemption.valid_to >= day)


def exemption_on(project_id: ColumnElement[int], day: ColumnElement[date]) -> ScalarSelect[int | None]:
    """Return the id of a project's exemption in force on a date (the last recorded one), as a scalar subquery."""
    return (
        select(func.max(Exemption.id))
        .where(Exemption.project_id == project_id, in_force_on(day))
        .correlate_except(Exemption)
        .scalar_subquery()
    )


def exemption_in_force(project_id: int, day: date) -> int | None:
    """Return the id of a project's exemption in force on a date (the last recorded one); None without one."""
    return db.session.scalar(select(func.max(Exemption.id)).where(Exemption.project_id == project_id, in_force_on(day)))


def exempt_since(ids: Collection[int]) -> dict[int, datetime]:
    """Return when the last exemption in force, or to come into force, was recorded, of those of the projects with
    one.
    """
    stands = and_(Exemption.revoked_at.is_(None), Exemption.valid_to >= today())
    recorded = (
        select(Exemption.project_id, func.max(Exemption.recorded_at).label("at"))
        .where(is_among(EXEMPTIONS.c.project_id, ids), stands)
        .group_by(Exemption.project_id)
    )
    return {row.project_id: row.at for row in db.session.execute(recorded)}


def exempt_projects(ids: Collection[int], day: date) -> set[int]:
    """Return those of the projects that an exemption in force on a date covers."""
    return set(db.session.scalars(select(Exemption.project_id).where(Exemption.project_id.in_(ids), in_force_on(day))))


def _query(actor: Actor, exemption_id: int) -> Select[Exemption]:
    return (
        select(Exemption)
        .join(Project, Project.id == Exemption.project_id)
        .where(Exemption.id == exemption_id, *visible_projects(actor))
        .execution_options(populate_existing=True)
    )


def _found(statement: Select[Any], exemption_id: int) -> Exemption:
    exemption = db.session.scalar(statement)
    if not isinstance(exemption, Exemption):
        raise ExemptionNotFound(id=exemption_id)
    return exemption


# Documents of an exemption: the Commission's decision and its letters, for whoever may see the exemption.
#
# Their bytes are documents of the project (``projects/documents.py``): one quota, one check of types.


def add_exemption_document(
    actor: Actor, exemption_id: int, name: str, content_type: str, content: bytes, values: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Add a document to an exemption; returns what is shown of it. ``values``: what LetterFields validated.

    Raises RoleNotAllowed, StepUpRequired, ExemptionNotFound, ProjectWithdrawn, Invalid and DocumentQuotaExceeded.
    """
    actor.require(Permission.EXEMPTIONS_RECORD)
    with transaction() as session:
        exemption = find_exemption(actor, exemption_id)
        project = exemption.project_record
        document = documents.add_document(
            actor, project, name, content_type, content, belongs_to=documents.EXEMPTION, **values
        )
        session.add(ExemptionDocument(document_id=document.id, exemption_id=exemption.id))
        session.flush()
        row = session.execute(_documents(exemption).where(Document.id == document.id)).mappings().one()
        return {shown: value for shown, value in row.items() if not shown.startswith("_")}


def unusable_documents(project_id: int, ids: Sequence[int]) -> list[Problem]:
    """Return the problems of documents that are to be a decision: not of the project itself, or of another decision."""
    of_project = (Document.project_id == project_id, Document.belongs_to.is_(None), Document.id.in_(ids))
    own = set(db.session.scalars(select(Document.id).where(*of_project)))
    linked = select(ExemptionDocument.document_id).where(ExemptionDocument.document_id.in_(ids))
    taken = set(db.session.scalars(linked))
    return [
        Problem(
            f"/documents/{place}",
            "document-of-another-decision" if document_id in own else "document-not-of-project",
            {"id": document_id},
        )
        for place, document_id in enumerate(ids)
        if document_id not in own or document_id in taken
    ]


def link_documents(exemption: Exemption, ids: Iterable[int]) -> None:
    """Let documents of the exemption's project be those of the exemption, in the open transaction."""
    session = require_transaction()
    session.add_all(ExemptionDocument(document_id=document_id, exemption_id=exemption.id) for document_id in ids)
    session.flush()


def exemption_documents_page(exemption: Exemption, page: Page) -> Listing:
    """Return a page of the documents of an exemption, oldest first. Raises Malformed."""
    return documents.page_of_documents(_documents(exemption), page)


def documents_of_exemptions(ids: list[int]) -> dict[int, list[Mapping[str, Any]]]:
    """Return the documents of each of these exemptions, which the caller may see, by the exemption's id."""
    statement = select(
        *documents.columns_of_documents(*documents.SHOWN, *documents.NUMBERS), ExemptionDocument.exemption_id
    )
    joined = statement.join(ExemptionDocument, ExemptionDocument.document_id == Document.id)
    rows = db.session.execute(joined.where(ExemptionDocument.exemption_id.in_(ids)).order_by(Document.id)).mappings()
    by_exemption: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_exemption.setdefault(row["exemption_id"], []).append({**row})
    return by_exemption


def read_exemption_document(exemption: Exemption, document_id: int) -> tuple[Document, bytes]:
    """Return a document of the exemption and its content. Raises DocumentNotFound and DocumentDamaged."""
    return documents.document_of_query(_documents(exemption), document_id)


def _documents(exemption: Exemption) -> Select[Any]:
    return (
        select(*documents.columns_of_documents(*documents.SHOWN, *documents.NUMBERS))
        .join(ExemptionDocument, ExemptionDocument.document_id == Document.id)
        .where(ExemptionDocument.exemption_id == exemption.id)
        .order_by(Document.id)
    )
