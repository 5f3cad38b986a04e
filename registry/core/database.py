"""The database: one Flask-SQLAlchemy object, its engine set up for SQLite or PostgreSQL, and our column types."""

from __future__ import annotations

import json
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from sqlalchemy import DateTime, Dialect, Engine, MetaData, event, text
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Connection
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from registry.core import collation as kazakh_order
from registry.core import postgresql as postgres
from registry.core.database_settings import DatabaseLimits
from registry.core.private_files import make_private

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
SQLITE_WAIT_MS = 30_000
SQLITE_BEGIN = "sqlite_begin"
OPEN = "transaction_open"
EACH_ALONE = "registry.each_read_alone"
# Cyrillic as it is: ASCII escapes treble it.
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode


class WrittenJson(str):
    """JSON that is written out already, for a column of JSON to keep as it is."""

    __slots__ = ()


def encode(value: Any) -> str:
    """The JSON of a value as columns keep it."""
    return str(value) if isinstance(value, WrittenJson) else _ENCODE(value)


class Base(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(naming_convention=NAMES)


class RegistrySession(Session):
    """A session that, once it is told to, sends what it reads outside of ``transaction()`` without BEGIN and ROLLBACK.

    They are two of four round trips of a short request, and at READ COMMITTED they give nothing to what only reads:
    each statement sees what was committed when it began, in a transaction or not.
    """

    def get_bind(self, mapper: Any = None, clause: Any = None, bind: Any = None, **kwargs: Any) -> Engine | Connection:
        """The engine that fits."""
        if self.info.get(EACH_ALONE) and not self.info.get(OPEN):
            engine: Engine | None = current_app.extensions.get(EACH_ALONE)
            if engine is not None:
                return engine
        return super().get_bind(mapper, clause, bind, **kwargs)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False, "class_": RegistrySession})
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant; SQLite, which has no such type, keeps it naive in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database. A naive datetime is a mistake of the program and raises ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database, always aware in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


# What an instant that older code does not name is in a new column: a constant, so that no table is rewritten to add it.
LONG_AGO = text("'1970-01-01 00:00:00.000000'")


def init_database(app: Flask, url: str, limits: DatabaseLimits | None = None) -> None:
    """Give the app its database, with the engine's settings of this service; ``limits`` are PostgreSQL's."""
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(url, limits or DatabaseLimits())
    db.init_app(app)
    with app.app_context():
        set_up_engine(db.engine)
        # SQLite's BEGIN is no round trip, and gives all that follows one snapshot.
        if not is_sqlite():
            app.extensions[EACH_ALONE] = db.engine.execution_options(isolation_level="AUTOCOMMIT")


def engine_options(url: str, limits: DatabaseLimits) -> dict[str, Any]:
    """What create_engine takes besides the address."""
    # An error that is logged tells its statement, never the values in it: among them are names, texts and hashes.
    told = {"json_serializer": encode, "hide_parameters": True}
    if url.startswith("sqlite"):
        return {
            **told,
            "connect_args": {"timeout": SQLITE_WAIT_MS / 1000, "check_same_thread": False},
        }
    return {**told, **postgres.engine_options(url, limits)}


def set_up_engine(engine: Engine) -> None:
    """SQLite: WAL, foreign keys, recursive triggers, and explicit BEGIN, IMMEDIATE for writers.

    The sqlite3 module begins late and deferred, so that two writers who read first lose one another's change.
    Names sort by ``core/collation.py``. PostgreSQL: see ``core/postgresql.py``.
    """
    if engine.dialect.name != "sqlite":
        postgres.set_up_engine(engine)
        return

    @event.listens_for(engine, "do_connect")
    def before_connect(_dialect: object, _record: object, cargs: list[Any], _cparams: object) -> None:
        # SQLite would make it readable by everybody; its log gets the same mode as the file.
        make_private(Path(cargs[0]))

    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        connection.create_collation(kazakh_order.COLLATION, kazakh_order.compare)
        write_ahead(connection)
        for pragma in (
            "synchronous = FULL",
            "foreign_keys = ON",
            "recursive_triggers = ON",
            f"busy_timeout = {SQLITE_WAIT_MS}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        kind = connection.get_execution_options().get(SQLITE_BEGIN, "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {kind}")


def write_ahead(connection: sqlite3.Connection) -> None:
    """Put a new file into WAL, which it keeps. Raises sqlite3.OperationalError when others hold it for too long.

    SQLite waits for no lock here, whatever ``busy_timeout`` says: of several first starts at once all but one fail.
    """
    end = time.monotonic() + SQLITE_WAIT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def is_sqlite() -> bool:
    """True when the present app's database is SQLite."""
    return db.engine.dialect.name == "sqlite"


def insert_or_ignore(table: type[Base]) -> PostgresInsert | SqliteInsert:
    """An INSERT that can say ON CONFLICT DO NOTHING, in the dialect of the present app's database."""
    return sqlite_insert(table) if is_sqlite() else postgres_insert(table)
