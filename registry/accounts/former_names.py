"""Former names of renamed accounts: reserved for their account for ever, so that no other account can pass for it.

Records name people as they were called at the time; ``same_person.py`` tells whether two names are one account.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, select, update
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from registry.accounts.account_names import MAX_NAME_LENGTH
from registry.core.clock import now
from registry.core.database import Instant, Model, db
from registry.core.transactions import require_transaction


class FormerName(Model):
    """A name that an account had until ``renamed_at``. An account may return to its own former name."""

    __tablename__ = "former_names"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("principals.id"), index=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    name_skeleton: Mapped[str] = mapped_column(Text, index=True)
    renamed_at: Mapped[datetime] = mapped_column(Instant)


def keep_former_name(account_id: int, name: str, name_skeleton: str) -> None:
    """Record in the open transaction that the account is called differently from now on."""
    values = {"account_id": account_id, "name": name, "name_skeleton": name_skeleton}
    require_transaction().add(FormerName(**values, renamed_at=now()))


def former_name_like(name_skeleton: str, account_id: int | None = None) -> str | None:
    """The former name with that skeleton of an account other than ``account_id``; None without one."""
    statement = select(FormerName.name).where(FormerName.name_skeleton == name_skeleton)
    if account_id is not None:
        statement = statement.where(FormerName.account_id != account_id)
    return db.session.scalar(statement.limit(1))


def rename_in(name: InstrumentedAttribute[str]) -> Callable[[int, str, str], None]:
    """A handler of ``account_renamed`` for a column of what belongs to an account by name: drafts, uploads, imports."""

    def follow(_account_id: int, old: str, new: str) -> None:
        owned = update(name.class_).where(name == old).values({name.key: new})
        require_transaction().execute(owned)

    return follow
