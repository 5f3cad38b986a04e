"""Pending uploads: files whose preview was displayed and that wait for their owner's confirmation."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import LargeBinary, String, Text, delete, select
from sqlalchemy.orm import Mapped, deferred, mapped_column

from registry.accounts.actors import Actor
from registry.core.clock import now
from registry.core.database import Instant, Model, db
from registry.core.errors import NotFound
from registry.core.transactions import require_transaction, transaction

RETENTION: Final = timedelta(days=1)


class PendingUploadNotFound(NotFound):
    """The upload does not exist any more, or belongs to someone else."""


class PendingUpload(Model):
    """An uploaded file, stored for at most ``RETENTION``."""

    __tablename__ = "waiting_files"

    id: Mapped[int] = mapped_column(primary_key=True)
    principal: Mapped[str] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(String(200))
    kept_at: Mapped[datetime] = mapped_column(Instant)
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary, nullable=False))


def store_upload(actor: Actor, file_name: str, content: bytes) -> int:
    """Store a file until it is confirmed and return its id. Deletes the owner's earlier uploads and expired ones."""
    with transaction() as session:
        at = now()
        session.execute(
            delete(PendingUpload).where(
                (PendingUpload.principal == actor.principal) | (PendingUpload.kept_at < at - RETENTION)
            )
        )
        file = PendingUpload(principal=actor.principal, file_name=file_name, content=content, kept_at=at)
        session.add(file)
        session.flush()
    return file.id


def read_upload(actor: Actor, file_id: int) -> tuple[str, bytes]:
    """Return the file's name and content. Raises PendingUploadNotFound."""
    row = db.session.execute(
        select(PendingUpload.file_name, PendingUpload.content).where(
            PendingUpload.id == file_id, PendingUpload.principal == actor.principal
        )
    ).one_or_none()
    if row is None:
        raise PendingUploadNotFound(id=file_id)
    return row.file_name, row.content


def take_upload(actor: Actor, file_id: int) -> tuple[str, bytes]:
    """Return the file's name and content, and delete it in the open transaction. Raises PendingUploadNotFound."""
    session = require_transaction()
    upload = read_upload(actor, file_id)
    session.execute(delete(PendingUpload).where(PendingUpload.id == file_id))
    return upload
