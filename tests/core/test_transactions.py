"""``transaction()``: changes are atomic on both databases."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from registry.accounts.models import Account
from registry.agencies.models import Agency
from registry.core import outbox
from registry.core.database import autocommit_reads, db, read_in_transaction, transaction
from registry.core.errors import Invalid, invalid
from registry.journal import service as journal
from registry.journal.service import JournalEntry
from tests.factories import ADMINISTRATOR, an_account, an_agency


def counts() -> dict[str, int]:
    tables = {"accounts": Account, "journal": JournalEntry, "agencies": Agency, "outbox": outbox.OutboxMessage}
    return {name: db.session.scalar(select(func.count()).select_from(table)) for name, table in tables.items()}


def test_change_journal_entry_and_outbox_row_are_committed_together(app: Flask) -> None:
    with transaction():
        an_agency()
        outbox.enqueue("topic", {})
    assert counts() == {"accounts": 0, "journal": 1, "agencies": 1, "outbox": 1}


def test_failed_change_is_rolled_back_completely(app: Flask) -> None:
    an_agency()
    before = counts()
    with pytest.raises(Invalid), transaction():
        an_account("somebody")
        outbox.enqueue("topic", {})
        journal.record(ADMINISTRATOR, "act", "thing:1")
        db.session.flush()
        raise invalid("/x", "required")
    assert counts() == before


def test_change_after_a_failure_does_not_include_the_failed_journal_entry(app: Flask) -> None:
    with pytest.raises(Invalid), transaction():
        journal.record(ADMINISTRATOR, "refused", "thing:1")
        raise invalid("/x", "required")
    with transaction():
        journal.record(ADMINISTRATOR, "accepted", "thing:1")
    assert db.session.scalars(select(JournalEntry.action)).all() == ["accepted"]


def test_nested_transaction_joins_the_outer_one_and_is_rolled_back_with_it(app: Flask) -> None:
    with pytest.raises(Invalid), transaction():
        an_agency()
        raise invalid("/x", "required")
    assert counts() == {"accounts": 0, "journal": 0, "agencies": 0, "outbox": 0}


def test_constraint_violation_on_flush_rolls_back_the_whole_change(app: Flask) -> None:
    with transaction():
        an_account("somebody")
    taken = db.session.scalars(select(Account)).one()
    with pytest.raises(IntegrityError), transaction() as session:
        journal.record(ADMINISTRATOR, "act", "thing:1")
        values = {"name_skeleton": "another", "kind": "service", "role": "operator", "created_at": taken.created_at}
        session.add(Account(name="somebody", **values))
    assert counts() == {"accounts": 1, "journal": 0, "agencies": 0, "outbox": 0}


def test_writing_outside_a_transaction_raises_runtime_error(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        outbox.enqueue("topic", {})
    with pytest.raises(RuntimeError, match="transaction"):
        journal.record(ADMINISTRATOR, "act", "thing:1")
    with pytest.raises(RuntimeError, match="transaction"):
        an_account("somebody")
    assert counts() == {"accounts": 0, "journal": 0, "agencies": 0, "outbox": 0}


def test_real_commits_behave_the_same(own_app: Flask) -> None:
    with own_app.app_context():
        with pytest.raises(Invalid), transaction():
            an_agency()
            raise invalid("/x", "required")
        an_agency()
    with own_app.app_context():
        assert counts() == {"accounts": 0, "journal": 1, "agencies": 1, "outbox": 0}


def test_commits_of_a_request_survive_reads_of_the_test(app: Flask) -> None:
    # A promise of the test suite itself: tests read, call the service through a client, and write again.
    agency = an_agency()
    assert db.session.scalar(select(func.count()).select_from(Agency)) == 1
    with app.app_context():
        an_agency()
    assert agency.kind == "central_body"
    an_agency()
    assert db.session.scalar(select(func.count()).select_from(Agency)) == 3


@pytest.mark.postgres_only
def test_autocommit_reads_are_not_in_a_transaction_until_read_in_transaction(own_app: Flask) -> None:
    def moments() -> set[object]:
        # PostgreSQL's now() is when the transaction began.
        return {db.session.scalar(select(func.now())) for _ in range(3)}

    with own_app.app_context():
        autocommit_reads()
        assert len(moments()) == 3
        with transaction():
            assert len(moments()) == 1
        assert len(moments()) == 3
        read_in_transaction()
        assert len(moments()) == 1
