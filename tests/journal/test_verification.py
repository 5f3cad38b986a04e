"""Verification of the journal by the service, by ``scripts/verify_journal``, every night, and from its export."""

from __future__ import annotations

import hashlib
import json
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, delete, insert, select, update

from registry.accounts.roles import Role
from registry.core.clock import local_instant
from registry.core.database import db, transaction
from registry.core.record_guards import switch_journal_clock
from registry.http.health import why_not_ready
from registry.http.metrics import StoredMetrics
from registry.journal import service as journal
from registry.journal.service import FIRST_HASH, JournalEntry, JournalHead, entry_hash
from registry.journal.verification import (
    STORED,
    Head,
    last_verification,
    verify,
    verify_and_save,
    verify_stored,
    verify_when_due,
)
from registry.settings import CHECKOUT
from tests.factories import ADMINISTRATOR, a_project, a_token, bearer, restrict
from tests.fixtures.cli import CommandLine
from tests.journal.chains import VERIFIER, Entry, a_chain, exported, head_of, lone_faults, own_faults
from tests.present import Present
from tests.savepoints import rolled_back

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


def test_stored_journal_is_intact_after_service_calls(app: Flask) -> None:
    assert verify_stored() == []
    a_project()
    assert verify_stored() == []
    seq, last = db.session.execute(select(JournalHead.seq, JournalHead.hash)).one()
    assert verify_stored(Head(seq, last)) == []
    assert [fault.code for fault in verify_stored(Head(seq + 1, last))] == ["cut-off"]
    assert [fault.code for fault in verify_stored(Head(seq, "0" * 64))] == ["head-differs"]


def unguarded(connection: Connection, statement: Any) -> None:
    """Write as the database owner could: disable the triggers, write, and restore the triggers."""
    if connection.dialect.name == "sqlite":
        guards = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
        for name, _ in guards:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.execute(statement)
        for _, sql in guards:
            connection.exec_driver_sql(sql)
    else:
        connection.exec_driver_sql("ALTER TABLE journal DISABLE TRIGGER ALL")
        connection.execute(statement)
        connection.exec_driver_sql("ALTER TABLE journal ENABLE TRIGGER ALL")


def test_tampering_in_the_database_is_detected(own_app: Flask) -> None:
    # As the owner of the tables: the service has no right to any of this.
    with rolled_back(own_app) as connection, own_app.app_context():
        for _ in range(3):
            a_project()
        db.session.remove()
        spoilt = {
            "hash-wrong": update(JournalEntry).where(JournalEntry.seq == 2).values(principal="nobody"),
            "missing": delete(JournalEntry).where(JournalEntry.seq == 3),
            "cut-off": delete(JournalEntry).where(JournalEntry.seq == 6),
            "head-differs": update(JournalHead).values(hash="e" * 64),
            "beyond-head": insert(JournalEntry).values(**next_entry(connection)),
        }
        for code, statement in spoilt.items():
            nested = connection.begin_nested()
            unguarded(connection, statement)
            assert code in [fault.code for fault in verify_stored()]
            db.session.remove()
            nested.rollback()
        assert verify_stored() == []


def next_entry(connection: Connection) -> Entry:
    seq, last = connection.execute(select(JournalHead.seq, JournalHead.hash)).one()
    return a_chain(1, start=seq, last=last)[0]


def test_independent_verifier_agrees_with_the_service(app: Flask, tmp_path: Path) -> None:
    with transaction():
        journal.record(ADMINISTRATOR, "act", "thing:1", {"text": '«Қазақ»\n\t"₸"\\', "nothing": None})
    a_project()
    columns = [JournalEntry.__table__.c[name] for name in STORED]
    rows = [dict(row) for row in db.session.execute(select(*columns).order_by(JournalEntry.seq)).mappings()]
    assert own_faults(rows) == lone_faults(exported(rows)) == []
    file = tmp_path / "journal.jsonl"
    file.write_bytes(exported(rows))
    head = head_of(rows)
    assert run_verifier(file) == (0, f"{head.seq}:{head.hash}\n")
    assert run_verifier(file, "--head", f"{head.seq}:{head.hash}")[0] == 0
    assert run_verifier(file, "--head", f"{head.seq + 1}:{head.hash}")[0] == 1
    assert run_verifier(file, "--head", "now")[0] == 2
    file.write_bytes(exported(rows).replace(b"thing:1", b"thing:2"))
    assert run_verifier(file) == (1, f"entry 1: hash-wrong: expected {hash_with(rows[0])}, found {rows[0]['hash']}\n")


def hash_with(entry: Entry) -> str:
    return entry_hash({**entry, "subject": "thing:2"})


def run_verifier(file: Path, *options: str) -> tuple[int, str]:
    # -I: no packages and no environment, as on an auditor's machine.
    ran = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), *options, str(file)], capture_output=True, text=True, check=False
    )
    return ran.returncode, ran.stdout


@pytest.mark.parametrize("text", ["", "1", "1:ab", ":" + "0" * 64, "-1:" + "0" * 64, "1:" + "G" * 64, "１:" + "0" * 64])
def test_malformed_head_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="SEQ:HASH"):
        Head.read(text)


PAGE = (CHECKOUT / "docs/reference/journal.md").read_text(encoding="utf-8")
PROGRAM = PAGE.partition("```python\n")[2].partition("```")[0]
VECTORS = re.findall(r"^    ([0-9a-f]{64})  (.+)$", PAGE, re.MULTILINE)


def exported_chain(client: FlaskClient, token: str, query: str = "") -> bytes:
    answer = client.get(f"/api/v1/exports/journal.ndjson{query}", headers=bearer(token))
    assert (answer.status_code, answer.content_type) == (200, "application/x-ndjson")
    return answer.data


def entries_of(lines: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.splitlines()]


def verified(lines: bytes) -> tuple[int, str]:
    ran = subprocess.run([sys.executable, "-I", "-c", PROGRAM], input=lines, capture_output=True, check=False)
    return ran.returncode, ran.stdout.decode().strip()


def test_vectors_of_the_page_have_their_hashes_and_follow_each_other() -> None:
    assert len(VECTORS) == 2
    assert [hashlib.sha256(text.encode()).hexdigest() for _, text in VECTORS] == [value for value, _ in VECTORS]
    assert [len(json.loads(text)) for _, text in VECTORS] == [12, 10]
    assert [json.loads(text)[-1] for _, text in VECTORS] == ["0" * 64, VECTORS[0][0]]


def test_export_verifies_by_the_program_of_the_page(client: FlaskClient) -> None:
    a_project()
    lines = exported_chain(client, a_token(Role.SUPERVISOR))
    last = entries_of(lines)[-1]
    assert verified(lines) == (0, f"{last['seq']}:{last['hash']}")
    assert verified(lines.replace("Информационная".encode(), b"x", 1).replace(b"project.registered", b"x", 1))[0] == 1
    assert verified(b"".join(lines.splitlines(keepends=True)[:2] + lines.splitlines(keepends=True)[3:]))[0] == 1


def test_export_goes_on_after_a_number(client: FlaskClient) -> None:
    a_project()
    token = a_token(Role.SUPERVISOR)
    entries = entries_of(exported_chain(client, token))
    assert entries_of(exported_chain(client, token, "?after=2")) == entries[2:]
    for query in ("?after=-1", "?after=x", "?after=99999999999999999999"):
        assert client.get(f"/api/v1/exports/journal.ndjson{query}", headers=bearer(token)).status_code == 400


def test_entries_of_restricted_projects_are_redacted_and_the_chain_verifies(client: FlaskClient) -> None:
    project = a_project()
    restrict(project.number)
    lines = exported_chain(client, a_token(Role.ADMINISTRATOR))
    entries = entries_of(lines)
    assert project.number.encode() not in lines
    redacted = [entry for entry in entries if entry["redacted"]]
    assert len(redacted) >= 2
    assert {entry["hashed"] for entry in redacted} == {None}
    assert verified(lines) == (0, f"{entries[-1]['seq']}:{entries[-1]['hash']}")
    whole = entries_of(exported_chain(client, a_token(Role.SUPERVISOR)))
    assert not any(entry["redacted"] for entry in whole)
    assert [entry["hash"] for entry in whole][: len(entries)] == [entry["hash"] for entry in entries]


DAY = date(2026, 10, 5)
NOON = local_instant(DAY, time(12))


def an_entry() -> None:
    with transaction():
        journal.record(ADMINISTRATOR, "act", "thing:1")


@pytest.fixture
def register(own_app: Flask, present: Present) -> Iterator[Flask]:
    """A registry with three entries, at noon."""
    present.set(NOON)
    with own_app.app_context():
        for _ in range(3):
            an_entry()
        yield own_app
        db.session.remove()


def spoil(statement: Any) -> None:
    db.session.remove()
    with db.engine.begin() as connection:
        unguarded(connection, statement)
        # All triggers are on again, and these tests move the clock.
        switch_journal_clock(connection, on=False)


def gauges() -> dict[str, float]:
    metrics = StoredMetrics().collect()
    return {metric.name: metric.samples[0].value for metric in metrics if metric.name.startswith("registry_journal")}


def renamed(seq: int) -> Any:
    return update(JournalEntry).where(JournalEntry.seq == seq).values(principal="nobody")


def verified_nightly() -> tuple[datetime | None, datetime | None, int, str | None]:
    last = last_verification()
    db.session.rollback()
    return last.verified_at, last.whole_at, last.seq, last.fault


def test_journal_is_verified_once_each_night(register: Flask, present: Present) -> None:
    verify_when_due()
    assert verified_nightly() == (NOON, NOON, 3, None)
    an_entry()
    present.move(timedelta(hours=15, minutes=59))
    verify_when_due()
    assert verified_nightly() == (NOON, NOON, 3, None)
    at = present.move(timedelta(minutes=1))
    verify_when_due()
    assert verified_nightly() == (at, NOON, 4, None)


def test_break_after_the_last_verified_entry_is_found_the_next_night(register: Flask, present: Present) -> None:
    verify_when_due()
    an_entry()
    an_entry()
    spoil(renamed(4))
    present.move(timedelta(days=1))
    verify_when_due()
    assert verified_nightly()[2] == 3
    assert (verified_nightly()[3] or "").startswith("entry 4: hash-wrong")


@pytest.mark.parametrize(
    "statement", [renamed(3), delete(JournalEntry).where(JournalEntry.seq == 2), renamed(2)], ids=str
)
def test_break_before_the_last_verified_entry_is_found_within_a_week(
    register: Flask, present: Present, statement: Any
) -> None:
    verify_when_due()
    spoil(statement)
    for _ in range(7):
        an_entry()
        present.move(timedelta(days=1))
        verify_when_due()
    assert verified_nightly()[3] is not None


def test_break_stays_until_the_whole_journal_verifies(register: Flask, present: Present) -> None:
    verify_when_due()
    spoil(renamed(2))
    assert [fault.seq for fault in verify_and_save()] == [2]
    for _ in range(2):
        present.move(timedelta(days=1))
        verify_when_due()
        assert (verified_nightly()[3] or "").startswith("entry 2: hash-wrong")
    spoil(update(JournalEntry).where(JournalEntry.seq == 2).values(principal=ADMINISTRATOR.principal))
    present.move(timedelta(days=1))
    verify_when_due()
    assert verified_nightly()[2:] == (3, None)


def test_break_turns_readiness_and_metrics_red(register: Flask) -> None:
    verify_when_due()
    assert why_not_ready(audits_are_on=False) == []
    assert gauges() == {"registry_journal_broken": 0, "registry_journal_verified_timestamp_seconds": NOON.timestamp()}
    spoil(renamed(2))
    verify_and_save()
    assert why_not_ready(audits_are_on=False) == ["journal-broken: docs/runbooks/journal-broken.md"]
    assert gauges()["registry_journal_broken"] == 1


def test_command_keeps_what_it_finds_for_doctor(registry: CommandLine, services: Callable[[], Any]) -> None:
    with services():
        for _ in range(3):
            an_entry()
        spoil(renamed(2))
    assert registry("journal", "verify").code == 1
    checks = {finding["check"]: finding for finding in registry("doctor", "--json").json["checks"]}
    assert (checks["journal"]["state"], checks["journal"]["runbook"]) == (
        "failure",
        "docs/runbooks/journal-broken.md",
    )
    assert "entry 2: hash-wrong" in checks["journal"]["text"]


def test_journal_that_nobody_verifies_is_a_warning(
    registry: CommandLine, services: Callable[[], Any], present: Present
) -> None:
    present.move(timedelta(hours=51))
    checks = {finding["check"]: finding["state"] for finding in registry("doctor", "--json").json["checks"]}
    assert checks["journal"] == "warning"
    assert registry("journal", "verify").code == 0
    checks = {finding["check"]: finding["state"] for finding in registry("doctor", "--json").json["checks"]}
    assert checks["journal"] == "ok"


def test_time_that_fell_is_reported_until_it_is_explained(
    registry: CommandLine, services: Callable[[], Any], present: Present
) -> None:
    present.set(NOON + timedelta(days=400))
    with services():
        an_entry()
    present.set(NOON)
    with services():
        an_entry()
    ran = registry("journal", "verify")
    assert ran.code == 1
    assert "entry 2: time-wrong" in ran.err
    assert registry("journal", "explain", "3", "--reason", "none").code == 3
    assert registry("journal", "explain", "2", "--reason", "The clock was 400 days ahead").code == 0
    assert registry("journal", "verify").code == 0
