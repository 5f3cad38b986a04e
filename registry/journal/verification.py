"""Verification of the journal's hash chain: order, gaps, hashes, head, and truncation before an exported head.

Entries are read once, in constant memory. ``scripts/verify_journal`` is an independent second implementation for an
exported journal; a test checks that both give the same result.
"""

from __future__ import annotations

import json
import logging
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, String, Text, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.clock import local_date, local_instant, now
from registry.core.database import Instant, Model, db, transaction
from registry.core.installation import installed_at
from registry.core.record_guards import MAX_SKEW
from registry.journal.checkpoints import Checkpoint, JournalBlock
from registry.journal.merkle import BLOCK, GrowingTree
from registry.journal.service import COLUMNS, FIRST_HASH, JournalEntry, JournalHead, columns_of, entry_hash, hashed_text

HEAD_PATTERN = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")
BATCH_SIZE = 1000
# The first fault is usually enough; a rewritten journal would have one for each entry.
MAX_FAULTS = 100
STORED = (*COLUMNS, "hash")
TIME_EXPLAINED = "journal.time-explained"
EXPLAINED = select(JournalEntry.details).where(JournalEntry.action == TIME_EXPLAINED)
# The clocks of two machines that write may each differ from the database's by MAX_SKEW.
MAX_FALL = 2 * MAX_SKEW
AT_PATTERN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


@dataclass(frozen=True, slots=True)
class Fault:
    """A verification fault. ``seq`` is the entry at which it was detected; ``code`` is one of:

    ``malformed`` (columns or their types), ``missing`` and ``out-of-order`` (the numbers), ``chain-broken`` (the hash
    of the previous entry), ``hash-wrong`` (the entry's own content), ``time-wrong`` (an entry's time is before that of
    the previous one by more than ``MAX_FALL``, or is no time), ``cut-off`` (the journal ends before a head),
    ``head-differs`` (the entry at the head's number is another one), ``beyond-head`` (entries after the head),
    ``checkpoint-differs`` (the entries are not those of a checkpoint of that size), ``block-differs`` (the root of 256
    entries that is stored for the next checkpoint is not theirs).
    """

    code: str
    seq: int
    expected: str
    found: str

    def __str__(self) -> str:
        return f"entry {self.seq}: {self.code}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class Head:
    """The number and hash of the last entry at some time; (0, zeros) for an empty journal."""

    seq: int
    hash: str

    @classmethod
    def read(cls, text: str) -> Head:
        """Parse ``SEQ:HASH``. Raises ValueError."""
        match = HEAD_PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(f"expected SEQ:HASH, a number and 64 hexadecimal digits, got {text!r}")
        return cls(int(match[1]), match[2])


def verify(entries: Iterable[Mapping[str, Any]], expected_head: Head | None = None) -> list[Fault]:
    """Return the faults of a journal given oldest first, at most the first hundred; empty when it is intact.

    ``expected_head`` also detects truncation and rewriting up to that entry.
    """
    faults: list[Fault] = []
    for fault in _ChainReader(expected_head).faults(entries):
        faults.append(fault)
        if len(faults) == MAX_FAULTS:
            break
    return faults


def head_now() -> Head:
    """Return the number and hash of the last entry."""
    return Head(*db.session.execute(select(JournalHead.seq, JournalHead.hash)).one())


def verify_stored(
    expected_head: Head | None = None, start: Head | None = None, kept: Iterable[tuple[int, str]] = ()
) -> list[Fault]:
    """Return the faults of the stored journal, checked against its head row and, if given, an exported head.

    ``start``: an entry up to which the journal was verified before; it must still be there, and what follows is read.
    Without it the entries are compared with all stored checkpoints, and those ``kept`` elsewhere: sizes and roots.
    Falls of the time that were explained (``registry journal explain``) are none.
    """
    session = db.session()
    # Entries appended during the verification come after the head that was read before.
    before = head_now()
    explained = {int(json.loads(details)["entry"]) for details in session.scalars(EXPLAINED)}
    columns = [JournalEntry.__table__.c[name] for name in STORED]
    known = Head(0, FIRST_HASH) if start is None else start
    entries = select(*columns).where(JournalEntry.seq >= known.seq).order_by(JournalEntry.seq)
    rows = session.execute(entries, execution_options={"yield_per": BATCH_SIZE}).mappings()
    entries_read: Iterator[Mapping[str, Any]] = map(dict, rows)
    reading = _ChainReader(expected_head, before, *([] if start is None else [start]), first=max(known.seq, 1))
    faults: list[Fault] = []
    if start is None:
        stored = session.execute(select(Checkpoint.size, Checkpoint.root))
        heads = {*((row.size, row.root) for row in stored), *kept}
        blocks = {row.number: row.root for row in session.execute(select(JournalBlock.number, JournalBlock.root))}
        entries_read = _compared(entries_read, heads, blocks, faults)
    for fault in reading.faults(entries_read):
        if fault.code == "time-wrong" and fault.seq in explained:
            continue
        faults.append(fault)
        if len(faults) == MAX_FAULTS:
            return faults
    last = session.execute(select(JournalHead.seq)).scalar_one()
    if reading.seq > last:
        faults.append(Fault("beyond-head", reading.seq, str(last), str(reading.seq)))
    return faults


def _compared(
    entries: Iterable[Mapping[str, Any]],
    checkpoints: Collection[tuple[int, str]],
    blocks: Mapping[int, str],
    faults: list[Fault],
) -> Iterator[Mapping[str, Any]]:
    """Yield the entries, and note the first checkpoint or block whose root theirs is not: those after it differ too."""
    tree, roots = GrowingTree(), defaultdict[int, list[str]](list)
    for size, root in checkpoints:
        roots[size].append(root)
    for entry in entries:
        tree.add(hashed_text(entry))
        others = [] if faults else [root for root in roots.get(tree.size, ()) if root != tree.root().hex()]
        if others:
            faults.append(Fault("checkpoint-differs", tree.size, others[0], tree.root().hex()))
        if tree.size % BLOCK == 0 and not faults:
            own = tree.blocks[-1].hex()
            if blocks.get(len(tree.blocks) - 1, own) != own:
                faults.append(Fault("block-differs", tree.size, blocks[len(tree.blocks) - 1], own))
        yield entry
    if max(roots, default=0) > tree.size:
        faults.append(Fault("cut-off", tree.size, str(max(roots)), str(tree.size)))


class _ChainReader:
    """Verifies entries in order; ``seq`` and ``hash`` are those of the last entry read.

    ``first``: the number of the first entry to read. What is before a later one than 1 was verified earlier.
    """

    def __init__(self, *heads: Head | None, first: int = 1) -> None:
        self.seq, self.hash, self._at = first - 1, FIRST_HASH if first == 1 else None, ""
        self._heads = [head for head in heads if head is not None]

    def faults(self, entries: Iterable[Mapping[str, Any]]) -> Iterator[Fault]:
        yield from self._head_here()
        for entry in entries:
            if not _well_formed(entry):
                yield Fault("malformed", self.seq + 1, ", ".join(STORED), ", ".join(map(str, entry)))
                continue
            yield from self._next(entry)
            self.seq, self.hash, self._at = entry["seq"], entry["hash"], entry["at"]
            yield from self._head_here()
        for head in self._heads:
            if head.seq > self.seq:
                yield Fault("cut-off", self.seq, str(head.seq), str(self.seq))

    def _next(self, entry: Mapping[str, Any]) -> Iterator[Fault]:
        seq = entry["seq"]
        if seq != self.seq + 1:
            yield Fault("missing" if seq > self.seq + 1 else "out-of-order", seq, str(self.seq + 1), str(seq))
        if self.hash is not None and entry["previous_hash"] != self.hash:
            yield Fault("chain-broken", seq, self.hash, entry["previous_hash"])
        own = entry_hash(entry)
        if entry["hash"] != own:
            yield Fault("hash-wrong", seq, own, entry["hash"])
        if _falls(entry["at"], self._at):
            yield Fault("time-wrong", seq, f"no time before {self._at}", entry["at"])

    def _head_here(self) -> Iterator[Fault]:
        for head in self._heads:
            if head.seq == self.seq and self.hash is not None and head.hash != self.hash:
                yield Fault("head-differs", self.seq, head.hash, self.hash)


def time_falls_at(seq: int) -> bool:
    """Return whether the stored entry with that number is dated before the one before it."""
    pair = select(JournalEntry.at).where(JournalEntry.seq.in_((seq - 1, seq))).order_by(JournalEntry.seq)
    times = list(db.session.scalars(pair))
    return len(times) == 2 and _falls(times[1], times[0])


def _falls(at: str, before: str) -> bool:
    """Return whether an entry's time is before that of the previous one, or no time. "" before the first entry."""
    instant, previous = _instant(at), _instant(before)
    return instant is None or (previous is not None and previous - instant > MAX_FALL)


def _instant(at: str) -> datetime | None:
    try:
        return datetime.fromisoformat(at) if AT_PATTERN.fullmatch(at) else None
    except ValueError:
        return None


def _well_formed(entry: Mapping[str, Any]) -> bool:
    columns = columns_of(entry)
    return (
        {*columns, "hash"} <= set(entry) <= set(STORED)
        and type(entry["seq"]) is int
        and all(isinstance(entry[name], str) for name in (*columns, "hash") if name != "seq")
    )


# Nightly verification of the journal: from the last verified entry on, and wholly once a week.
#
# What it finds is kept in one row, for ``/readyz``, ``/metrics`` and ``registry doctor``. A break stays until a
# verification of the whole journal finds none.

log = logging.getLogger(__name__)

# After the nightly audit, whose entries it verifies too.
VERIFIED_AT: Final = time(4)
WHOLE_EVERY: Final = timedelta(days=7)
MAX_AGE: Final = timedelta(hours=50)
RUNBOOK: Final = "docs/runbooks/journal-broken.md"


class JournalVerification(Model):
    """A single row, inserted by the migration. ``fault``: the first one of the last verification, None for none.

    ``seq`` and ``hash``: the last entry up to which the journal is verified. ``rows_…``: the same of the rows of the
    register (``rows.py``).
    """

    __tablename__ = "journal_verification"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    verified_at: Mapped[datetime | None] = mapped_column(Instant)
    whole_at: Mapped[datetime | None] = mapped_column(Instant)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))
    fault: Mapped[str | None] = mapped_column(Text)
    rows_compared_at: Mapped[datetime | None] = mapped_column(Instant)
    all_rows_at: Mapped[datetime | None] = mapped_column(Instant)
    rows_fault: Mapped[str | None] = mapped_column(Text)


def last_verification() -> JournalVerification:
    """Return what the last verification found."""
    return db.session.execute(select(JournalVerification).execution_options(populate_existing=True)).scalar_one()


def is_overdue(last: JournalVerification) -> bool:
    """Return whether two nights have passed without a verification."""
    return now() - (last.verified_at or installed_at()) > MAX_AGE


def verify_when_due() -> None:
    """Verify the journal if it has not been since the last 4:00."""
    at, last = now(), last_verification()
    due = local_instant(local_date(at), VERIFIED_AT)
    if due > at:
        due -= timedelta(days=1)
    if last.verified_at is not None and last.verified_at >= due:
        return
    # A day of tolerance: nights are not exactly 24 hours apart.
    whole = last.fault is not None or last.whole_at is None or at - last.whole_at > WHOLE_EVERY - timedelta(hours=12)
    faults = verify_and_save(whole=whole)
    if faults:
        log.error("the journal is broken: %s; see %s", faults[0], RUNBOOK)


def verify_and_save(
    expected_head: Head | None = None, *, whole: bool = True, kept: Iterable[tuple[int, str]] = ()
) -> list[Fault]:
    """Verify the stored journal, from the last verified entry on unless ``whole``, and keep what was found.

    ``kept``: sizes and roots of checkpoints that were kept elsewhere.
    """
    last = last_verification()
    start = None if whole else Head(last.seq, last.hash)
    end = head_now()
    faults = verify_stored(expected_head, start, kept)
    values: dict[str, object] = {"verified_at": now(), "fault": str(faults[0]) if faults else None}
    if not faults:
        values |= {"seq": end.seq, "hash": end.hash}
    if whole:
        values |= {"whole_at": now()}
    save_verification(values)
    return faults


def save_verification(values: Mapping[str, object]) -> None:
    """Save what a verification found, where the database can be written: one that is full is verified too."""
    try:
        with transaction() as session:
            session.execute(
                update(JournalVerification).values(values), execution_options={"synchronize_session": False}
            )
    except SQLAlchemyError as error:
        log.warning("what a verification found could not be saved", exc_info=error)
