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
from sqlalchemy import Connection, inspect, select, update
from sqlalchemy.exc import DBAPIError

from registry.core.database import Base, db
from registry.core.files import MIGRATIONS
from registry.core.schema import (
    SchemaNotCurrent,
    downgrade_schema,
    newest_revision,
    require_current_schema,
    schema_is_current,
    upgrade_schema,
)
from registry.journal.service import FIRST_HASH, JournalHead
from registry.models import TABLES
from tests.databases import bare_app
from tests.migrations.rows import SEEDED, contents, fill_every_table
from tests.migrations.shape import shape
from tests.preload import fork_server, processes

PROCESSES = 4


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config)


# On every day the newest steps are tried down and up again, at night all.
NEWEST = 6
REVISIONS = [script.revision for script in reversed(list(scripts().walk_revisions()))]


@pytest.fixture
def empty_app(empty_database: str) -> Iterator[Flask]:
    app = bare_app(empty_database)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def migrated(empty_app: Flask) -> Flask:
    upgrade_schema()
    return empty_app


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
# Before 2026_11_30_100 these have another name, or are another table.
RENAMED = {"accounts", "emails", "letters", "pending_uploads", "stored_responses"}
SQLITE_INDEXES = {"ix_projects_search_text"}


def on_connection(look: Callable[[Connection], Any]) -> Any:
    with db.engine.connect() as connection:
        return look(connection)


def tables_there() -> set[str]:
    return set(on_connection(lambda connection: inspect(connection).get_table_names())) - {"alembic_version"}


def columns_there(connection: Connection) -> dict[str, set[str]]:
    """The columns of every table as the schema is now."""
    looked = inspect(connection)
    return {name: {column["name"] for column in looked.get_columns(name)} for name in looked.get_table_names()}


def only(columns: set[str], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name in columns} for row in rows]


def test_there_is_one_newest_migration_and_one_way_to_it() -> None:
    assert len(scripts().get_heads()) == 1
    assert len(scripts().get_bases()) == 1


def test_models_and_migrations_say_the_same(migrated: Flask) -> None:
    def differences(connection: Connection) -> list[object]:
        looks = {"compare_type": True, "compare_server_default": True, "include_name": no_index_of_one_database}
        return compare_metadata(MigrationContext.configure(connection, opts=looks), Base.metadata)

    assert TABLES
    assert on_connection(differences) == []
    assert tables_there() == set(Base.metadata.tables)


@pytest.mark.postgres_only
def test_search_and_sorts_have_their_indexes_on_postgresql(migrated: Flask) -> None:
    there = on_connection(lambda connection: {row[2] for row in shape(connection) if row[0] == "index"})
    assert there >= POSTGRES_INDEXES


def test_every_step_down_and_up_again_keeps_the_rows_of_the_tables_that_stay(migrated: Flask, nightly: bool) -> None:
    with db.engine.begin() as connection:
        fill_every_table(connection)
    whole = on_connection(shape)
    rows = on_connection(lambda connection: contents(connection, Base.metadata.sorted_tables))
    assert all(len(held) == 1 for held in rows.values())
    steps = [*reversed(REVISIONS), "base"]
    for above, revision in pairwise(steps if nightly else steps[: NEWEST + 1]):
        shape_above = on_connection(shape)
        downgrade_schema(revision)
        left = tables_there()
        staying = [table for table in Base.metadata.sorted_tables if table.name in left - RENAMED]
        columns = on_connection(columns_there)
        before = {table.name: only(columns[table.name], rows[table.name]) for table in staying}
        kept = on_connection(lambda connection, staying=staying, only=columns: contents(connection, staying, only))
        assert kept == before
        upgrade_schema(above)
        assert on_connection(shape) == shape_above
        kept = on_connection(lambda connection, staying=staying, only=columns: contents(connection, staying, only))
        assert kept == before
        downgrade_schema(revision)
    assert tables_there() == set() or not nightly
    upgrade_schema()
    assert on_connection(shape) == whole


def test_a_way_down_leaves_nothing_of_its_own_behind(empty_app: Flask, nightly: bool) -> None:
    revisions = REVISIONS if nightly else REVISIONS[-NEWEST:]
    if not nightly:
        upgrade_schema(REVISIONS[-NEWEST - 1])
    shapes = [on_connection(shape)]
    for revision in revisions:
        upgrade_schema(revision)
        shapes.append(on_connection(shape))
    steps = ["base", *REVISIONS][-len(revisions) - 1 :]
    if nightly:
        # Alembic's own table stays when everything else is gone.
        shapes[0] = [line for line in shapes[1] if "alembic_version" in line[1]]
    for number in reversed(range(len(revisions))):
        downgrade_schema(steps[number])
        assert on_connection(shape) == shapes[number]


@pytest.mark.parametrize("way", ["up", "up, down to the base and up again"])
def test_the_journal_is_guarded(migrated: Flask, way: str) -> None:
    if way != "up":
        downgrade_schema("base")
        upgrade_schema()
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


def test_a_service_on_an_old_schema_says_what_to_run(empty_app: Flask, nightly: bool) -> None:
    for revision in [None, *(REVISIONS[:-1] if nightly else (REVISIONS[0], REVISIONS[-2]))]:
        if revision is not None:
            upgrade_schema(revision)
        assert not schema_is_current()
        with pytest.raises(SchemaNotCurrent, match="registry db upgrade"):
            require_current_schema()
    upgrade_schema()
    require_current_schema()


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


def test_processes_that_upgrade_at_once_make_one_schema(empty_database: str, migrated: Flask) -> None:
    whole = on_connection(shape)
    downgrade_schema("base")
    db.engine.dispose()
    with processes(PROCESSES, initializer=_ready, initargs=(fork_server().Barrier(PROCESSES),)) as pool:
        assert list(pool.map(_upgrade, [empty_database] * PROCESSES)) == [True] * PROCESSES
    assert on_connection(shape) == whole
    assert on_connection(lambda connection: connection.execute(select(JournalHead.seq)).all()) == [(0,)]


def test_processes_that_make_a_new_database_at_once_succeed(empty_database: str) -> None:
    with processes(PROCESSES, initializer=_ready, initargs=(fork_server().Barrier(PROCESSES),)) as pool:
        assert list(pool.map(_upgrade, [empty_database] * PROCESSES)) == [True] * PROCESSES


def test_words_of_projects_are_folded_on_the_way_up_and_as_they_were_on_the_way_down(migrated: Flask) -> None:
    projects = Base.metadata.tables["projects"]
    with db.engine.begin() as connection:
        fill_every_table(connection)
        connection.execute(update(projects).values(name_ru="Учёт", purpose="и\u0306од", words=" учет"))

    def words() -> list[str]:
        return on_connection(lambda connection: list(connection.scalars(select(projects.c.words))))

    downgrade_schema("2026_11_24_9")
    assert "учёт" in words()[0].split()
    upgrade_schema()
    assert {"учет", "йод"} <= set(words()[0].split())


def test_failed_upgrade_keeps_complete_migrations_on_postgresql_and_nothing_on_sqlite(empty_app: Flask) -> None:
    upgrade_schema(REVISIONS[1])
    complete = on_connection(shape)
    downgrade_schema(REVISIONS[0])
    nothing = on_connection(shape)
    with db.engine.begin() as connection:
        # A table of somebody else is in the way of the third migration.
        connection.exec_driver_sql("CREATE TABLE flags (id INTEGER)")
    with pytest.raises(DBAPIError, match="flags"):
        upgrade_schema()
    with db.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE flags")
    assert on_connection(shape) == (nothing if db.engine.dialect.name == "sqlite" else complete)
    upgrade_schema()
    require_current_schema()
