"""The installation time of this registry: no nightly audit is due for dates before it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.database import Instant, Model, db


class Installation(Model):
    """A single row, inserted by the first migration."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    installed_at: Mapped[datetime] = mapped_column(Instant)


def installed_at() -> datetime:
    """The instant at which the schema was first created."""
    return db.session.execute(select(Installation.installed_at)).scalar_one()
