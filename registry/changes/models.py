"""Tables of the change feed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.database import Instant, Model


class RecordedChange(Model):
    """One record that one transaction added or changed, with its state before and after that transaction.

    ``seq`` follows the order of commits without gaps. ``record_id`` is the id of the row, ``project_id`` that of its
    project; neither is a foreign key, because nothing that the feed names is ever deleted. ``old_status`` is None for a
    new record. ``fields``: names of changed fields, separated by spaces. ``details``: ``before`` and ``after`` of some
    of them. Of a change of view, ``seen_by`` lists the agencies whose accounts could see the project until then, as
    ``,1,5,``, and ``was_restricted`` says whether it was restricted until then.
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


class ChangeHead(Model):
    """The number of the last change, and of the last one deleted: a single row, inserted by the migration."""

    __tablename__ = "change_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
    deleted_up_to: Mapped[int] = mapped_column(BigInteger)
