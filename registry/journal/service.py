"""The journal: append-only and hash-chained. Each entry carries the hash of the one before it.

An entry's hash is SHA-256 over the canonical JSON of all its columns but ``hash``, so that any changed byte of a row
shows. Entries of earlier versions have no ``credential`` and no ``client_request_id`` (NULL): their hash is over the
other columns. The two lists differ in length, so that no entry of one form has the hash of the other: taking the two
columns away, or adding them, shows too. One row, the chain's head, is locked while entries are added: the order of the
chain is the order of commits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sqlalchemy import BigInteger, Index, String, Text, bindparam, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.core.bulk import insert_rows, table_of
from registry.core.clock import now, rfc3339
from registry.core.database import Model, WrittenJson, is_sqlite
from registry.core.transactions import after_rollback, before_commit, require_transaction

PENDING = "journal_recorded"
ENCODE = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
FIRST_HASH = "0" * 64
OLD_COLUMNS = (
    "seq",
    "at",
    "principal",
    "role",
    "action",
    "subject",
    "details",
    "source",
    "request_id",
    "previous_hash",
)
ADDED_COLUMNS = ("credential", "client_request_id")
COLUMNS = (*OLD_COLUMNS[:-1], *ADDED_COLUMNS, "previous_hash")


class Signatory(Protocol):
    """Who an entry is signed with. Principals are names, as the journal must be readable on its own."""

    @property
    def principal(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def request_id(self) -> str: ...
    @property
    def credential(self) -> str: ...
    @property
    def client_request_id(self) -> str: ...


class JournalEntry(Model):
    """One act: who, when, what, on what, from where. ``subject`` is ``kind:key``, such as ``project:QT-2026-…``."""

    __tablename__ = "journal"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(27))
    principal: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    details: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    request_id: Mapped[str] = mapped_column(Text)
    credential: Mapped[str | None] = mapped_column(Text)
    client_request_id: Mapped[str | None] = mapped_column(Text)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    __table_args__ = (Index(None, "subject", "seq"), Index(None, "action", "seq"), Index(None, "principal", "seq"))


class JournalHead(Model):
    """The chain's last entry; one row, made by the migration."""

    __tablename__ = "journal_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))


# Made once: every change waits for them, and those that wait for the lock wait for all of it.
HEAD: Final = table_of(JournalHead).c
TAKE_HEAD: Final = select(HEAD.seq, HEAD.hash).where(HEAD.id == 1).with_for_update()
MOVE_HEAD: Final = (
    update(table_of(JournalHead)).where(HEAD.id == 1).values(seq=bindparam("head_seq"), hash=bindparam("head_hash"))
)
ADD_LAST: Final = insert(table_of(JournalEntry)).add_cte(MOVE_HEAD.cte("moved"))


@dataclass(frozen=True, slots=True)
class _PendingEntry:
    actor: Signatory
    action: str
    subject: str
    details: Mapping[str, Any] | WrittenJson


def record(actor: Signatory, action: str, subject: str, details: Mapping[str, Any] | WrittenJson | None = None) -> None:
    """Keep an entry for the open transaction; it enters the chain when that commits.

    ``details`` must be JSON-ready, or written out already as ``canonical`` does it. Raises RuntimeError when no
    transaction is open.
    """
    session = require_transaction()
    session.info.setdefault(PENDING, []).append(_PendingEntry(actor, action, subject, details or {}))


@before_commit.connect
def append_pending(session: Session) -> None:
    """Add the kept entries to the chain, holding the head's lock until the commit."""
    recorded: list[_PendingEntry] = session.info.pop(PENDING, [])
    if not recorded:
        return
    seq, last = session.execute(TAKE_HEAD).one()
    at = rfc3339(now())
    rows = []
    for entry in recorded:
        seq += 1
        row = {
            "seq": seq,
            "at": at,
            "principal": entry.actor.principal,
            "role": entry.actor.role,
            "action": entry.action,
            "subject": entry.subject,
            "details": canonical(entry.details),
            "source": entry.actor.source,
            "request_id": entry.actor.request_id,
            "credential": entry.actor.credential,
            "client_request_id": entry.actor.client_request_id,
            "previous_hash": last,
        }
        last = entry_hash(row)
        rows.append({**row, "hash": last})
    head = {"head_seq": seq, "head_hash": last}
    if is_sqlite():
        insert_rows(session, JournalEntry, rows)
        session.execute(MOVE_HEAD, head)
    else:
        insert_rows(session, JournalEntry, rows[:-1])
        session.execute(ADD_LAST, rows[-1] | head)


@after_rollback.connect
def discard_recorded(session: Session) -> None:
    """Drop what a rolled-back transaction had kept."""
    session.info.pop(PENDING, None)


def canonical(value: Any) -> str:
    """JSON with sorted keys, no spaces, letters as they are: the same value is always the same text."""
    return str(value) if isinstance(value, WrittenJson) else ENCODE(value)


def columns_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns that the hash of a stored or exported entry is over."""
    return OLD_COLUMNS if all(row.get(name) is None for name in ADDED_COLUMNS) else COLUMNS


def entry_hash(row: Mapping[str, Any]) -> str:
    """SHA-256, in hex, over the columns that the chain protects."""
    return hashlib.sha256(canonical([row[name] for name in columns_of(row)]).encode()).hexdigest()
