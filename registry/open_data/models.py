"""The stored set of open data: one file for everybody, written after the nightly audit."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import BigInteger, LargeBinary, String
from sqlalchemy.orm import Mapped, deferred, mapped_column

from registry.core.database import Instant, Model

ONLY_ROW: Final = 1


class OpenDataSet(Model):
    """The only row, inserted by the migration. Without ``content`` there is no set until the worker writes it again.

    ``generation`` rises with every change: a set that was read before a project became restricted is not stored.
    ``content``: the CSV, compressed with gzip; ``sha256`` and ``size`` (bytes) are of the CSV itself.
    ``audited_on``: the day of the last audit that it shows.
    """

    __tablename__ = "open_data_set"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    generation: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[bytes | None] = deferred(mapped_column(LargeBinary, nullable=True))
    sha256: Mapped[str | None] = mapped_column(String(64))
    size: Mapped[int | None] = mapped_column(BigInteger)
    projects: Mapped[int | None]
    audited_on: Mapped[date | None]
    made_at: Mapped[datetime | None] = mapped_column(Instant)
