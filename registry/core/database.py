"""The database: engines for SQLite and PostgreSQL, column types, and the only code that commits: transactions.

A change, its journal entries and its outbox rows are written together or not at all.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, TypeVar, cast

from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as BoundSession
from sqlalchemy import ColumnElement, DateTime, Dialect, Engine, Index, MetaData, Table, UniqueConstraint, event, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from registry.core import postgresql as postgres
from registry.core.files import make_private
from registry.core.postgresql import pause_after_errors
from registry.core.settings import DatabaseLimits

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
SQLITE_BUSY_TIMEOUT_MS = 30_000
SQLITE_BEGIN = "sqlite_begin"
TRANSACTION_NUMBER = "transaction_number"
TRANSACTION_OPEN = "transaction_open"
AUTOCOMMIT_READS = "registry.each_read_alone"
# The bind of the standbys, and the mark of a session that reads from them (journal/read_replica.py).
REPLICA = "replica"
# Of the application: the address of a standby, for monitoring (core/database_checks.py).
STANDBY = "registry.standby"
# Cyrillic is not escaped: ASCII escapes treble its size.
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode


class EncodedJson(str):
    """JSON text that is already encoded; a JSON column stores it unchanged."""

    __slots__ = ()


def encode(value: Any) -> str:
    """Return a value as JSON text, as JSON columns store it."""
    return str(value) if isinstance(value, EncodedJson) else _ENCODE(value)


class Base(DeclarativeBase):
    """The declarative base of all models."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class RegistrySession(BoundSession):
    """A session that can read from a standby, or in autocommit mode, outside of ``transaction()``.

    BEGIN and ROLLBACK are two of the four round trips of a short request: without them, a project takes 2.8 instead of
    3.1 ms of the service's processor time, a list 4.0 instead of 4.3. At READ COMMITTED reads gain nothing from them:
    each statement sees what was committed when it began, in a transaction or not.
    """

    def get_bind(self, mapper: Any = None, clause: Any = None, bind: Any = None, **kwargs: Any) -> Engine | Connection:
        """Return the engine of the standbys or of autocommit for reads outside of a transaction, otherwise the
        default.
        """
        if self.info.get(REPLICA) and not self.info.get(TRANSACTION_OPEN):
            return db.engines[REPLICA]
        if self.info.get(AUTOCOMMIT_READS) and not self.info.get(TRANSACTION_OPEN):
            engine: Engine | None = current_app.extensions.get(AUTOCOMMIT_READS)
            if engine is not None:
                return engine
        return super().get_bind(mapper, clause, bind, **kwargs)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False, "class_": RegistrySession})
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


def table_of(model: type[Model]) -> Table:
    """Return the table of a model, for Core statements that bypass the ORM."""
    return cast("Table", model.__table__)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime; SQLite, which has no such type, stores it naive in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert for the database. Raises ValueError for a naive datetime."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert from the database; the result is aware and in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


# The server default of a new Instant column: a constant, so that adding the column does not rewrite the table.
EPOCH = text("'1970-01-01 00:00:00.000000'")


def init_database(app: Flask, url: str, limits: DatabaseLimits | None = None, *, read_url: str | None = None) -> None:
    """Initialise the app's database and engines; ``limits`` and ``read_url``, of standbys, are for PostgreSQL only."""
    limits = limits or DatabaseLimits()
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(url, limits)
    if read_url is not None:
        standbys = {"url": read_url, **engine_options(read_url, limits, read_only=True)}
        app.config["SQLALCHEMY_BINDS"] = {REPLICA: standbys}
    app.extensions[STANDBY] = None if url.startswith("sqlite") else postgres.named_standby(url, read_url)
    db.init_app(app)
    with app.app_context():
        for engine in db.engines.values():
            set_up_engine(engine)
        if read_url is not None:
            pause_after_errors(db.engines[REPLICA])
        # On SQLite BEGIN costs no round trip and gives all reads of a request one snapshot.
        if db.engine.dialect.name != "sqlite":
            app.extensions[AUTOCOMMIT_READS] = db.engine.execution_options(isolation_level="AUTOCOMMIT")


def engine_options(url: str, limits: DatabaseLimits, *, read_only: bool = False) -> dict[str, Any]:
    """Return the keyword arguments of create_engine besides the URL."""
    # A logged error contains its statement, never the parameters: these include names, texts and hashes.
    shared = {"json_serializer": encode, "hide_parameters": True}
    if url.startswith("sqlite"):
        return {**shared, "connect_args": {"timeout": SQLITE_BUSY_TIMEOUT_MS / 1000, "check_same_thread": False}}
    return {**shared, **postgres.engine_options(url, limits, read_only=read_only)}


def set_up_engine(engine: Engine) -> None:
    """Configure SQLite: WAL, foreign keys, recursive triggers, functions of triggers, and explicit BEGIN, IMMEDIATE for
    writers.

    The sqlite3 module begins transactions late and deferred, so that two writers who read first could lose an update.
    Names sort by the collation below. For PostgreSQL see ``core/postgresql.py``.
    """
    if engine.dialect.name != "sqlite":
        postgres.set_up_engine(engine)
        return

    @event.listens_for(engine, "do_connect")
    def before_connect(_dialect: object, _record: object, cargs: list[Any], _cparams: object) -> None:
        # SQLite would create a world-readable file; the WAL file gets the mode of the database file.
        make_private(Path(cargs[0]))

    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        connection.create_collation(COLLATION, compare_kazakh)
        # As PostgreSQL has them, for triggers (core/change_triggers.py).
        connection.create_function("sha256", 1, _sha256, deterministic=True)
        connection.create_function("encode", 2, _encode_hex, deterministic=True)
        connection.create_function(TRANSACTION_NUMBER, 0, lambda: record.info.get(TRANSACTION_NUMBER, 0))
        enable_wal(connection)
        for pragma in (
            "synchronous = FULL",
            "foreign_keys = ON",
            "recursive_triggers = ON",
            f"busy_timeout = {SQLITE_BUSY_TIMEOUT_MS}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.info[TRANSACTION_NUMBER] = secrets.randbits(62)
        kind = connection.get_execution_options().get(SQLITE_BEGIN, "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {kind}")


def _sha256(content: str | bytes | None) -> bytes | None:
    if content is None:
        return None
    return sha256(content.encode() if isinstance(content, str) else content).digest()


def _encode_hex(content: bytes | None, _format: str) -> str | None:
    return None if content is None else content.hex()


def enable_wal(connection: sqlite3.Connection) -> None:
    """Switch a database file to WAL mode, which persists. Raises sqlite3.OperationalError when it stays locked.

    SQLite ignores ``busy_timeout`` here: without retries, all but one of several concurrent first starts would fail.
    """
    end = time.monotonic() + SQLITE_BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


# Events: a slice publishes what happened, slices above it subscribe, so that imports point down.
#
# Handlers run at once, in the publisher's transaction and in the order in which they were connected, so that rows
# are always locked in one order. An exception in a handler rolls all of it back. ``registry/hooks.py`` connects
# them.

P = ParamSpec("P")


class Event(Generic[P]):
    """Something that happens, and who handles it. The type parameter states the handlers' arguments."""

    def __init__(self, name: str) -> None:
        """``name``: what happened, for messages."""
        self.name = name
        self._handlers: list[Callable[P, None]] = []

    @property
    def handlers(self) -> tuple[Callable[P, None], ...]:
        """Those connected, in the order in which they run."""
        return tuple(self._handlers)

    def connect(self, handler: Callable[P, None]) -> Callable[P, None]:
        """Let the handler run whenever the event is published; usable as a decorator."""
        self._handlers.append(handler)
        return handler

    def publish(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Run every handler."""
        for handler in self._handlers:
            handler(*args, **kwargs)


# Which constraint refused a row: an IntegrityError is a known conflict only when it is of that constraint.


def violates(error: IntegrityError, *names: str) -> bool:
    """Return True when a unique constraint or unique index of one of these names refused the row."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return diagnosis.constraint_name in names
    # SQLite names the columns instead.
    return str(error.orig) in {f"UNIQUE constraint failed: {_columns()[name]}" for name in names}


@cache
def _columns() -> dict[str, str]:
    """Return the columns of each unique constraint and index by its name, as SQLite lists them."""
    unique: list[UniqueConstraint | Index] = []
    for table in Base.metadata.tables.values():
        unique += [each for each in table.constraints if isinstance(each, UniqueConstraint)]
        unique += [index for index in table.indexes if index.unique]
    return {
        str(each.name): ", ".join(f"{column.table.name}.{column.name}" for column in each.columns) for each in unique
    }


T = TypeVar("T")
REPETITIONS: Final = 2
# Runs before ``before_commit``: series of numbers without gaps, which lock out others until the commit.
before_journal: Final[Event[[Session]]] = Event("before_journal")
# The journal connects to both.
before_commit: Final[Event[[Session]]] = Event("before_commit")
after_rollback: Final[Event[[Session]]] = Event("after_rollback")


@contextmanager
def transaction() -> Iterator[Session]:
    """A write transaction: flushes, runs ``before_journal`` and ``before_commit``, and commits at the end.

    A nested call joins the outer one. Any exception rolls everything back and propagates. Objects read before are
    reloaded, because SQLite cannot upgrade a reader's snapshot to a write transaction.
    """
    session = db.session()
    if session.info.get(TRANSACTION_OPEN):
        yield session
        return
    session.rollback()
    # What follows must see this transaction's changes.
    session.info.pop(REPLICA, None)
    session.info[TRANSACTION_OPEN] = True
    try:
        session.connection(execution_options={SQLITE_BEGIN: "IMMEDIATE"})
        yield session
        session.flush()
        before_journal.publish(session)
        before_commit.publish(session)
        session.commit()
    except BaseException:
        try:
            session.rollback()
        finally:
            after_rollback.publish(session)
        raise
    finally:
        session.info.pop(TRANSACTION_OPEN, None)


def repeated(act: Callable[[], T], collision: type[Exception] | tuple[()]) -> T:
    """Return what ``act`` returns, run again when it raises ``collision``: three times at most.

    Each run must be a transaction of its own, so that the next one sees what the other request has committed.
    """
    for _ in range(REPETITIONS):
        try:
            return act()
        except collision:
            continue
    return act()


def in_transaction() -> bool:
    """True while ``transaction()`` is open."""
    return bool(db.session().info.get(TRANSACTION_OPEN))


def require_transaction() -> Session:
    """Return the session of the open transaction. Raises RuntimeError when none is open."""
    session = db.session()
    if not session.info.get(TRANSACTION_OPEN):
        raise RuntimeError("write inside transaction() only")
    return session


def autocommit_reads() -> None:
    """Read in autocommit mode outside of ``transaction()`` for the rest of this request (PostgreSQL only)."""
    db.session().info[AUTOCOMMIT_READS] = True


def read_in_transaction() -> None:
    """End autocommit mode: server-side cursors, COPY and transaction-local settings need a transaction."""
    session = db.session()
    if not session.info.get(TRANSACTION_OPEN) and session.info.pop(AUTOCOMMIT_READS, False):
        session.rollback()


# Collation for the Kazakh alphabet: Ә after А, Ғ after Г, І after Ы. By code point they would come after Я.
#
# Both databases have a collation named ``kazakh``. On PostgreSQL the migrations create it from ICU where the server was
# built with ICU (all the usual packages are) and by code point otherwise; on SQLite ``compare_kazakh`` is registered on
# each connection. Different texts never compare as equal, so that cursor pagination has a total order.

COLLATION: Final = "kazakh"
ALPHABET: Final = "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя"
POSITIONS: Final = {letter: place for place, letter in enumerate(ALPHABET)}


def sort_in_kazakh(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a text column with the Kazakh collation, for sorting and comparing."""
    return column.collate(COLLATION)


def kazakh_key(text: str) -> tuple[list[tuple[int, int]], list[bool], str]:
    """Return the sort key of a text: signs and digits, Cyrillic, then other letters; upper case after lower case."""
    return [_letter_key(letter) for letter in text.casefold()], [letter.isupper() for letter in text], text


def compare_kazakh(one: str, other: str) -> int:
    """-1, 0 or 1, as SQLite expects of a collation function."""
    if one == other:
        return 0
    return -1 if kazakh_key(one) < kazakh_key(other) else 1


def _letter_key(letter: str) -> tuple[int, int]:
    if letter in POSITIONS:
        return 1, POSITIONS[letter]
    return (2 if letter.isalpha() else 0), ord(letter)
