"""The stored set of open data, one file for everybody, and under which licence an installation publishes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from marshmallow import ValidationError
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


# The licence of the open data, from its environment variable.

USUAL_LICENCE: Final = "CC-BY-4.0 https://creativecommons.org/licenses/by/4.0/"


def licence(text: str, public: bool) -> Licence | None:
    """Return the licence that the text names, by default CC BY 4.0; None when nothing is published. Raises
    ValidationError.
    """
    name, _, url = (text or USUAL_LICENCE).partition(" ")
    if not name or not url.startswith("https://") or not (url.isascii() and url.isprintable()) or " " in url:
        raise ValidationError("expected a short name and an https address, such as " + USUAL_LICENCE)
    return Licence(name, url) if public else None


PARSERS: Final[dict[str, Callable[..., object]]] = {"licence": licence}


# Whether this installation publishes, where, and under which licence.

PUBLICATION: Final = "OPEN_DATA_LICENCE"
"""The key of ``app.config``: the Licence; None when the open data are off."""


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence: its short name, of SPDX where it has one, and the address of its text."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Publication:
    """``home``: the full address of the public page, without a query; the files are below it."""

    home: str
    licence: Licence
