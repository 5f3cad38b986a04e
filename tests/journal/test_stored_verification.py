"""Verification of the stored journal, and the programs that verify it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, delete, insert, select, update

from registry.core.database import db, transaction
from registry.journal import service as journal
from registry.journal.service import JournalEntry, JournalHead, entry_hash
from registry.journal.verification import STORED, Head, verify_stored
from tests.factories import ADMINISTRATOR, a_project
from tests.journal.chains import VERIFIER, Entry, a_chain, exported, head_of, lone_faults, own_faults
from tests.savepoints import rolled_back


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
