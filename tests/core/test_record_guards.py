"""Triggers and rights that keep records from being rewritten by whoever has the service's role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import DBAPIError

from registry.core.clock import now, rfc3339
from registry.core.database import db
from registry.core.record_guards import missing_guards
from registry.journal.service import FIRST_HASH, JournalEntry, JournalHead, entry_hash
from registry.journal.verification import verify_stored
from tests.conftest import forget, service_app
from tests.databases import Databases, bare_app, journal_clock
from tests.factories import a_project, an_agency
from tests.fixtures.cli import CommandLine


@pytest.fixture
def guarded(databases: Databases, own_database: str, tmp_path: Any) -> Iterator[Flask]:
    """The service with its own role on a database whose journal refuses other times than now, as in production."""
    journal_clock(own_database, on=True)
    app = service_app(databases.for_service(own_database), tmp_path)
    with app.app_context():
        yield app
    forget(app, databases, own_database)


def planted(**values: Any) -> dict[str, Any]:
    """An entry after the last one that says what somebody wants it to say, with the right hash."""
    seq, last = db.session.execute(select(JournalHead.seq, JournalHead.hash)).one()
    entry = {
        "seq": seq + 1,
        "at": rfc3339(now()),
        "principal": "saule@example.kz",
        "role": "supervisor",
        "action": "case.approved",
        "subject": "case:1",
        "details": "{}",
        "source": "10.0.0.1",
        "request_id": "0" * 32,
        "credential": "session:0000000000000000",
        "client_request_id": "",
        "previous_hash": last,
        **values,
    }
    return {**entry, "hash": entry_hash(entry)}


def plant(entry: dict[str, Any]) -> None:
    with db.engine.begin() as connection:
        connection.execute(insert(JournalEntry), entry)


def test_changes_are_journalled_while_the_guards_are_on(guarded: Flask) -> None:
    for _ in range(3):
        an_agency()
    assert verify_stored() == []
    with db.engine.connect() as connection:
        assert missing_guards(connection) == []


@pytest.mark.parametrize(
    "at",
    [
        lambda: "2026-03-14T09:00:00.000000Z",
        lambda: rfc3339(now() - timedelta(minutes=6)),
        lambda: rfc3339(now() + timedelta(minutes=6)),
        lambda: rfc3339(now())[:-1],
        lambda: rfc3339(now()).replace("T", " "),
        lambda: "now",
        lambda: "today",
        lambda: "",
    ],
)
def test_entry_of_another_time_is_not_taken(guarded: Flask, at: Callable[[], str]) -> None:
    an_agency()
    with pytest.raises(DBAPIError, match=r"journal entry.* is not that of the database|invalid input syntax"):
        plant(planted(at=at()))
    plant(planted(at=rfc3339(now() - timedelta(minutes=4))))


@pytest.mark.parametrize(
    "place", [{"seq": 3}, {"seq": 0}, {"seq": -1}, {"previous_hash": "e" * 64}, {"previous_hash": FIRST_HASH}]
)
def test_entry_that_does_not_follow_the_last_one_is_not_taken(guarded: Flask, place: dict[str, Any]) -> None:
    an_agency()
    assert db.session.scalar(select(JournalHead.seq)) == 1
    with pytest.raises(DBAPIError, match="does not follow the last one"):
        plant(planted(**place))


@pytest.mark.postgres_only
def test_table_of_the_same_name_does_not_stand_in_for_the_journal(guarded: Flask) -> None:
    an_agency()
    with db.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE journal (LIKE public.journal)")
        connection.exec_driver_sql("INSERT INTO pg_temp.journal (SELECT * FROM public.journal)")
        connection.exec_driver_sql("UPDATE pg_temp.journal SET seq = 7")
        with pytest.raises(DBAPIError, match="does not follow the last one"):
            connection.execute(
                insert(JournalEntry.__table__.to_metadata(db.MetaData(), schema="public")), planted(seq=8)
            )


@pytest.mark.postgres_only
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE journal DISABLE TRIGGER journal_clock",
        "DROP TRIGGER journal_chain ON journal",
        "CREATE OR REPLACE FUNCTION journal_entry_is_of_now() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RETURN NEW; END $$",
        "SET session_replication_role = replica",
    ],
)
def test_role_of_the_service_cannot_switch_the_guards_off(guarded: Flask, statement: str) -> None:
    with pytest.raises(DBAPIError, match=r"must be owner|permission denied"), db.engine.begin() as connection:
        connection.exec_driver_sql(statement)


CASE_ROWS = (
    "INSERT INTO cases (id, project_id, status, severity, from_severity, opened_at, version, changed_at)"
    " VALUES (1, {project}, 'decided', 'high', 'high', '2026-03-01', 1, '2026-03-01')",
    "INSERT INTO orders (id, project_id, decision, due_on, approved_at, approved_by)"
    " VALUES (1, {project}, 'stop', '2026-06-01', '2026-03-01', 'saule@example.kz')",
    "INSERT INTO case_decisions (id, case_id, decision, reason, legal_basis, seen, proposed_by, proposed_at)"
    " VALUES (1, 1, 'stop', 'r', 'b', '{{}}', 'aigul@example.kz', '2026-03-01')",
    "INSERT INTO exemptions"
    " (id, project_id, decision_number, decided_on, valid_from, valid_to, recorded_at, recorded_by)"
    " VALUES (1, {project}, '1', '2026-03-01', '2026-03-01', '2026-06-01', '2026-03-01', 'saule@example.kz')",
    "INSERT INTO approvals (id, kind, state, subject, payload, reason, seen_digest, proposed_by, proposed_role,"
    " proposed_at, expires_at) VALUES (1, 'restriction', 'waiting', 'project:1', '{{}}', 'r', 'd',"
    " 'aigul@example.kz', 'supervisor', '2026-03-01', '2026-04-01')",
    "INSERT INTO requests (id, kind, state, agency_id, project_id, reason, details, asked_by, asked_at)"
    " VALUES (1, 'transfer', 'waiting', {agency}, {project}, 'r', '{{}}', 'aigul@example.kz', '2026-03-01')",
    "INSERT INTO policy_versions (id, version, based_on, text, digest, verdict_cases, drafted_by, drafted_at, editors,"
    " revision) VALUES (1, '2026.9', '2026.1', 't', 'd', '[]', 'aigul@example.kz', '2026-03-01', '[]', 1)",
    "INSERT INTO government_reports (id, year, ordinal, version, status, period_end, due_on, responsible, created_by,"
    " created_at, authors, author_accounts, revision) VALUES (1, 2026, 1, 1, 'submitted', '2026-06-30', '2026-07-31',"
    " 'aigul@example.kz', 'aigul@example.kz', '2026-03-01', '[]', '[]', 1)",
)


def test_what_was_decided_or_issued_is_final(app: Flask, connection: Connection) -> None:
    project = a_project()
    db.session.remove()
    for statement in CASE_ROWS:
        connection.execute(text(statement.format(project=project.id, agency=project.agency_id).replace(":", "\\:")))

    def is_taken(statement: str) -> bool:
        nested = connection.begin_nested()
        try:
            connection.execute(text(statement))
        except DBAPIError as error:
            nested.rollback()
            assert "is final" in str(error)
            return False
        nested.commit()
        return True

    assert is_taken("UPDATE case_decisions SET proposed_by = 'aigul@new.kz'")
    assert is_taken("UPDATE case_decisions SET outcome = 'approved', decided_by = 'saule@example.kz', order_id = 1")
    assert not is_taken("UPDATE case_decisions SET decision = 'no_breach'")
    assert not is_taken("UPDATE case_decisions SET outcome = NULL")
    assert not is_taken("UPDATE case_decisions SET decided_by = 'nobody@example.kz'")
    assert is_taken("UPDATE case_decisions SET ended_because = 'appealed'")
    assert not is_taken("UPDATE case_decisions SET ended_because = NULL")
    assert not is_taken("UPDATE orders SET due_on = '2027-06-01'")
    assert is_taken("UPDATE orders SET ended_at = '2026-04-01', ended_because = 'replaced'")
    assert not is_taken("UPDATE orders SET ended_at = NULL")
    assert not is_taken("UPDATE exemptions SET valid_to = '2036-06-01'")
    assert is_taken("UPDATE exemptions SET revoked_at = '2026-04-01', revoked_by = 'saule@example.kz'")
    assert not is_taken("UPDATE exemptions SET revoked_at = NULL")
    assert not is_taken("UPDATE approvals SET payload = '{\"is_restricted\"\\: false}'")
    assert not is_taken("UPDATE approvals SET proposed_by = 'nobody@example.kz'")
    assert not is_taken("UPDATE approvals SET seen_digest = 'e'")
    assert is_taken("UPDATE approvals SET state = 'rejected', decided_by = 'saule@example.kz', decision_reason = 'r'")
    assert not is_taken("UPDATE approvals SET state = 'approved'")
    assert not is_taken("UPDATE approvals SET decided_by = 'nobody@example.kz'")
    assert not is_taken("UPDATE approvals SET decision_reason = NULL")
    assert not is_taken("UPDATE requests SET asked_by = 'nobody@example.kz'")
    assert not is_taken("UPDATE requests SET project_id = NULL")
    assert is_taken("UPDATE requests SET first_decided_by = 'saule@example.kz'")
    assert is_taken("UPDATE requests SET state = 'confirmed', decided_by = 'dana@example.kz'")
    assert not is_taken("UPDATE requests SET decided_by = 'nobody@example.kz'")
    assert is_taken("UPDATE requests SET carried_out_at = '2026-03-02', details = '{}'")
    assert not is_taken("UPDATE requests SET first_decided_by = 'nobody@example.kz'")
    assert not is_taken("UPDATE requests SET state = 'cancelled'")
    assert not is_taken("UPDATE requests SET carried_out_at = NULL")
    assert not is_taken("UPDATE requests SET \"on\" = '2026-02-02'")
    assert not is_taken("UPDATE requests SET details = '[]'")
    assert is_taken("UPDATE policy_versions SET text = 't2', editors = '[1]'")
    assert is_taken("UPDATE policy_versions SET in_force_from = '2026-04-01', activated_by = 'saule@example.kz'")
    assert not is_taken("UPDATE policy_versions SET text = 't3'")
    assert not is_taken("UPDATE policy_versions SET editors = '[]'")
    assert not is_taken("DELETE FROM policy_versions")
    assert is_taken("UPDATE policy_versions SET in_force_from = NULL, activated_by = NULL")
    assert is_taken("UPDATE policy_versions SET in_force_from = '2026-05-01', checked_at = '2026-05-01'")
    assert not is_taken("UPDATE policy_versions SET in_force_from = NULL")
    assert is_taken("UPDATE government_reports SET figures = '{}', measures_ru = 'm'")
    assert is_taken("UPDATE government_reports SET status = 'issued', issued_at = '2026-07-30'")
    assert not is_taken("UPDATE government_reports SET figures = '[]'")
    assert not is_taken("UPDATE government_reports SET second_approved_by = 'nobody@example.kz'")
    assert not is_taken("DELETE FROM government_reports")


@pytest.mark.postgres_only
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE revisions SET by = 'nobody'",
        "DELETE FROM revisions",
        "UPDATE former_flags SET status = 'accepted'",
        "DELETE FROM former_flags",
        "UPDATE case_events SET by = 'nobody'",
        "DELETE FROM case_events",
        "UPDATE confirmations SET by = 'nobody'",
        "DELETE FROM confirmations",
        "UPDATE letters SET data = ''",
        "DELETE FROM letters",
        "UPDATE documents SET name = 'x'",
        "DELETE FROM documents",
        "UPDATE inventories SET by = 'nobody'",
        "UPDATE agency_counts SET confirmed_on_platform = 9",
        "DELETE FROM agency_counts",
        "UPDATE daily_counts SET confirmed_on_platform = 9",
        "DELETE FROM daily_counts",
        "UPDATE import_writes SET version = 1",
        "DELETE FROM import_writes",
        "UPDATE audit_changes SET change = 'kept'",
        "DELETE FROM project_links",
        "DELETE FROM absences",
        "DELETE FROM approvals",
        "DELETE FROM case_decisions",
        "DELETE FROM exemptions",
        "DELETE FROM orders",
        "DELETE FROM cases",
        "DELETE FROM flags",
        "DELETE FROM projects",
        "DELETE FROM requests",
    ],
)
def test_role_of_the_service_cannot_rewrite_history(guarded: Flask, statement: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"), db.engine.begin() as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.postgres_only
def test_clock_that_differs_from_the_database_is_an_unavailable_database(guarded: Flask, present: Any) -> None:
    present.move(timedelta(hours=1))
    with pytest.raises(DBAPIError) as raised:
        an_agency()
    present.release()
    assert type(raised.value).__name__ == "OperationalError"


def test_upgrade_of_a_current_schema_puts_back_missing_guards(registry: CommandLine) -> None:
    with bare_app(registry.url).app_context():
        with db.engine.begin() as connection:
            on_table = " ON journal" if connection.dialect.name == "postgresql" else ""
            connection.exec_driver_sql(f"DROP TRIGGER journal_chain{on_table}")
        with db.engine.connect() as connection:
            assert missing_guards(connection) == ["journal_chain", "journal_clock"]
        assert registry("db", "upgrade").code == 0
        with db.engine.connect() as connection:
            assert missing_guards(connection) == []
        db.engine.dispose()
