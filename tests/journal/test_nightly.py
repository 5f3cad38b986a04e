"""Nightly verification of the journal, and what shows a break."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, update

from registry.core.clock import local_instant
from registry.core.database import db, transaction
from registry.core.record_guards import switch_journal_clock
from registry.http.health import why_not_ready
from registry.http.metrics import StoredMetrics
from registry.journal import service as journal
from registry.journal.service import JournalEntry
from registry.journal.verification import last_verification, verify_and_save, verify_when_due
from tests.factories import ADMINISTRATOR
from tests.fixtures.cli import CommandLine
from tests.journal.test_stored_verification import unguarded
from tests.present import Present

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


def verified() -> tuple[datetime | None, datetime | None, int, str | None]:
    last = last_verification()
    db.session.rollback()
    return last.verified_at, last.whole_at, last.seq, last.fault


def test_journal_is_verified_once_each_night(register: Flask, present: Present) -> None:
    verify_when_due()
    assert verified() == (NOON, NOON, 3, None)
    an_entry()
    present.move(timedelta(hours=15, minutes=59))
    verify_when_due()
    assert verified() == (NOON, NOON, 3, None)
    at = present.move(timedelta(minutes=1))
    verify_when_due()
    assert verified() == (at, NOON, 4, None)


def test_break_after_the_last_verified_entry_is_found_the_next_night(register: Flask, present: Present) -> None:
    verify_when_due()
    an_entry()
    an_entry()
    spoil(renamed(4))
    present.move(timedelta(days=1))
    verify_when_due()
    assert verified()[2] == 3
    assert (verified()[3] or "").startswith("entry 4: hash-wrong")


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
    assert verified()[3] is not None


def test_break_stays_until_the_whole_journal_verifies(register: Flask, present: Present) -> None:
    verify_when_due()
    spoil(renamed(2))
    assert [fault.seq for fault in verify_and_save()] == [2]
    for _ in range(2):
        present.move(timedelta(days=1))
        verify_when_due()
        assert (verified()[3] or "").startswith("entry 2: hash-wrong")
    spoil(update(JournalEntry).where(JournalEntry.seq == 2).values(principal=ADMINISTRATOR.principal))
    present.move(timedelta(days=1))
    verify_when_due()
    assert verified()[2:] == (3, None)


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
