"""Rows that no act explains: whatever somebody changes who owns the database is found, and nothing else."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import JSON, Connection, Table, Text, delete, func, insert, literal, select, text, update
from sqlalchemy.exc import IntegrityError

from registry.accounts.models import Account
from registry.accounts.roles import Role
from registry.changes.service import delete_old_changes, number_changes_by_hand
from registry.cli.doctor import State, journal as journal_finding
from registry.core.change_triggers import row_digest
from registry.core.clock import now
from registry.core.database import Base, Instant, db, transaction
from registry.core.fields import EntriesText, YearlyAmountsText
from registry.core.schema import downgrade_schema
from registry.demo.commands import load
from registry.http.health import why_not_ready
from registry.http.metrics import StoredMetrics
from registry.journal.jobs import reconcile_when_due
from registry.journal.rows import KEYS, Seal, find_differences, newest_seal, reconcile, seal_rows, upgrade_and_seal
from registry.journal.service import JournalEntry, record
from registry.journal.verification import last_verification
from registry.projects.links import add_link
from registry.projects.models import Project
from registry.signatures.models import Signature
from tests.conftest import forget, service_app
from tests.databases import Databases
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency
from tests.fixtures.cli import CommandLine
from tests.present import Present
from tests.savepoints import rolled_back

TABLES = (
    *("agencies", "projects", "project_statuses", "flags", "former_flags", "cases", "case_decisions", "orders"),
    *("appeals", "exemptions", "confirmations", "project_links", "revisions", "signatures"),
)
NOT_COVERED = {"projects": {"words"}, "signatures": {"cms"}}
EDITS_A_ROUND = 300
NOTHING_SEALED = Seal(0, 0, 0, dict.fromkeys(TABLES, (0, "")))


@pytest.fixture(scope="module")
def world(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The demo, which has rows of every table, written by months of acts and audits."""
    url, data = databases.make(), tmp_path_factory.mktemp("rows")
    environment = {
        "REGISTRY_DATABASE_URL": url,
        "REGISTRY_DATA_DIR": str(data),
        "REGISTRY_SECRET_KEY": "of-the-tests-and-nobody-else",
    }
    loaded = CliRunner().invoke(load, env=environment)
    assert loaded.exit_code == 0, loaded.output
    app = service_app(url, data)
    with app.app_context():
        first, second = db.session.scalars(select(Project.number).order_by(Project.id).limit(2))
        with transaction():
            add_link(an_actor(Role.REVIEWER), first, {"kind": "part_of", "target": second, "note": None})
        with transaction() as session:
            values = {column.name: "x" for column in Base.metadata.tables["signatures"].columns if not column.nullable}
            instants = dict.fromkeys(("signed_at", "certificate_from", "certificate_to"), now())
            account = session.scalars(select(Account.id).limit(1)).one()
            session.execute(insert(Signature).values({**values, **instants, "id": 1, "account_id": account}))
            record(ADMINISTRATOR, "signature.attached", "case:1")
        db.session.remove()
    yield app
    forget(app, databases, url)


@contextmanager
def guards_off(connection: Connection) -> Iterator[None]:
    """No trigger of the database runs."""
    if connection.dialect.name == "sqlite":
        guards = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
        for name, _ in guards:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        yield
        for _, sql in guards:
            connection.exec_driver_sql(sql)
    else:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield
        connection.exec_driver_sql("SET LOCAL session_replication_role = DEFAULT")


def test_acts_explain_every_row_of_months_of_work(world: Flask) -> None:
    with world.app_context():
        differences, acts = find_differences(NOTHING_SEALED)
        assert differences == []
        assert set(acts.rows) == set(TABLES)


@pytest.mark.parametrize("rounds", [1, pytest.param(45, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("sealed", [False, True])
def test_random_edits_of_rows_are_found_and_nothing_else(world: Flask, rounds: int, sealed: bool) -> None:
    chance = random.Random(31)
    made = 0
    with rolled_back(world) as connection, world.app_context():
        seal = NOTHING_SEALED
        if sealed:
            seal_rows(ADMINISTRATOR, "test")
            seal = newest_seal() or seal
            db.session.remove()
        for _ in range(rounds):
            nested = connection.begin_nested()
            with guards_off(connection):
                edited = edits(connection, chance)
            db.session.remove()
            differences, _ = find_differences(seal)
            assert sorted(row[:3] for row in differences) == sorted(edited)
            made += len(edited)
            db.session.remove()
            nested.rollback()
    assert made > 0.7 * rounds * EDITS_A_ROUND


def edits(connection: Connection, chance: random.Random) -> list[tuple[str, int, str]]:
    """Change, delete and add rows; return the table, key and kind of each."""
    made = []
    metadata = Base.metadata.tables
    rows = {name: connection.execute(select(metadata[name])).mappings().all() for name in TABLES}
    picked = chance.sample([(name, row) for name in TABLES for row in rows[name]], EDITS_A_ROUND)
    for name, row in picked:
        table = metadata[name]
        [key] = table.primary_key.columns
        what = chance.choice(["changed", "changed", "changed", "missing", "added"])
        record_id = row[key.name]
        statement: Any = delete(table).where(key == record_id)
        if what == "changed":
            column, value = another_value(table, row, chance)
            statement = update(table).where(key == record_id).values({column: value})
        elif what == "added":
            record_id = 1_000_000 + len(made)
            statement = insert(table).values({**row, key.name: record_id})
        try:
            with connection.begin_nested():
                connection.execute(statement)
        except IntegrityError:
            continue
        made.append((name, record_id, what))
    return made


def another_value(table: Table, row: Any, chance: random.Random) -> tuple[str, Any]:
    covered = [each for each in table.columns if not each.primary_key]
    column = chance.choice([each for each in covered if each.name not in NOT_COVERED.get(table.name, ())])
    old = row[column.name]
    if isinstance(column.type, JSON):
        return column.name, {"edited": chance.random()}
    if isinstance(column.type, Instant):
        return column.name, (old or datetime.fromisoformat("2026-01-01T00:00:00Z")) + timedelta(microseconds=1)
    if isinstance(column.type, EntriesText | YearlyAmountsText):
        # As text that the service would not write.
        return column.name, literal(f"edited {chance.random()}", Text())
    kind = column.type.python_type
    if kind is bool:
        return column.name, not old
    if kind is int:
        return column.name, (old or 0) + 1
    if kind is date:
        return column.name, (old or date(2026, 1, 1)) + timedelta(days=1)
    return column.name, f"{old or ''}"[1:] + ("ә" if f"{old or ''}"[:1] != "ә" else "ө")


@pytest.fixture
def sealed(world: Flask) -> Iterator[Connection]:
    """The demo, sealed as by the night, and one more project; all of it taken back afterwards."""
    with rolled_back(world) as connection, world.app_context():
        assert reconcile(ADMINISTRATOR) == []
        a_project()
        yield connection
        db.session.remove()


def found() -> list[tuple[str, str]]:
    db.session.remove()
    seal = newest_seal()
    assert seal is not None
    differences, _ = find_differences(seal)
    db.session.remove()
    return sorted({(each.table, each.what) for each in differences})


def last_entry() -> dict[str, Any]:
    newest = select(JournalEntry.details).order_by(JournalEntry.seq.desc()).limit(1)
    details: dict[str, Any] = json.loads(db.session.scalars(newest).one())
    return details


def last_id(connection: Connection, table: str) -> int:
    return int(connection.execute(select(func.max(Base.metadata.tables[table].c.id))).scalar_one())


def test_rows_that_change_places_are_found(sealed: Connection) -> None:
    with guards_off(sealed):
        sealed.execute(
            text("UPDATE flags SET severity = CASE severity WHEN 'low' THEN 'high' ELSE 'low' END WHERE id IN (1, 2)")
        )
    assert found() == [("flags", "changed")]


@pytest.mark.sqlite_only
@pytest.mark.parametrize("value", ["CAST(name_en AS BLOB)", "x'ff00'", "CAST(x'ff' AS TEXT)", "'a' || char(0)"])
def test_values_that_are_no_text_are_found_and_hide_no_other(sealed: Connection, value: str) -> None:
    with guards_off(sealed):
        sealed.execute(text(f"UPDATE agencies SET name_en = {value} WHERE id = 2"))
        sealed.execute(text("UPDATE flags SET severity = 'x' WHERE id = 1"))
    assert found() == [("agencies", "changed"), ("flags", "changed")]
    # Nor is what somebody accepts the same as other bytes.
    db.session.remove()
    seal_rows(ADMINISTRATOR, "test")
    with guards_off(sealed):
        sealed.execute(text("UPDATE agencies SET name_en = x'01' WHERE id = 2"))
    assert found() == [("agencies", "changed")]


@pytest.mark.sqlite_only
@pytest.mark.parametrize("record_id", [2**40, 2**63 - 1, -(2**63)])
def test_rows_with_ids_that_none_has_are_found(sealed: Connection, record_id: int) -> None:
    with guards_off(sealed):
        flag = sealed.execute(select(Base.metadata.tables["flags"]).limit(1)).mappings().one()
        columns = {**flag, "id": record_id, "rule": "another"}
        sealed.execute(insert(Base.metadata.tables["flags"]).values(columns))
    assert found() == [("flags", "added")]


def test_row_as_it_was_before_its_last_act_is_found(sealed: Connection) -> None:
    agency = sealed.execute(text("SELECT id, name_en, version FROM agencies ORDER BY id LIMIT 1")).mappings().one()
    put_back = text("UPDATE agencies SET name_en = :name_en, version = :version WHERE id = :id").bindparams(**agency)
    with transaction() as session:
        session.execute(text("UPDATE agencies SET name_en = 'Another', version = version + 1 WHERE id = 1"))
        record(ADMINISTRATOR, "agency.changed", "agency:1")
    assert found() == []
    with guards_off(sealed):
        sealed.execute(put_back)
    assert found() == [("agencies", "changed")]


def test_record_that_an_act_added_is_missed(sealed: Connection) -> None:
    with guards_off(sealed):
        sealed.execute(text("DELETE FROM revisions WHERE id = (SELECT max(id) FROM revisions)"))
    assert found() == [("revisions", "missing")]


LAST_OF_PROJECTS = "(SELECT max(seq) FROM changes WHERE kind = 'project')"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (f"UPDATE changes SET status_digest = digest WHERE seq = {LAST_OF_PROJECTS}", ("changes", "act-differs")),
        ("DELETE FROM changes WHERE seq = (SELECT max(seq) FROM changes)", ("changes", "act-differs")),
        ("DELETE FROM sealed_rows WHERE table_name = 'flags' AND record_id = 1", ("flags", "seal-differs")),
        (
            "UPDATE sealed_rows SET digest = (SELECT digest FROM sealed_rows WHERE table_name = 'flags'"
            " AND record_id = 2) WHERE table_name = 'flags' AND record_id = 1",
            ("flags", "seal-differs"),
        ),
    ],
)
def test_digests_that_are_rewritten_are_found(sealed: Connection, statement: str, expected: tuple[str, str]) -> None:
    with guards_off(sealed):
        sealed.execute(text(statement))
    assert expected in found()


def test_change_by_hand_has_no_act_though_its_trigger_notes_it(own_app: Flask) -> None:
    with own_app.app_context():
        an_agency()
        seal_rows(ADMINISTRATOR, "test")
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE agencies SET name_en = 'Mine'"))
        # Neither the next act nor the scheduler, which numbers it for the feed, makes it one.
        a_project()
        number_changes_by_hand()
        assert found() == [("agencies", "changed")]


def test_changes_are_deleted_only_when_a_seal_has_their_digests(app: Flask, present: Present) -> None:
    present.set(date(2026, 5, 1))
    a_project()
    assert reconcile(ADMINISTRATOR) == []
    a_project()
    present.set(date(2026, 9, 1))
    delete_old_changes()
    assert reconcile(ADMINISTRATOR) == []
    delete_old_changes()
    assert db.session.scalar(text("SELECT count(*) FROM changes")) == 0
    assert found() == []


def test_seal_of_a_later_release_covers_what_this_one_knows(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    a_project()
    seal_rows(ADMINISTRATOR, "a later release")
    monkeypatch.delitem(KEYS, "signatures")
    assert reconcile(ADMINISTRATOR) == []
    seal = newest_seal()
    assert seal is not None and seal.digests.keys() == KEYS.keys()


def test_nights_compare_a_slice_and_once_a_week_all(app: Flask, present: Present) -> None:
    present.set(date(2026, 9, 28))
    a_project()
    reconcile_when_due()
    first = newest_seal()
    assert first is not None
    a_project()
    for _ in range(6):
        present.move(timedelta(days=1))
        reconcile_when_due()
    assert newest_seal() == first
    present.move(timedelta(days=1))
    reconcile_when_due()
    assert newest_seal() != first
    assert last_entry()["tables"]["projects"]["count"] == 2


def test_row_that_differs_is_red_until_somebody_accepts_it(
    registry: CommandLine, services: Callable[[], Any], present: Present
) -> None:
    with services():
        a_project()
    assert registry("journal", "reconcile").code == 0
    with services(), db.engine.begin() as connection, guards_off(connection):
        connection.execute(text("UPDATE project_statuses SET severity = 'low', freeze_status = 'exempt'"))

    ran = registry("journal", "reconcile")

    assert ran.code == 1
    [line] = ran.raw.decode().splitlines()
    seal = json.loads(line).pop("since")
    assert json.loads(line) == {"table": "project_statuses", "key": 1, "what": "changed", "since": seal}
    with services():
        assert "rows-differ: docs/runbooks/rows-differ.md" in why_not_ready(audits_are_on=False)
        [red] = [metric for metric in StoredMetrics().collect() if metric.name == "registry_rows_differ"]
        assert red.samples[0].value == 1
    # It stays red: the nights compare all rows until nothing differs.
    with services():
        present.move(timedelta(days=1))
        reconcile_when_due()
        assert last_verification().rows_fault == f"project_statuses 1: changed since entry {seal} (1)"
    # Neither does an upgrade hide it.
    with services():
        upgrade_and_seal(ADMINISTRATOR)
        assert found() == [("sealed_rows", "not-accepted")]
    assert registry("journal", "reconcile", "--accept", "Put right by hand after the inquiry").code == 0
    with services():
        assert why_not_ready(audits_are_on=False) == []


def test_night_after_many_acts_seals_what_they_wrote(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.journal.rows.SEALED_AT_ONCE", 4)
    assert reconcile(ADMINISTRATOR) == []
    first = newest_seal()
    an_agency()
    assert reconcile(ADMINISTRATOR, 1) == []
    assert newest_seal() == first
    a_project()
    assert reconcile(ADMINISTRATOR, 1) == []
    assert newest_seal() != first
    assert found() == []
    # Not when what is sealed already was rewritten: the new seal would cover it.
    with transaction() as session:
        session.execute(text("DELETE FROM sealed_rows WHERE table_name = 'agencies'"))
    second = newest_seal()
    a_project()
    a_project()
    assert ("agencies", "seal-differs") in {(each.table, each.what) for each in reconcile(ADMINISTRATOR, 1)}
    assert newest_seal() == second


def test_what_is_accepted_during_a_comparison_is_not_sealed_as_it_was_before(
    sealed: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def accepted_meanwhile(seal: Seal, part: int | None) -> Any:
        compared = find_differences(seal, part)
        db.session.remove()
        with guards_off(sealed):
            sealed.execute(text("UPDATE projects SET name_en = 'Put right' WHERE id = (SELECT max(id) FROM projects)"))
        seal_rows(ADMINISTRATOR, "Put right by hand")
        return compared

    monkeypatch.setattr("registry.journal.rows.find_differences", accepted_meanwhile)
    assert reconcile(ADMINISTRATOR) == []
    monkeypatch.undo()
    assert found() == []


@pytest.mark.postgres_only
@pytest.mark.parametrize("during", [False, True])
def test_act_does_not_cover_a_digest_that_its_transaction_did_not_write(own_app: Flask, during: bool) -> None:
    """The owner of the tables edits a row and notes its digest for transactions to come, or for one that runs."""
    with own_app.app_context():
        agency = an_agency()
        assert reconcile(ADMINISTRATOR) == []
        with transaction() as session:
            number = session.scalar(text("SELECT pg_current_xact_id()::text::bigint")) if during else None
            _plant(agency.id, number)
            # Also from a savepoint, which has a number of its own.
            with session.begin_nested():
                a_project(agency)
        written = last_entry()
        assert written["written_rows"]["count"] == 2
        number_changes_by_hand()
        expected = {("agencies", "changed"), ("pending_changes", "planted")}
        assert {(each.table, each.what) for each in reconcile(ADMINISTRATOR)} == (
            {("agencies", "changed")} if during else expected
        )


def _plant(agency_id: int, number: int | None) -> None:
    with db.engine.begin() as connection:
        with guards_off(connection):
            connection.execute(text("UPDATE agencies SET name_en = 'Mine' WHERE id = :id"), {"id": agency_id})
        columns = list(connection.execute(text("SELECT * FROM agencies LIMIT 0")).keys())
        numbers = (
            "SELECT pg_current_xact_id()::text::bigint + generate_series(1, 50) AS number"
            if number is None
            else f"SELECT {number} AS number"
        )
        connection.execute(
            text(
                "INSERT INTO pending_changes (xact, position, record_id, kind, digest)"
                f" SELECT number, 1, own.id, 'agency', {row_digest(True, 'agencies', 'own', columns)}"
                f" FROM agencies AS own, ({numbers}) AS numbers WHERE own.id = :id"
            ),
            {"id": agency_id},
        )


def test_seal_of_an_upgrade_lists_the_rows_that_changed_meanwhile(
    own_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upgraded(*, service_role: str | None) -> None:
        with db.engine.begin() as connection, guards_off(connection):
            # A column more changes every digest, and no row.
            connection.execute(text("ALTER TABLE flags ADD COLUMN another TEXT"))
            connection.execute(text("ALTER TABLE agencies ADD COLUMN another TEXT"))
            connection.execute(text("UPDATE agencies SET name_en = 'Mine' WHERE id = 1"))

    with own_app.app_context():
        a_project()
        an_agency()
        assert reconcile(ADMINISTRATOR) == []
        assert journal_finding().state is State.OK
        monkeypatch.setattr("registry.journal.rows.upgrade_schema", upgraded)
        upgrade_and_seal(ADMINISTRATOR)
        entry = last_entry()
        assert (entry["changed"], entry["changed_rows"]) == (1, ["agencies 1: changed since entry 4"])
        assert journal_finding().state is State.WARNING
        assert found() == []


def test_upgrade_that_is_interrupted_is_sealed_by_the_night(app: Flask) -> None:
    a_project()
    seal_rows(ADMINISTRATOR, "test")
    unseal()
    assert newest_seal() is None
    assert reconcile(ADMINISTRATOR) == []
    assert found() == []


def test_upgrade_that_is_interrupted_does_not_hide_what_it_found(
    own_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*, service_role: str | None) -> None:
        raise KeyboardInterrupt(service_role)

    with own_app.app_context():
        a_project()
        seal_rows(ADMINISTRATOR, "test")
        with transaction() as session:
            session.execute(text("UPDATE project_statuses SET severity = 'low', freeze_status = 'exempt'"))
        monkeypatch.setattr("registry.journal.rows.upgrade_schema", killed)
        with pytest.raises(KeyboardInterrupt):
            upgrade_and_seal(ADMINISTRATOR)
        assert newest_seal() is None
        assert [(each.table, each.what) for each in reconcile(ADMINISTRATOR)] == [("sealed_rows", "not-accepted")]
        entry = last_entry()
        assert entry["differences"] == ["project_statuses 1: changed since entry 3"]
        # What differed before is not what the upgrade changed.
        assert "changed" not in entry


def test_downgrade_and_upgrade_leave_every_row_explained(own_app: Flask) -> None:
    with own_app.app_context():
        a_project()
        assert reconcile(ADMINISTRATOR) == []
        db.session.remove()
        downgrade_schema("2026_11_30_631")
        upgrade_and_seal(ADMINISTRATOR)
        a_project()
        assert reconcile(ADMINISTRATOR) == []


def unseal() -> None:
    with transaction():
        record(ADMINISTRATOR, "journal.rows-unsealed", "database:registry", {"reason": "upgrade"})
