"""``registry journal``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from registry.core.database import db
from registry.journal.service import entry_hash
from tests.factories import an_agency
from tests.fixtures.cli import CommandLine


def some_entries(services: Callable[[], Any]) -> None:
    with services():
        for _ in range(3):
            an_agency()


def tamper(services: Callable[[], Any], statement: str) -> None:
    """Change the journal directly in the database."""
    with services(), db.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            triggers = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            for name in triggers:
                connection.execute(text(f'DROP TRIGGER "{name}"'))
        else:
            connection.execute(text("ALTER TABLE journal DISABLE TRIGGER ALL"))
        connection.execute(text(statement))


def test_verify_reports_an_intact_journal(registry: CommandLine, services: Callable[[], Any]) -> None:
    some_entries(services)
    head = registry("journal", "head").out.strip()
    seq, _, hash_ = head.partition(":")
    assert int(seq) == 3 and len(hash_) == 64
    ran = registry("journal", "verify", "--head", head)
    assert (ran.code, ran.raw) == (0, b"") and head in ran.err
    assert registry("journal", "verify", "--json").json == {"entries": 3, "head": head, "faults": []}


def test_verify_reports_the_first_fault_of_a_changed_entry(registry: CommandLine, services: Callable[[], Any]) -> None:
    some_entries(services)
    tamper(services, "UPDATE journal SET principal = 'nobody' WHERE seq = 2")
    ran = registry("journal", "verify")
    assert (ran.code, ran.raw) == (1, b"")
    assert "entry 2" in ran.err.splitlines()[0]
    as_json = registry("journal", "verify", "--json")
    assert as_json.code == 1 and as_json.json["faults"][0]["seq"] == 2


def test_verify_detects_truncation_with_an_exported_head(registry: CommandLine, services: Callable[[], Any]) -> None:
    some_entries(services)
    head = registry("journal", "head").out.strip()
    tamper(services, "DELETE FROM journal WHERE seq = 3")
    tamper(services, "UPDATE journal_head SET seq = 2, hash = (SELECT hash FROM journal WHERE seq = 2)")
    assert registry("journal", "verify").code == 0
    assert registry("journal", "verify", "--head", head).code == 1


def test_export_is_sufficient_to_verify_the_chain(registry: CommandLine, services: Callable[[], Any]) -> None:
    some_entries(services)
    lines = [json.loads(line) for line in registry("journal", "export").out.splitlines()]
    assert [line["seq"] for line in lines] == [1, 2, 3]
    assert all(line["hash"] == entry_hash(line) for line in lines)
    assert [line["previous_hash"] for line in lines[1:]] == [line["hash"] for line in lines[:-1]]


def test_malformed_head_is_a_usage_error(registry: CommandLine) -> None:
    for head in ("", "1", "1:abc", f"x:{'0' * 64}", f"1:{'G' * 64}", f"1:{'0' * 65}"):
        assert registry("journal", "verify", "--head", head).code == 2
