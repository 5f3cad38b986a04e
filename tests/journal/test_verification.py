"""Verification of the journal by the service and by ``scripts/verify_journal``."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

import pytest

from registry.journal.service import FIRST_HASH, entry_hash
from registry.journal.verification import STORED, Head, verify
from tests.journal.chains import Entry, a_chain, exported, head_of, lone_faults, own_faults

TAMPERINGS = 1_000


def test_intact_journal_has_no_faults() -> None:
    entries = a_chain(30)
    for head in (None, head_of(entries), head_of(entries[:7]), Head(0, FIRST_HASH)):
        assert own_faults(entries, head) == lone_faults(exported(entries), head) == []
    assert own_faults([]) == lone_faults(b"") == []


@pytest.mark.parametrize("column", STORED)
def test_change_of_any_column_is_detected(column: str) -> None:
    entries = a_chain(5)
    entries[2][column] = 99 if column == "seq" else entries[2][column] + "0"
    assert own_faults(entries)
    assert own_faults(entries) == lone_faults(exported(entries))


def test_journal_with_entries_of_the_original_columns_is_intact() -> None:
    entries = a_chain(6, old=3)
    assert [len(entry) for entry in entries] == [11, 11, 11, 13, 13, 13]
    assert own_faults(entries) == lone_faults(exported(entries)) == []
    stored = [{"credential": None, "client_request_id": None} | entry for entry in entries]
    assert own_faults(stored) == []


def test_hash_of_an_original_entry_covers_its_ten_columns() -> None:
    (entry,) = a_chain(1, old=1)
    text = (
        '[1,"2026-03-02T04:01:06.000000Z","Әсел Құдайберген","supervisor","project.changed",'
        '"project:QT-2026-0000001-1",'
        + json.dumps(entry["details"], ensure_ascii=False)
        + f',"10.0.0.1","{1:032x}","{FIRST_HASH}"]'
    )
    assert entry["hash"] == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("names", [["credential"], ["client_request_id"], ["credential", "client_request_id"]])
def test_removed_columns_are_detected(names: list[str]) -> None:
    entries = a_chain(3)
    stripped = [dict(entry) for entry in entries]
    for name in names:
        del stripped[1][name]
    assert own_faults(stripped)
    assert own_faults(stripped)[0] == lone_faults(exported(stripped))[0]
    nulled = [dict(entry) for entry in entries]
    nulled[1] |= dict.fromkeys(names)
    assert own_faults(nulled)


def test_columns_added_to_an_original_entry_are_detected() -> None:
    entries = a_chain(3, old=3)
    entries[1] = {name: entries[1][name] for name in STORED if name in entries[1]}
    forged = {**entries[1], "credential": "local", "client_request_id": ""}
    entries[1] = {name: forged[name] for name in STORED}
    assert own_faults(entries) == lone_faults(exported(entries)) == [("hash-wrong", 2)]


def test_missing_added_and_moved_entries_have_different_faults() -> None:
    entries = a_chain(5)
    missing = entries[:2] + entries[3:]
    assert own_faults(missing) == [("missing", 4), ("chain-broken", 4)]
    twice = entries[:3] + entries[2:]
    assert own_faults(twice) == [("out-of-order", 3), ("chain-broken", 3)]
    moved = [entries[0], entries[2], entries[1], *entries[3:]]
    assert [code for code, _ in own_faults(moved)][:2] == ["missing", "chain-broken"]
    for journal_now in (missing, twice, moved):
        assert own_faults(journal_now) == lone_faults(exported(journal_now))


def rehashed(entries: list[Entry]) -> list[Entry]:
    """The chain with hashes that fit what its entries say: made by somebody who knows how."""
    last = FIRST_HASH
    for entry in entries:
        entry["previous_hash"] = last
        last = entry["hash"] = entry_hash(entry)
    return entries


@pytest.mark.parametrize(
    ("at", "codes"),
    [
        ("2026-03-02T04:03:06.000000Z", []),
        ("2026-03-02T03:53:06.000000Z", []),
        ("2026-03-02T03:53:05.999999Z", [("time-wrong", 4)]),
        ("2025-03-02T04:03:06.000000Z", [("time-wrong", 4)]),
        ("2026-02-30T04:03:06.000000Z", [("time-wrong", 4)]),
        ("now", [("time-wrong", 4)]),
        ("2027-03-02T04:03:06.000000Z", [("time-wrong", 5)]),
    ],
)
def test_entry_dated_before_the_one_before_it_is_a_fault(at: str, codes: list[tuple[str, int]]) -> None:
    entries = a_chain(6)
    entries[3]["at"] = at
    assert own_faults(rehashed(entries)) == lone_faults(exported(entries)) == codes


def test_truncation_is_detected_with_an_exported_head() -> None:
    entries = a_chain(9)
    cut, head = entries[:6], head_of(entries[:8])
    assert own_faults(cut) == []
    assert own_faults(cut, head) == lone_faults(exported(cut), head) == [("cut-off", 6)]
    assert own_faults([], head) == lone_faults(b"", head) == [("cut-off", 0)]


def test_rewritten_journal_is_detected_with_an_exported_head() -> None:
    entries = a_chain(4)
    forged = a_chain(5, start=4, last=entries[-1]["hash"])
    forged[0]["principal"] = "nobody"
    last = entries[-1]["hash"]
    for entry in forged:
        entry["previous_hash"] = last
        last = entry["hash"] = entry_hash(entry)
    honest = head_of(entries + a_chain(5, start=4, last=entries[-1]["hash"]))
    assert own_faults(entries + forged) == []
    assert own_faults(entries + forged, honest) == lone_faults(exported(entries + forged), honest)
    assert own_faults(entries + forged, honest) == [("head-differs", 9)]


def test_verification_stops_after_a_hundred_faults() -> None:
    entries = a_chain(300)
    for entry in entries:
        entry["hash"] = "f" * 64
    assert len(verify(entries)) == 100


def test_entries_with_other_columns_or_types_are_malformed() -> None:
    first = a_chain(1)[0]
    wrong: list[Entry] = [
        {},
        {**first, "more": "x"},
        {**first, "seq": "1"},
        {**first, "seq": True},
        {**first, "at": None},
    ]
    for entry in wrong:
        assert ("malformed", 1) in own_faults([entry])
        assert ("malformed", 1) in lone_faults(exported([entry]))


def test_random_changes_of_an_export_are_detected() -> None:
    entries = a_chain(12)
    lines = exported(entries).splitlines(keepends=True)
    foreign = exported(a_chain(12, last="1" * 64)).splitlines(keepends=True)
    head = head_of(entries)
    chance = random.Random(20260101)
    missed = []
    for number in range(TAMPERINGS):
        data = tampered(lines, foreign, chance)
        if not lone_faults(data, head):
            missed.append((number, data))
    assert missed == []


def tampered(lines: list[bytes], foreign: list[bytes], chance: random.Random) -> bytes:
    """A copy with one random change that differs from the original."""
    whole = b"".join(lines)
    at = chance.randrange(len(whole))
    index = chance.randrange(len(lines))
    left = lines[:index] + lines[index + 1 :]
    place = chance.choice([other for other in range(len(lines)) if other != index])
    return chance.choice(
        [
            whole[:at] + bytes([whole[at] ^ chance.randrange(1, 256)]) + whole[at + 1 :],
            whole[:at] + whole[at + 1 :],
            whole[:at] + bytes([chance.randrange(256)]) + whole[at:] + b"\n",
            whole[:at],
            b"".join(left),
            b"".join([*lines[:place], chance.choice(foreign), *lines[place:]]),
            b"".join([*lines[:place], lines[index], *lines[place:]]),
            b"".join([*left[:place], lines[index], *left[place:]]),
            b"".join([*lines[:index], chance.choice(foreign), *lines[index + 1 :]]),
        ]
    )


def test_random_changes_of_stored_values_are_detected() -> None:
    entries = a_chain(12)
    head, chance = head_of(entries), random.Random(20260102)
    missed = []
    for number in range(TAMPERINGS):
        changed = [dict(entry) for entry in entries]
        entry, column = chance.choice(changed), chance.choice(STORED)
        entry[column] = changed_value(entry[column], chance)
        if not verify(changed, head):
            missed.append((number, column))
    assert missed == []


def changed_value(value: Any, chance: random.Random) -> Any:
    if isinstance(value, int):
        return value + chance.choice([-1, 1, 7])
    at = chance.randrange(len(value))
    other = chance.choice([letter for letter in "0aЯ \n" if letter != value[at]])
    return value[:at] + chance.choice(["", other]) + value[at + 1 :]
