"""Files that wait for a yes: what they would do was shown, and it is done when their owner says so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import LargeBinary, String, Text, delete, select
from sqlalchemy.orm import Mapped, deferred, mapped_column

from registry.accounts.actors import Actor
from registry.core.clock import now
from registry.core.database import Instant, Model
from registry.core.errors import NotFound
from registry.core.transactions import require_transaction, transaction

KEPT_FOR: Final = timedelta(days=1)


class PendingUploadNotFound(NotFound):
    """The file is not there any more, or it is another's."""


class PendingUpload(Model):
    """A file of which the summary was shown and which is applied when the person says yes, for a day at most."""

    __tablename__ = "waiting_files"

    id: Mapped[int] = mapped_column(primary_key=True)
    principal: Mapped[str] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(String(200))
    kept_at: Mapped[datetime] = mapped_column(Instant)
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary, nullable=False))


def store_upload(actor: Actor, file_name: str, content: bytes) -> int:
    """Keep a file until its owner says yes; the id to ask for it. The owner's older ones are dropped."""
    with transaction() as session:
        moment = now()
        session.execute(
            delete(PendingUpload).where(
                (PendingUpload.principal == actor.principal) | (PendingUpload.kept_at < moment - KEPT_FOR)
            )
        )
        file = PendingUpload(principal=actor.principal, file_name=file_name, content=content, kept_at=moment)
        session.add(file)
        session.flush()
    return file.id


def take_upload(actor: Actor, file_id: int) -> tuple[str, bytes]:
    """The file's name and bytes; it is dropped with the open transaction. Raises PendingUploadNotFound."""
    session = require_transaction()
    row = session.execute(
        select(PendingUpload.file_name, PendingUpload.content).where(
            PendingUpload.id == file_id, PendingUpload.principal == actor.principal
        )
    ).one_or_none()
    if row is None:
        raise PendingUploadNotFound(id=file_id)
    session.execute(delete(PendingUpload).where(PendingUpload.id == file_id))
    return row.file_name, row.content
