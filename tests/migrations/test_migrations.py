"""What the migrations promise: up, down and up again with data, guards intact, and at the end what the models say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import DBAPIError

from registry.core.database import Base, db, transaction
from registry.core.files import MIGRATIONS
from registry.core.record_guards import missing_guards
from registry.core.schema import (
    SchemaNotCurrent,
    downgrade_schema,
    newest_revision,
    require_current_schema,
    schema_is_current,
    upgrade_schema,
)
from registry.journal import service as journal
from registry.journal.service import FIRST_HASH, JournalHead
from tests.databases import bare_app, journal_clock
from tests.factories import ADMINISTRATOR
from tests.migrations.rows import SEEDED, contents, fill_every_table, rows_there
from tests.migrations.shape import shape
from tests.preload import fork_server, processes

PROCESSES = 4


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config)


REVISIONS = [script.revision for script in reversed(list(scripts().walk_revisions()))]


@pytest.fixture
def empty_app(empty_database: str) -> Iterator[Flask]:
    app = bare_app(empty_database)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def migrated(own_database: str) -> Iterator[Flask]:
    journal_clock(own_database, on=True)
    app = bare_app(own_database)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.mark.postgres_only
def test_session_that_began_with_an_empty_journal_does_not_read_all_of_it_for_each_entry(migrated: Flask) -> None:
    scans = text("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'journal'")
    with transaction():
        journal.record(ADMINISTRATOR, "project.registered", "project:first")
    with transaction() as session:
        session.execute(text("ANALYZE journal"))
        before = session.scalar(scans)
        for place in range(20):
            journal.record(ADMINISTRATOR, "project.registered", f"project:{place}")
        journal.append_pending(session)
        assert session.scalar(scans) == before


def no_index_of_one_database(name: str | None, kind: str, _parents: object) -> bool:
    """Those that only one of the databases has stand in their migration alone."""
    return not (kind == "index" and name in POSTGRES_INDEXES | SQLITE_INDEXES)


POSTGRES_INDEXES = {
    "ix_projects_words",
    "ix_projects_budget_down",
    "ix_projects_budget_up",
    "ix_projects_started_down",
    "ix_projects_started_up",
    "ix_cases_status_closed_at_down",
}
SQLITE_INDEXES = {"ix_projects_search_text"}


def on_connection(look: Callable[[Connection], Any]) -> Any:
    with db.engine.connect() as connection:
        return look(connection)


def tables_there() -> set[str]:
    return set(on_connection(lambda connection: inspect(connection).get_table_names())) - {"alembic_version"}


def tables_and_columns(connection: Connection) -> dict[str, set[str]]:
    """The columns of every table as the schema is now."""
    looked = inspect(connection)
    return {name: {column["name"] for column in looked.get_columns(name)} for name in looked.get_table_names()}


def test_there_is_one_newest_migration_and_one_way_to_it() -> None:
    assert len(scripts().get_heads()) == 1
    assert len(scripts().get_bases()) == 1


def test_models_and_migrations_say_the_same(migrated: Flask) -> None:
    def differences(connection: Connection) -> list[object]:
        looks = {"compare_type": True, "compare_server_default": True, "include_name": no_index_of_one_database}
        return compare_metadata(MigrationContext.configure(connection, opts=looks), Base.metadata)

    assert on_connection(differences) == []
    assert tables_there() == set(Base.metadata.tables)


def test_constraints_have_the_names_that_the_models_give_them(migrated: Flask) -> None:
    def constraint_names(connection: Connection) -> dict[str, set[object]]:
        looked = inspect(connection)
        return {
            name: {
                looked.get_pk_constraint(name)["name"],
                *(each["name"] for each in looked.get_foreign_keys(name)),
                *(each["name"] for each in looked.get_unique_constraints(name)),
                *(each["name"] for each in looked.get_check_constraints(name)),
            }
            # SQLite forgets the name of a key that counts by itself.
            - {None}
            for name in Base.metadata.tables
        }

    expected = {name: {each.name for each in table.constraints} for name, table in Base.metadata.tables.items()}
    unexpected = {name: names - expected[name] for name, names in on_connection(constraint_names).items()}
    assert {name: names for name, names in unexpected.items() if names} == {}


@pytest.mark.postgres_only
def test_search_and_sorts_have_their_indexes_on_postgresql(migrated: Flask) -> None:
    there = on_connection(lambda connection: {row[2] for row in shape(connection) if row[0] == "index"})
    assert there >= POSTGRES_INDEXES


def a_service_says_what_to_run() -> None:
    assert not schema_is_current()
    with pytest.raises(SchemaNotCurrent, match="registry db upgrade"):
        require_current_schema()


def test_every_step_down_and_up_again_gives_the_same_shape_and_the_same_rows(migrated: Flask) -> None:
    with db.engine.begin() as connection:
        fill_every_table(connection)
    whole = on_connection(shape)
    for above, revision in pairwise(reversed(REVISIONS)):
        shape_above = on_connection(shape)
        downgrade_schema(revision)
        a_service_says_what_to_run()
        shape_below, rows_below = on_connection(shape), on_connection(rows_there)
        assert [table for table, rows in rows_below.items() if not rows] == []
        upgrade_schema(above)
        assert on_connection(shape) == shape_above
        downgrade_schema(revision)
        assert on_connection(shape) == shape_below
        assert on_connection(rows_there) == rows_below
    downgrade_schema("base")
    assert tables_there() == set()
    a_service_says_what_to_run()
    upgrade_schema()
    require_current_schema()
    assert on_connection(shape) == whole


def test_search_texts_are_written_for_the_release_that_searches_them(migrated: Flask) -> None:
    project = Base.metadata.tables["projects"]
    values = {"number": "QT-2026-0000001-5", "name_kk": "Сарыарқа", "name_ru": "Ёлки", "name_en": None, "purpose": None}
    with db.engine.begin() as connection:
        fill_every_table(connection)
        connection.execute(project.update().values(**values, external_id="А-1", contract_number=None))
    read = select(project.c.words)
    for revision, words in (
        ("2026_11_30_500", " qt 2026 0000001 5 сарыарқа елки"),
        ("2026_11_30_619", " kt 2026 0000001 5 sariarka elki #a1"),
    ):
        (downgrade_schema if revision.endswith("500") else upgrade_schema)(revision)
        assert on_connection(lambda connection: connection.execute(read).scalars().all()) == [words]


def test_every_trigger_that_guards_records_is_there(migrated: Flask) -> None:
    assert on_connection(missing_guards) == []


def test_the_journal_is_guarded(migrated: Flask) -> None:
    with db.engine.begin() as connection:
        fill_every_table(connection)
    attempts = ["UPDATE journal SET principal = 'nobody'", "DELETE FROM journal"]
    if db.engine.dialect.name == "sqlite":
        attempts.append("INSERT OR REPLACE INTO journal SELECT * FROM journal")
    else:
        attempts.append("TRUNCATE journal")
    for attempt in attempts:
        with db.engine.connect() as connection, pytest.raises(DBAPIError, match="the journal is append-only"):
            connection.exec_driver_sql(attempt)


def test_a_new_database_begins_with_an_empty_chain_and_its_day_of_installation(migrated: Flask) -> None:
    rows = on_connection(lambda connection: contents(connection, [Base.metadata.tables[name] for name in SEEDED]))
    assert rows["journal_head"] == [{"id": 1, "seq": 0, "hash": FIRST_HASH}]
    assert [row["id"] for row in rows["installation"]] == [1]
    assert on_connection(lambda connection: connection.scalar(select(JournalHead.hash))) == FIRST_HASH


def test_foreign_keys_hold_after_the_migrations(migrated: Flask) -> None:
    tokens = Base.metadata.tables["tokens"]
    with db.engine.connect() as connection, pytest.raises(DBAPIError, match=r"(?i)foreign key"), connection.begin():
        connection.exec_driver_sql(
            "INSERT INTO tokens (id, key_id, secret_hash, account_id, role, created_at) "
            "VALUES (1, 'a', 'b', 99, 'auditor', '2026-01-01')"
        )
    assert on_connection(lambda connection: connection.execute(select(tokens)).all()) == []


def test_upgrading_what_is_current_changes_nothing(migrated: Flask) -> None:
    before = on_connection(shape)
    upgrade_schema()
    assert on_connection(shape) == before


_start: list[Barrier] = []


def _ready(barrier: Barrier) -> None:
    _start.append(barrier)


def _upgrade(url: str) -> bool:
    app = bare_app(url)
    with app.app_context():
        _start[0].wait(60)
        upgrade_schema()
        current = schema_is_current()
        db.engine.dispose()
    return current


def test_the_newest_migration_is_found_by_its_name_alone() -> None:
    assert [newest_revision()] == scripts().get_heads()


def test_processes_that_make_a_new_database_at_once_make_one_schema(
    empty_database: str, empty_app: Flask, migrated: Flask
) -> None:
    whole = on_connection(shape)
    with processes(PROCESSES, initializer=_ready, initargs=(fork_server().Barrier(PROCESSES),)) as pool:
        assert list(pool.map(_upgrade, [empty_database] * PROCESSES)) == [True] * PROCESSES
    with empty_app.app_context():
        assert on_connection(shape) == whole
        assert on_connection(lambda connection: connection.execute(select(JournalHead.seq)).all()) == [(0,)]


def test_failed_upgrade_changes_nothing(empty_app: Flask) -> None:
    upgrade_schema(REVISIONS[0])
    with db.engine.begin() as connection:
        # A table of somebody else is in the way.
        connection.exec_driver_sql("CREATE TABLE former_flags (id INTEGER)")
    before = on_connection(tables_and_columns)
    with pytest.raises(DBAPIError, match="former_flags"):
        upgrade_schema()
    after = on_connection(tables_and_columns)
    if db.engine.dialect.name == "postgresql":
        # What commits step by step: columns and indexes of large tables.
        for table in ("projects", "revisions"):
            assert before.pop(table) <= after.pop(table)
    assert after == before
    with db.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE former_flags")
    upgrade_schema()
    require_current_schema()
