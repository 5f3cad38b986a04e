"""Schema migrations: upgrade and downgrade with Alembic.

On SQLite all pending migrations are one transaction: the file has one writer at a time, and readers do not wait for it.
On PostgreSQL each migration is a transaction of its own, and parts of it can commit before its end
(``registry/core/online_migrations.py``), so that it holds no lock for long. An upgrade that is interrupted keeps the
migrations that are complete, and goes on from there when it is run again.

On PostgreSQL a separate role can own the schema; the service's role then gets the rights in ``migrations/grants.sql``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, text

from registry.core.database import SQLITE_BEGIN, db
from registry.core.files import MIGRATIONS
from registry.core.postgresql import LONG_TIMEOUT, extend_session_timeouts, require_direct_connection
from registry.core.record_guards import create_guards, missing_guards, switch_journal_clock

if TYPE_CHECKING:
    from alembic.config import Config

GRANTS = MIGRATIONS / "grants.sql"
REVOKED: Final = re.compile(r"^REVOKE ([A-Z, ]+) ON (\w+) FROM", re.MULTILINE)
RIGHTS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
SERVICE_ROLE = ':"service"'  # a psql variable, so that the file can be run by hand
VERSION_TABLE = "alembic_version"
# Plain SQL: SQLAlchemy's inspection takes as long as everything else that a short command does.
VERSION_TABLE_EXISTS = {
    "sqlite": f"SELECT count(*) FROM sqlite_master WHERE name = '{VERSION_TABLE}'",  # noqa: S608
    "postgresql": f"SELECT count(to_regclass('{VERSION_TABLE}'))",
}
MIGRATION_LOCK_ID = 742_001
REVISION: Final = re.compile(r'^revision = "(.+)"', re.MULTILINE)
FOLLOWED: Final = re.compile(r'^down_revision = "(.+)"', re.MULTILINE)
# A migration gives up rather than make others wait longer behind its request for a lock.
LOCK_WAIT: Final = "2s"
POLL_INTERVAL_S: Final = 0.1


class SchemaNotCurrent(RuntimeError):
    """The database schema is not the one that this code needs: run ``registry db upgrade``."""


class SchemaUnknown(RuntimeError):
    """The database is at a revision that this code does not have: of release 0.1, or of a later release."""


class ServiceRoleMissing(RuntimeError):
    """The service's role does not exist on the database server."""


class UpgradeRunning(RuntimeError):
    """Another process still changes the schema."""


def upgrade_schema(revision: str = "head", service_role: str | None = None) -> None:
    """Upgrade the schema to a revision. Of two concurrent processes, the second waits and has nothing left to do.

    ``service_role`` (PostgreSQL only): a role other than the current one that may use but not change the schema.
    Raises ConnectionIsPooled, SchemaUnknown, ServiceRoleMissing, UpgradeRunning, and OperationalError when a lock is
    not free within 2 seconds.
    """
    _run("upgrade", revision, service_role)


def grant_to_service(service_role: str) -> None:
    """Grant the service's role its rights, as an upgrade does; idempotent. Raises ServiceRoleMissing."""
    with db.engine.begin() as connection:
        _grant(connection, service_role)


def restore_guards() -> None:
    """Put back the triggers that are missing or off, as the owner of the tables; idempotent."""
    with db.engine.begin() as connection:
        if missing_guards(connection):
            create_guards(connection)
            switch_journal_clock(connection, on=True)


def downgrade_schema(revision: str) -> None:
    """Downgrade the schema to a revision."""
    _run("downgrade", revision)


def schema_is_current() -> bool:
    """Return True when the database is at the newest migration."""
    with db.engine.connect() as connection:
        return _revision_of(connection) == newest_revision()


def schema_is_known() -> bool:
    """Return True when the database is at a migration that this code knows, the newest or an older one."""
    with db.engine.connect() as connection:
        return _revision_of(connection) in known_revisions()


def _revision_of(connection: Connection) -> str | None:
    """Return the revision of the database; None without a schema."""
    if not connection.scalar(text(VERSION_TABLE_EXISTS[connection.dialect.name])):
        return None
    revision: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608
    return revision


def known_revisions() -> set[str]:
    """Return the revisions of all migrations of this code."""
    return {"_".join(path.stem.split("_")[:4]) for path in (MIGRATIONS / "versions").glob("*.py")}


@cache
def newest_revision() -> str:
    """Return the revision that no other one follows. Read from the files, because Alembic takes as long as a short
    command.
    """
    sources = [path.read_text(encoding="utf-8") for path in (MIGRATIONS / "versions").glob("*.py")]
    revisions = {match[1] for source in sources if (match := REVISION.search(source))}
    followed = {match[1] for source in sources if (match := FOLLOWED.search(source))}
    [newest] = revisions - followed
    return newest


def require_current_schema() -> None:
    """Raise SchemaNotCurrent unless the database is at the newest migration."""
    if not schema_is_current():
        raise SchemaNotCurrent("the database's schema is not current; run: registry db upgrade")


# Migrations run on a connection of their own, where Alembic commits each one; no session is open and no entry of the
# journal is written. That is why commits stand here beside the transaction manager's.
def _run(direction: str, revision: str, service_role: str | None = None) -> None:
    # Imported here: it takes a tenth of a second, and most commands do not need it.
    from alembic import command

    config = _config()
    with db.engine.connect() as connection:
        on_sqlite = connection.dialect.name == "sqlite"
        with _one_transaction(connection) if on_sqlite else _locked_session(connection):
            if service_role is not None:
                _require_role(connection, service_role)
                connection.commit()
            revision_now = _revision_of(connection)
            if revision_now is not None and revision_now not in known_revisions():
                raise SchemaUnknown(revision_now)
            if not on_sqlite:
                # Ends the transaction of this read: Alembic commits each migration in one of its own.
                connection.rollback()
            config.attributes["connection"] = connection
            getattr(command, direction)(config, revision)
            if service_role is not None:
                _grant(connection, service_role)
                connection.commit()


@contextmanager
def _one_transaction(connection: Connection) -> Iterator[None]:
    foreign_keys(connection, on=False)
    connection.execution_options(**{SQLITE_BEGIN: "IMMEDIATE"})
    with connection.begin():
        yield
    foreign_keys(connection, on=True)


@contextmanager
def _locked_session(connection: Connection) -> Iterator[None]:
    """Hold the lock of migrations, with their timeouts, in this session. Raises ConnectionIsPooled, UpgradeRunning."""
    raw = connection.connection.driver_connection
    if raw is not None:
        require_direct_connection(raw)
    extend_session_timeouts(connection)
    connection.execute(text(f"SET lock_timeout = '{LOCK_WAIT}'"))
    limit = int(connection.get_execution_options()[LONG_TIMEOUT])  # 0: none
    began = time.monotonic()
    try:
        # A session that waits inside pg_advisory_lock() holds a snapshot, for which CREATE INDEX CONCURRENTLY of the
        # session that has the lock would wait in turn.
        while not connection.scalar(text(f"SELECT pg_try_advisory_lock({MIGRATION_LOCK_ID})")):
            connection.commit()
            if limit and time.monotonic() - began > limit:
                raise UpgradeRunning
            time.sleep(POLL_INTERVAL_S)
        connection.commit()
        yield
    finally:
        # Not back to the pool: its settings and the lock end with the session.
        connection.invalidate()


def _grant(connection: Connection, service_role: str) -> None:
    _require_role(connection, service_role)
    quoted = connection.dialect.identifier_preparer.quote_identifier(service_role)
    connection.exec_driver_sql(GRANTS.read_text(encoding="utf-8").replace(SERVICE_ROLE, quoted))


def revoked_rights() -> set[tuple[str, str]]:
    """Return the (table, right) pairs that ``migrations/grants.sql`` takes from the service's role."""
    pairs = REVOKED.findall(GRANTS.read_text(encoding="utf-8"))
    return {(table, right) for rights, table in pairs for right in rights.split(", ") if right in RIGHTS}


def _require_role(connection: Connection, service_role: str) -> None:
    exists = connection.scalar(text("SELECT true FROM pg_roles WHERE rolname = :name"), {"name": service_role})
    if not exists:
        raise ServiceRoleMissing(service_role)


def foreign_keys(connection: Connection, *, on: bool) -> None:
    """Switch SQLite's foreign keys on or off, outside of a transaction: table rebuilds must not trigger them."""
    if connection.dialect.name == "sqlite":
        raw = connection.connection.driver_connection
        if raw is not None:
            raw.execute(f"PRAGMA foreign_keys = {'ON' if on else 'OFF'}")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
