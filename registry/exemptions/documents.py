"""Documents of an exemption: the Commission's decision and its letters, for whoever may see the exemption.

Their bytes are documents of the project (``projects/documents.py``): one quota, one check of types.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ForeignKey, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.database import Model, db
from registry.core.errors import Problem
from registry.core.lists import Listing, Page
from registry.core.transactions import require_transaction, transaction
from registry.exemptions.models import Exemption
from registry.exemptions.service import find_exemption
from registry.projects.documents import (
    EXEMPTION,
    NUMBERS,
    SHOWN,
    Document,
    add_document,
    columns_of_documents,
    document_of_query,
    page_of_documents,
)


class ExemptionDocument(Model):
    """To which exemption a document belongs."""

    __tablename__ = "exemption_documents"

    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id"), primary_key=True, autoincrement=False)
    exemption_id: Mapped[int] = mapped_column(ForeignKey("exemptions.id"), index=True)


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
        document = add_document(actor, project, name, content_type, content, belongs_to=EXEMPTION, **values)
        session.add(ExemptionDocument(document_id=document.id, exemption_id=exemption.id))
        session.flush()
        row = session.execute(_documents(exemption).where(Document.id == document.id)).mappings().one()
        return {shown: value for shown, value in row.items() if not shown.startswith("_")}


def unusable_documents(project_id: int, ids: Sequence[int]) -> list[Problem]:
    """The problems of documents that are to be a decision: not of the project itself, or of another decision."""
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
    """A page of the documents of an exemption, oldest first. Raises Malformed."""
    return page_of_documents(_documents(exemption), page)


def documents_of_exemptions(ids: list[int]) -> dict[int, list[Mapping[str, Any]]]:
    """The documents of each of these exemptions, which the caller may see, by the exemption's id."""
    statement = select(*columns_of_documents(*SHOWN, *NUMBERS), ExemptionDocument.exemption_id)
    joined = statement.join(ExemptionDocument, ExemptionDocument.document_id == Document.id)
    rows = db.session.execute(joined.where(ExemptionDocument.exemption_id.in_(ids)).order_by(Document.id)).mappings()
    by_exemption: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_exemption.setdefault(row["exemption_id"], []).append({**row})
    return by_exemption


def read_exemption_document(exemption: Exemption, document_id: int) -> tuple[Document, bytes]:
    """A document of the exemption and its content. Raises DocumentNotFound and DocumentDamaged."""
    return document_of_query(_documents(exemption), document_id)


def _documents(exemption: Exemption) -> Select[Any]:
    return (
        select(*columns_of_documents(*SHOWN, *NUMBERS))
        .join(ExemptionDocument, ExemptionDocument.document_id == Document.id)
        .where(ExemptionDocument.exemption_id == exemption.id)
        .order_by(Document.id)
    )
