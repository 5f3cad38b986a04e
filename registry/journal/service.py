"""The journal: an append-only, hash-chained audit log. Each entry contains the hash of the previous one.

An entry's hash is SHA-256 over the canonical JSON of all its columns but ``hash``, so that any changed byte of a row
is detected. Entries of earlier versions have no ``credential`` and no ``client_request_id`` (NULL); their hash covers
the other columns. The two lists differ in length, so that no entry of one form has the hash of the other, and removing
or adding the two columns is detected too. A single row, the chain's head, is locked while entries are appended: the
order of the chain is the order of commits. The last entry of a transaction covers the digests of the rows that it wrote
(``registry/journal/rows.py``).
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice
from typing import Any, Final, Protocol

from sqlalchemy import BigInteger, Index, String, Text, bindparam, insert, select, true, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.changes.models import ChangeHead
from registry.changes.service import WRITTEN
from registry.core import database
from registry.core.clock import now, rfc3339
from registry.core.dialects import has_writing_ctes, insert_rows

PENDING = "journal_recorded"
# Of the details of a transaction's last entry: after which change its own are numbered, how many, and what of.
WRITTEN_ROWS: Final = "written_rows"


def _iso_date(value: object) -> str:
    """Return a date or an instant in details, as ISO 8601 text. Raises TypeError for what JSON has no form of."""
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a journal entry cannot hold {value!r}")


# Details are trees: the check for circles takes as long as the rest of the encoding.
ENCODE = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_iso_date, check_circular=False
).encode
FIRST_HASH = "0" * 64
ORIGINAL_COLUMNS = (
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
COLUMNS = (*ORIGINAL_COLUMNS[:-1], *ADDED_COLUMNS, "previous_hash")


class JournalActor(Protocol):
    """The actor of an entry. Principals are names, so that the journal is readable without other tables."""

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


class JournalEntry(database.Model):
    """One action: who, when, what, on which subject, from where. ``subject`` is ``kind:key``: ``project:QT-2026-…``."""

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


class JournalHead(database.Model):
    """The number and hash of the last entry: a single row, inserted by the migration."""

    __tablename__ = "journal_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))


# Built once at import: every change executes them while it holds the lock on the head.
HEAD: Final = database.table_of(JournalHead).c
CHANGE_HEAD: Final = database.table_of(ChangeHead).c
# With what the transaction has written. Its changes get their numbers next, so the other head is locked as well.
SELECT_HEADS_FOR_UPDATE: Final = (
    select(HEAD.seq, HEAD.hash, CHANGE_HEAD.seq.label("changes"), WRITTEN.c["count"], WRITTEN.c["sha256"])
    .select_from(
        database.table_of(JournalHead)
        .join(database.table_of(ChangeHead), CHANGE_HEAD.id == HEAD.id)
        .join(WRITTEN, true())
    )
    .where(HEAD.id == 1)
    .with_for_update(of=[HEAD.id, CHANGE_HEAD.id])
)
UPDATE_HEAD: Final = (
    update(database.table_of(JournalHead))
    .where(HEAD.id == 1)
    .values(seq=bindparam("head_seq"), hash=bindparam("head_hash"))
)
INSERT_LAST_ENTRY: Final = insert(database.table_of(JournalEntry)).add_cte(UPDATE_HEAD.cte("moved"))


@dataclass(frozen=True, slots=True)
class _PendingEntry:
    actor: JournalActor
    action: str
    subject: str
    details: Mapping[str, Any] | database.EncodedJson


@dataclass(frozen=True, slots=True)
class Act:
    """An entry as its followers read it. ``key``: of its subject, such as the number of a project."""

    action: str
    key: str
    by: str
    at: datetime
    details: Mapping[str, Any]
    seq: int = 0


def read_acts(seqs: Collection[int]) -> list[Act]:
    """Return the acts with these numbers, in their order."""
    entries = select(JournalEntry).where(JournalEntry.seq.in_(seqs)).order_by(JournalEntry.seq)
    return [
        Act(
            row.action,
            row.subject.partition(":")[2],
            row.principal,
            datetime.fromisoformat(row.at),
            json.loads(row.details),
            row.seq,
        )
        for row in database.db.session.scalars(entries)
    ]


def changes_written_by(action: str, subject: str) -> range:
    """Return the numbers of the changes of the transaction of which this is the last entry, the newest such one."""
    own = select(JournalEntry.details).where(JournalEntry.action == action, JournalEntry.subject == subject)
    details = database.db.session.scalar(own.order_by(JournalEntry.seq.desc()).limit(1))
    written = {} if details is None else json.loads(details).get(WRITTEN_ROWS, {})
    after = written.get("after", 0) + 1
    return range(after, after + written.get("count", 0)) if written else range(0)


entries_appended: Final[database.Event[[int, Sequence[str]]]] = database.Event("entries_appended")
"""A transaction appends entries: the number of the first, and the actions of all."""


def record(
    actor: JournalActor, action: str, subject: str, details: Mapping[str, Any] | database.EncodedJson | None = None
) -> None:
    """Add an entry to the open transaction; it is appended to the chain on commit.

    ``details`` must be JSON-serialisable, or already encoded as by ``canonical``. Raises RuntimeError when no
    transaction is open.
    """
    session = database.require_transaction()
    session.info.setdefault(PENDING, []).append(_PendingEntry(actor, action, subject, details or {}))


@database.before_commit.connect
def append_pending(session: Session) -> None:
    """Append the pending entries to the chain, holding the head's lock until the commit."""
    pending: list[_PendingEntry] = session.info.pop(PENDING, [])
    if not pending:
        return
    seq, last, changes, count, digest = session.execute(SELECT_HEADS_FOR_UPDATE).one()
    if digest is not None:
        written = {WRITTEN_ROWS: {"after": changes, "count": count, "sha256": digest}}
        pending[-1] = replace(pending[-1], details=_decoded(pending[-1].details) | written)
    rows = _chained(pending, seq, last)
    # Each is hashed while the database inserts the ones before it.
    insert_rows(session, JournalEntry, islice(rows, len(pending) - 1))
    entry = next(rows)
    head = {"head_seq": entry["seq"], "head_hash": entry["hash"]}
    if has_writing_ctes():
        session.execute(INSERT_LAST_ENTRY, entry | head)
    else:
        insert_rows(session, JournalEntry, [entry])
        session.execute(UPDATE_HEAD, head)
    entries_appended.publish(seq + 1, [each.action for each in pending])


def _chained(pending: Iterable[_PendingEntry], seq: int, last: str) -> Iterator[dict[str, Any]]:
    """The rows of the entries, behind the entry with this number and hash."""
    at = rfc3339(now())
    for number, entry in enumerate(pending, seq + 1):
        row = {
            "seq": number,
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
        row["hash"] = last = entry_hash(row)
        yield row


def _decoded(details: Mapping[str, Any] | database.EncodedJson) -> dict[str, Any]:
    return json.loads(details) if isinstance(details, database.EncodedJson) else dict(details)


@database.after_rollback.connect
def discard_pending(session: Session) -> None:
    """Discard the pending entries of a transaction that was rolled back."""
    session.info.pop(PENDING, None)


def canonical(value: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, no ASCII escapes. Equal values give the same text."""
    return str(value) if isinstance(value, database.EncodedJson) else ENCODE(value)


def columns_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the columns that the hash of a stored or exported entry covers."""
    return ORIGINAL_COLUMNS if all(row.get(name) is None for name in ADDED_COLUMNS) else COLUMNS


def entry_hash(row: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over the columns of an entry."""
    return hashlib.sha256(hashed_text(row).encode()).hexdigest()


def hashed_text(row: Mapping[str, Any]) -> str:
    """Return the text of an entry whose UTF-8 bytes are hashed."""
    return canonical([row[name] for name in columns_of(row)])


# Backups and restore drills as the journal knows them.

BACKUP_STARTED: Final = "database.backup-started"
BACKUP_FAILED: Final = "database.backup-failed"
RESTORE_DRILLED: Final = "database.restore-drilled"
# Enough to find a good one before a few that failed.
READ: Final = 50


def last_backup_at() -> datetime | None:
    """Return when the newest ``registry backup`` that did not fail was started; None without one among the last
    entries.
    """
    statement = (
        select(JournalEntry.action, JournalEntry.at)
        .where(JournalEntry.action.in_((BACKUP_STARTED, BACKUP_FAILED)))
        .order_by(JournalEntry.seq.desc())
        .limit(READ)
    )
    failed = 0
    for action, at in database.db.session.execute(statement):
        if action == BACKUP_FAILED:
            failed += 1
        elif failed:
            failed -= 1
        else:
            return datetime.fromisoformat(at)
    return None


def last_drill_at() -> datetime | None:
    """Return when the newest backup was last restored by a successful ``registry restore-drill``; None if never."""
    statement = (
        select(JournalEntry.at).where(JournalEntry.action == RESTORE_DRILLED).order_by(JournalEntry.seq.desc()).limit(1)
    )
    at = database.db.session.scalar(statement)
    return None if at is None else datetime.fromisoformat(at)
