"""Verification of the journal's hash chain: order, gaps, hashes, head, and truncation before an exported head.

Entries are read once, in constant memory. ``scripts/verify_journal`` is an independent second implementation for an
exported journal; a test checks that both give the same result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from registry.core.database import db
from registry.core.record_guards import MAX_SKEW
from registry.journal.service import COLUMNS, FIRST_HASH, JournalEntry, JournalHead, columns_of, entry_hash

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
    ``head-differs`` (the entry at the head's number is another one), ``beyond-head`` (entries after the head).
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
    """The faults of a journal given oldest first, at most the first hundred; empty when it is intact.

    ``expected_head`` also detects truncation and rewriting up to that entry.
    """
    faults: list[Fault] = []
    for fault in _ChainReader(expected_head).faults(entries):
        faults.append(fault)
        if len(faults) == MAX_FAULTS:
            break
    return faults


def head_now() -> Head:
    """The number and hash of the last entry."""
    return Head(*db.session.execute(select(JournalHead.seq, JournalHead.hash)).one())


def verify_stored(expected_head: Head | None = None, start: Head | None = None) -> list[Fault]:
    """The faults of the stored journal, checked against its head row and, if given, an exported head.

    ``start``: an entry up to which the journal was verified before; it must still be there, and what follows is read.
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
    reading = _ChainReader(expected_head, before, *([] if start is None else [start]), first=max(known.seq, 1))
    faults: list[Fault] = []
    for fault in reading.faults(dict(row) for row in rows):
        if fault.code == "time-wrong" and fault.seq in explained:
            continue
        faults.append(fault)
        if len(faults) == MAX_FAULTS:
            return faults
    last = session.execute(select(JournalHead.seq)).scalar_one()
    if reading.seq > last:
        faults.append(Fault("beyond-head", reading.seq, str(last), str(reading.seq)))
    return faults


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
    """Whether the stored entry with that number is dated before the one before it."""
    pair = select(JournalEntry.at).where(JournalEntry.seq.in_((seq - 1, seq))).order_by(JournalEntry.seq)
    times = list(db.session.scalars(pair))
    return len(times) == 2 and _falls(times[1], times[0])


def _falls(at: str, before: str) -> bool:
    """Whether an entry's time is before that of the previous one, or no time. "" before the first entry."""
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
