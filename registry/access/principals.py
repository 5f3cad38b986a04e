"""Principals: the people and named service accounts that tokens act for. Two tokens of one name are one principal."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.clock import now
from registry.store.database import Instant, Model, db
from registry.store.transaction import require_transaction

LONGEST_NAME = 200


class Principal(Model):
    """Somebody or something that acts. ``disabled_at`` shuts all of its tokens out at once."""

    __tablename__ = "principals"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME), unique=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)


def principal_named(name: str) -> Principal:
    """The principal of that name, made when it is new, inside the open transaction."""
    session = require_transaction()
    found = db.session.scalar(select(Principal).where(Principal.name == name))
    if found is None:
        found = Principal(name=name, created_at=now())
        session.add(found)
        session.flush()
    return found
