"""Documents of a case: each belongs to an entry of the timeline, and shows to whoever may see that entry.

Their bytes are documents of the project (``projects/documents.py``): one quota, one check of types.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Select, select

from registry.accounts.roles import AGENCY_ROLES, Actor, Permission
from registry.cases.models import Case, CaseDocument, CaseEvent, add_event, side_of
from registry.cases.queries import find_case_to_change
from registry.cases.vocabulary import FurtherEvent
from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction
from registry.core.errors import invalid
from registry.core.lists import Listing, Page
from registry.journal import service as journal
from registry.projects.documents import (
    CASE,
    NUMBERS,
    SHOWN,
    Document,
    DocumentNotFound,
    add_document,
    columns_of_documents,
    document_of_query,
    page_of_documents,
)
from registry.projects.visibility import require_not_withdrawn


def add_case_document(
    actor: Actor,
    case_id: int,
    name: str,
    content_type: str,
    content: bytes,
    values: Mapping[str, Any],
    *,
    event_id: int | None = None,
    for_agency: bool = False,
) -> Document:
    """Add a document to an entry of the actor's own side, or, without one, as an entry of its own.

    ``values``: what LetterFields validated. ``for_agency``: the agency sees the entry that oversight makes. Raises
    RoleNotAllowed, CaseNotFound, ProjectWithdrawn, Invalid and DocumentQuotaExceeded.
    """
    actor.require(Permission.CASES_COMMENT)
    with transaction() as session:
        case = find_case_to_change(actor, case_id)
        project = case.project_record
        require_not_withdrawn(project)
        if event_id is None:
            action, status = FurtherEvent.DOCUMENT_ADDED.value, case.status
            event = add_event(
                actor, case, action, from_status=status, for_agency=for_agency, comment_for_agency=for_agency
            )
            session.flush()
        else:
            event = _event(actor, case, event_id)
        document = add_document(actor, project, name, content_type, content, belongs_to=CASE, **values)
        session.add(CaseDocument(document_id=document.id, case_id=case.id, event_id=event.id))
        case.version += 1
        case.changed_at = now()
        details = {"project": project.number, "document": document.id, "name": name, "event": event.id}
        journal.record(actor, f"case.{FurtherEvent.DOCUMENT_ADDED.value}", f"case:{case.id}", details)
    return document


def link_case_documents(case: Case, ids: Iterable[int], *, event_id: int) -> None:
    """Let documents of the case's project belong to an entry of its timeline, in the open transaction."""
    session = require_transaction()
    session.add_all(CaseDocument(document_id=each, case_id=case.id, event_id=event_id) for each in ids)
    session.flush()


def last_event_id(case: Case) -> int:
    """Return the id of the newest entry of the timeline."""
    newest = select(CaseEvent.id).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id.desc()).limit(1)
    return db.session.execute(newest).scalar_one()


def sides_of(case: Case) -> dict[int, str]:
    """Return the side of every entry of the timeline, by its id."""
    rows = db.session.execute(select(CaseEvent.id, CaseEvent.side).where(CaseEvent.case_id == case.id))
    return {row.id: row.side for row in rows}


def may_add_to(actor: Actor, side: str) -> bool:
    """Return True when entries of that side are of the actor's own side."""
    return side == side_of(actor) and actor.may(Permission.CASES_COMMENT)


def case_documents_page(actor: Actor, case: Case, page: Page) -> Listing:
    """Return a page of the documents of a case that the actor may see, oldest first. Raises Malformed."""
    return page_of_documents(_visible(actor, case), page)


def documents_by_event(actor: Actor, case: Case) -> dict[int, list[dict[str, Any]]]:
    """Return the documents of each entry that the actor may see, by the entry's id."""
    by_event: dict[int, list[dict[str, Any]]] = {}
    for row in db.session.execute(_visible(actor, case)).mappings():
        shown = {name: row[name] for name in ("id", "kind", "description", "name", "size", *NUMBERS)}
        by_event.setdefault(row["event"], []).append(shown)
    return by_event


def case_document(actor: Actor, case: Case, document_id: int) -> Mapping[str, Any]:
    """Return what is shown of a document of the case. Raises DocumentNotFound."""
    row = db.session.execute(_visible(actor, case).where(Document.id == document_id)).mappings().one_or_none()
    if row is None:
        raise DocumentNotFound(id=document_id)
    return {name: value for name, value in row.items() if not name.startswith("_")}


def read_case_document(actor: Actor, case: Case, document_id: int) -> tuple[Document, bytes]:
    """Return a document of the case and its content. Raises DocumentNotFound and DocumentDamaged."""
    return document_of_query(_visible(actor, case), document_id)


def _visible(actor: Actor, case: Case) -> Select[Any]:
    statement = (
        select(*columns_of_documents(*SHOWN, *NUMBERS), CaseDocument.event_id.label("event"))
        .join(CaseDocument, CaseDocument.document_id == Document.id)
        .join(CaseEvent, CaseEvent.id == CaseDocument.event_id)
        .where(CaseDocument.case_id == case.id)
        .order_by(Document.id)
    )
    return statement.where(CaseEvent.visible_to_agency.is_(True)) if actor.role in AGENCY_ROLES else statement


def _event(actor: Actor, case: Case, event_id: int) -> CaseEvent:
    event = db.session.scalar(select(CaseEvent).where(CaseEvent.id == event_id, CaseEvent.case_id == case.id))
    if event is None or (actor.role in AGENCY_ROLES and not event.visible_to_agency):
        raise invalid("/event", "event-not-of-case", id=event_id)
    if not may_add_to(actor, event.side):
        raise invalid("/event", "event-of-another-side", id=event_id)
    return event
