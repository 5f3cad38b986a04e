"""A registry of release 0.2, filled by its own demo, upgrades with all its records, and goes back."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, func, inspect, select, text

from registry.core.database import Base, db
from registry.core.record_guards import switch_journal_clock
from registry.core.schema import SchemaUnknown, downgrade_schema, schema_is_current, upgrade_schema
from registry.flags.freeze_status import computed_freeze_status, computed_severity
from registry.flags.models import FLAGS, IS_ACTIVE
from registry.freeze.policy import first_policy, policy_in_force, set_policy
from registry.journal.verification import verify_stored
from registry.projects.models import STATUS
from tests.audits.steps import audit
from tests.conftest import forget, service_app
from tests.databases import Databases, bare_app
from tests.migrations.rows import rows_there
from tests.present import Present

DATA = Path(__file__).parents[1] / "data"
RELEASE = "2026_11_26_15"
LAST_AUDIT = date(2026, 11, 30)
RECORDS = {
    "accounts": 13,
    "agencies": 14,
    "audit_changes": 144,
    "audits": 34,
    "case_decisions": 9,
    "case_events": 99,
    "cases": 35,
    "confirmations": 58,
    "exemptions": 2,
    "flags": 102,
    "journal": 282,
    "orders": 3,
    "people": 13,
    "projects": 79,
    "revisions": 145,
}
STATUSES = {"flagged": 40, "clear": 31, "accepted": 3, "exempt": 2, "out_of_scope": 3}


@pytest.fixture(scope="module")
def of_release_0_2(databases: Databases) -> Iterator[str]:
    """The schema of that release with the rows of its demo registry, table by table, columns first."""
    tables = json.loads(gzip.decompress((DATA / "release-0.2.json.gz").read_bytes()))
    url = databases.make(empty=True)
    with bare_app(url).app_context():
        upgrade_schema(RELEASE)
        with db.engine.begin() as connection:
            for name in ("installation", "journal_head"):
                connection.exec_driver_sql(f"DELETE FROM {name}")
            order = [name for name, _ in inspect(connection).get_sorted_table_and_fkc_names() if name in tables]
            assert set(order) == set(tables)
            for name in order:
                columns, *rows = tables[name]
                _insert(connection, str(name), columns, rows)
        db.engine.dispose()
    yield url
    databases.drop(url)


@pytest.fixture(scope="module")
def of_release_0_2_upgraded(databases: Databases, of_release_0_2: str) -> Iterator[str]:
    """The same after the upgrade."""
    url = databases.make(of=of_release_0_2)
    with bare_app(url).app_context():
        upgrade_schema()
        db.engine.dispose()
    yield url
    databases.drop(url)


@contextmanager
def a_copy(databases: Databases, of: str, data_dir: Path) -> Iterator[Flask]:
    url = databases.make(of=of)
    app = service_app(url, data_dir)
    with app.app_context():
        yield app
        db.session.remove()
    forget(app, databases, url)


@pytest.fixture
def release_0_2(databases: Databases, of_release_0_2: str, tmp_path: Path) -> Iterator[Flask]:
    with a_copy(databases, of_release_0_2, tmp_path) as app:
        yield app


@pytest.fixture
def upgraded(databases: Databases, of_release_0_2_upgraded: str, tmp_path: Path) -> Iterator[Flask]:
    with a_copy(databases, of_release_0_2_upgraded, tmp_path) as app:
        yield app


def _insert(connection: Connection, table: str, columns: list[str], rows: list[list[Any]]) -> None:
    names = ", ".join(f'"{column}"' for column in columns)
    raw: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        raw.executemany(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})", rows)
        return
    # As text, which PostgreSQL reads for every type.
    with raw.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([None if value is None else str(value) for value in row])
    if "id" in columns and connection.exec_driver_sql(f"SELECT pg_get_serial_sequence('{table}', 'id')").scalar():
        last = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
        connection.exec_driver_sql(last)


def run(*statements: str) -> None:
    with db.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def rows(statement: str) -> list[tuple[object, ...]]:
    with db.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def records() -> dict[str, int]:
    with db.engine.connect() as connection:
        tables = (Base.metadata.tables[name] for name in RECORDS)
        return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


@pytest.fixture
def _policy_of_then() -> Iterator[None]:
    """The rules of that release alone, as an installation has them that keeps its policy file."""
    usual = first_policy()
    later = ("freeze.modification-sum", "integrity.contradiction", "integrity.split-contract", "order.overdue")
    low = ("freeze.legacy", "migration.overdue", "platform.onboarding")
    rules = {key: replace(usual.rules[key], enabled=False) for key in later}
    rules |= {key: replace(usual.rules[key], severity="low") for key in low}
    set_policy(replace(usual, rules={**usual.rules, **rules}))
    yield
    set_policy(usual)


def test_registry_of_release_0_2_upgrades_with_all_records(
    upgraded: Flask, present: Present, _policy_of_then: None
) -> None:
    assert schema_is_current()
    assert records() == RECORDS
    assert verify_stored() == []
    columns = (STATUS.c.freeze_status, STATUS.c.severity)
    statuses = db.session.execute(
        select(*columns, computed_freeze_status(policy_in_force()), computed_severity()).order_by(STATUS.c.project_id)
    ).all()
    assert [tuple(row[:2]) for row in statuses] == [tuple(row[2:]) for row in statuses]
    assert Counter(row[0] for row in statuses) == STATUSES
    db.session.rollback()
    with db.engine.begin() as connection:
        switch_journal_clock(connection, on=False)
    present.set(LAST_AUDIT)
    run_today = audit()
    assert (run_today.status, run_today.flags_kept, run_today.flags_opened, run_today.flags_cleared) == (
        "succeeded",
        67,
        0,
        0,
    )
    assert db.session.scalar(select(func.count()).where(IS_ACTIVE).select_from(FLAGS)) == 67
    assert verify_stored() == []


def test_upgraded_registry_goes_back_with_the_rows_that_it_had(release_0_2: Flask) -> None:
    with db.engine.connect() as connection:
        before = rows_there(connection)
    upgrade_schema()
    downgrade_schema(RELEASE)
    with db.engine.connect() as connection:
        assert rows_there(connection) == before


def test_accounts_of_agencies_go_on_reading_restricted_projects(upgraded: Flask) -> None:
    of_agencies = "role IN ('agency_viewer', 'agency_editor', 'agency_administrator')"
    assert rows(f"SELECT DISTINCT restricted_admitted_at IS NOT NULL, {of_agencies} FROM accounts ORDER BY 1") == [
        (False, False),
        (True, True),
    ]


def test_what_was_by_name_belongs_to_the_accounts_of_these_names(release_0_2: Flask) -> None:
    at = "'2026-03-01 04:05:06.000000'"
    name, content = "INSERT INTO {table} (id, principal, {columns}) VALUES ({id}, '{name}', {values})", "'{{}}'"
    names = {id_: str(name) for id_, name in rows("SELECT id, name FROM principals")}  # type: ignore[misc]
    (somebody,) = [name for id_, name in names.items() if id_ == 5]
    for id_, owner in ((1, somebody), (2, "nobody")):
        drafts = {"columns": '"values", created_at, updated_at', "values": f"{content.format()}, {at}, {at}"}
        files = {"columns": "file_name, kept_at, content", "values": f"'x', {at}, ''"}
        run(name.format(table="drafts", id=id_, name=owner, **drafts))
        run(name.format(table="waiting_files", id=id_, name=owner, **files))
    assigned = rows("SELECT id, assignee FROM cases WHERE assignee IS NOT NULL ORDER BY id")
    upgrade_schema()
    assert rows("SELECT id, account_id FROM drafts") == rows("SELECT id, account_id FROM pending_uploads") == [(1, 5)]
    by_account = (
        "SELECT cases.id, accounts.name FROM cases JOIN accounts ON accounts.id = assignee_account_id ORDER BY 1"
    )
    assert rows(by_account) == assigned != []
    unknown = (
        "SELECT count(*) FROM case_decisions WHERE proposed_account_id IS NULL OR"
        " decided_account_id IS NULL AND decided_by IS NOT NULL"
    )
    assert rows(unknown) == [(0,)]
    named = (
        'SELECT count(*), sum(CASE WHEN accounts.name = case_events."by" THEN 1 ELSE 0 END) FROM case_events'
        " LEFT JOIN accounts ON accounts.id = account_id WHERE side <> 'audit'"
    )
    assert len(set(*rows(named))) == 1


def test_who_acted_is_found_by_a_former_name_and_has_the_present_one_on_the_way_down(release_0_2: Flask) -> None:
    upgrade_schema("2026_11_30_625")
    run(
        "INSERT INTO former_names (id, account_id, name, name_skeleton, renamed_at)"
        " VALUES (99, 5, 'called before', 'called before', '2026-03-01 04:05:06.000000')"
    )
    asked_by = '["called before", "local:root"]'
    run(f"UPDATE accounts SET asked_by = '{asked_by}', confirmed_by = 'called before' WHERE id = 1")
    read = "SELECT CAST(asked_by AS TEXT), {} FROM accounts WHERE id = 1"
    ((name,),) = rows("SELECT name FROM accounts WHERE id = 5")
    upgrade_schema()
    assert rows(read.format("confirmed_account_id")) == [('[5, "local:root"]', 5)]
    downgrade_schema("2026_11_30_625")
    assert rows(read.format("confirmed_by")) == [(json.dumps([name, "local:root"]), name)]


def test_appeals_of_the_timeline_are_records_with_what_became_of_them(release_0_2: Flask) -> None:
    event = (
        "INSERT INTO case_events (id, case_id, at, action, by, side, from_status, to_status, details, tells_agency,"
        " speaks_to_agency) SELECT {id}, {case}, '{at} 09:00:00.000000', '{action}', by, side, to_status, '{to}',"
        " details, tells_agency, speaks_to_agency FROM case_events WHERE id = 75"
    )
    decision = (
        "INSERT INTO case_decisions (id, case_id, decision, reason, legal_basis, due_on, seen, proposed_by,"
        " proposed_at, outcome, decided_by, decided_at) SELECT {id}, case_id, decision, reason, legal_basis,"
        " '{due_on}', seen, 'x', proposed_at, 'approved', 'y', '{at} 09:00:00.000000' FROM case_decisions"
        " WHERE id = {like}"
    )
    run(
        event.format(id=9001, case=12, at="2026-11-05", action="appeal", to="new"),
        "UPDATE case_decisions SET ended_because = 'appealed' WHERE id = 1",
        decision.format(id=9001, like=1, due_on="2026-11-28", at="2026-11-10"),
        event.format(id=9002, case=12, at="2026-11-11", action="appeal", to="new"),
        decision.format(id=9002, like=1, due_on="2026-11-29", at="2026-11-12"),
        event.format(id=9003, case=8, at="2026-11-10", action="appeal", to="new"),
        event.format(id=9004, case=8, at="2026-11-12", action="confirm", to="closed"),
    )
    upgrade_schema()
    appeals = "SELECT case_id, event_id, decision_id, suspends, outcome, new_decision_id FROM appeals ORDER BY event_id"
    assert rows(appeals) == [
        (4, 75, 4, True, None, None),
        (12, 9001, 1, True, "upheld", 9001),
        (12, 9002, 9001, False, "changed", 9002),
        (8, 9003, 3, False, "discontinued", None),
    ]
    assert rows("SELECT count(*) FROM appeals WHERE decided_at IS NULL") == [(1,)]


def test_role_and_agency_of_people_are_those_of_their_accounts_on_the_way_down(upgraded: Flask) -> None:
    run("UPDATE accounts SET role = 'auditor', agency_id = NULL WHERE id = 1")
    downgrade_schema(RELEASE)
    assert rows("SELECT role, agency_id FROM people WHERE principal_id = 1") == [("auditor", None)]


def test_sessions_of_release_0_1_get_the_name_by_which_they_are_ended(release_0_2: Flask) -> None:
    session = (
        "INSERT INTO web_sessions (id, secret_hash, person_id, source, started_at, last_used_at) VALUES"
        " ({id}, '{id}', 1, 'x', '2026-03-01 04:05:06.000000', '2026-03-01 04:05:06.000000')"
    )
    run(session.format(id=1), session.format(id=2))
    upgrade_schema()
    (first,), (second,) = rows("SELECT public_id FROM web_sessions")
    assert len(str(first)) == len(str(second)) == 16
    assert first != second


def test_release_0_2_is_left_nothing_that_it_would_read_wrongly(upgraded: Flask) -> None:
    at = "'2026-03-01 04:05:06.000000'"
    document = (
        "INSERT INTO documents (id, project_id, kind, belongs_to, name, content_type, size, sha256, added_at, added_by)"
        f" VALUES ({{id}}, 1, 'other', {{of}}, 'x', 'x', 1, 'x', {at}, 'x')"
    )
    email = (
        'INSERT INTO emails (id, "key", is_digest, events, created_at, state, tries, next_try_at, channel)'
        f" VALUES ({{id}}, '{{id}}', {{no}}, '[]', {at}, 'waiting', 0, {at}, '{{channel}}')"
    )
    no = "false" if db.engine.dialect.name == "postgresql" else "0"
    piece = "x''" if db.engine.dialect.name == "sqlite" else "''"
    run(
        "UPDATE audits SET status = 'rejected' WHERE id = 1",
        "UPDATE audit_changes SET change = 'raised' WHERE id = 1",
        "UPDATE flags SET severity = 'plan' WHERE id = 1",
        "UPDATE cases SET severity = 'plan', from_severity = 'plan' WHERE id = 1",
        "UPDATE project_statuses SET freeze_status = 'to_migrate', severity = 'plan' WHERE project_id = 1",
        document.format(id=1, of="NULL"),
        document.format(id=2, of="'case'"),
        document.format(id=3, of="'exemption'"),
        "INSERT INTO case_documents (document_id, case_id, event_id) VALUES (2, 1, 1)",
        "INSERT INTO exemption_documents (document_id, exemption_id) VALUES (3, 1)",
        email.format(id=1, channel="email", no=no),
        email.format(id=2, channel="aitu", no=no),
        "UPDATE imports SET state = 'queued' WHERE id = 2",
        f"INSERT INTO confirmations (project_id, kind, at, by, facts) VALUES (1, 'fact', {at}, 'x', '{{}}')",
        *(f"INSERT INTO import_files (import_id, position, content) VALUES ({id_}, 0, {piece})" for id_ in (1, 2)),
    )
    downgrade_schema(RELEASE)
    assert rows("SELECT status FROM audits WHERE id = 1") == [("held",)]
    assert rows("SELECT count(*) FROM audit_changes WHERE id = 1") == [(0,)]
    assert rows("SELECT severity FROM flags WHERE id = 1") == [("low",)]
    assert rows("SELECT severity, from_severity FROM cases WHERE id = 1") == [("low", "low")]
    assert rows("SELECT freeze_status, severity FROM projects WHERE id = 1") == [("flagged", "low")]
    # Among a project's own documents, its agency would see those of cases and exemptions.
    assert rows("SELECT id FROM documents") == [(1,)]
    # It would send the message for Aitu as an e-mail.
    assert rows("SELECT id, state FROM letters ORDER BY id") == [(1, "waiting"), (2, "dropped")]
    # It knows no such kind.
    assert rows("SELECT count(*) FROM confirmations WHERE kind = 'fact'") == [(0,)]
    # It would never delete the file of an import that has ended.
    assert rows("SELECT import_id FROM import_files") == [(2,)]


@pytest.mark.parametrize("revision", ["2026_11_25_1", "2027_01_01_1"])
def test_schema_of_release_0_1_or_of_a_later_release_is_not_upgraded(release_0_2: Flask, revision: str) -> None:
    run(f"UPDATE alembic_version SET version_num = '{revision}'")
    with pytest.raises(SchemaUnknown, match=revision):
        upgrade_schema()
    assert rows("SELECT count(*) FROM principals") == [(13,)]
