"""Checks of ``registry doctor`` in the database: server, schema, rights, journal, policy, clock."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import make_url, select, text

from registry.audits.schedule import last_recorded_at, unconfirmed_since
from registry.cli.doctor.findings import Finding, failure, good, warning
from registry.core.clock import ALMATY, now, rfc3339, today
from registry.core.database import Base, db
from registry.core.dialects import database_clock, database_file, sessions_waiting_for_locks
from registry.core.disk_checks import DISK_FULL, is_corruption_error, is_damaged, is_disk_full
from registry.core.installation import has_other_key, installed_at
from registry.core.record_guards import missing_guards
from registry.core.schema import RIGHTS, VERSION_TABLE, VERSION_TABLE_EXISTS, newest_revision, revoked_rights
from registry.core.standby import standby_state
from registry.flags.models import audit_in_future
from registry.freeze.current import policy_in_force
from registry.http.error_handlers import error_of
from registry.http.http_errors import DatabaseBusy
from registry.journal.service import JournalEntry, JournalHead
from registry.journal.verification import is_overdue, last_verification
from registry.settings import Settings

LEAST_POSTGRESQL: Final = 15
# Set by NTP, clocks differ by milliseconds.
SKEW_WARNING_S: Final = 5
SKEW_FAILURE_S: Final = 60
MAX_LAG_S: Final = 60
# Longer than a change takes, or a chunk of an import.
LOCK_WAIT_S: Final = 5
AHEAD: Final = timedelta(minutes=2)
RIGHTS_HELD: Final = text(
    "SELECT relname, r.name FROM pg_class, unnest(CAST(:rights AS text[])) AS r (name)"
    " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND has_table_privilege(pg_class.oid, r.name)"
)


# Of PostgreSQL in English and Russian, and of its library; a connection that fails has no SQLSTATE.
PASSWORD_REFUSED: Final = (
    "password authentication failed",
    "no password supplied",
    "SASL authentication failed",
    "не прошёл проверку подлинности",
)


def unusable(error: Exception, settings: Settings) -> Finding:
    """The finding for an error of the database."""
    original = getattr(error, "orig", error)
    reason = " ".join(str(original).split())
    if is_corruption_error(original):
        return _damaged(make_url(settings.database_url).database)
    if isinstance(error_of(error), DatabaseBusy):
        return failure("database", "doctor-database-busy", "lock-held", reason=reason)
    if not settings.embedded and any(words in reason for words in PASSWORD_REFUSED):
        return failure("database", "doctor-database-password", "key-rotation", reason=reason)
    runbook = "failover" if not settings.embedded else None
    if getattr(original, "sqlstate", None) == DISK_FULL:
        runbook = "full-disk"
    return failure("database", "doctor-database-unavailable", runbook, reason=reason)


def database() -> Finding:
    """Is the database there, whole, and of a version that is supported?"""
    path = database_file()
    if path is None:
        return _server()
    if not path.is_file():
        return failure("database", "doctor-database-missing", path=path)
    if is_damaged():
        return _damaged(path)
    version = db.session.scalar(text("SELECT sqlite_version()"))
    return good("database", "doctor-database-ok", server=f"SQLite {version}", place=path)


def _server() -> Finding:
    connection: Any = db.session.connection().connection.dbapi_connection
    info = connection.info
    description = {
        "server": f"PostgreSQL {info.parameter_status('server_version')}",
        "place": f"{info.user}@{info.host}:{info.port}/{info.dbname}",
    }
    if is_disk_full():
        return failure("database", "doctor-database-unavailable", "full-disk", reason="disk-full")
    if info.server_version // 10_000 < LEAST_POSTGRESQL:
        return warning("database", "doctor-database-old", **description, least=LEAST_POSTGRESQL)
    return good("database", "doctor-database-ok", **description)


def _damaged(path: Path | str | None) -> Finding:
    return failure("database", "doctor-database-damaged", "damaged-sqlite", path=path)


def schema() -> Finding:
    """Is the schema the one that this release needs?"""
    revision = ""
    if db.session.scalar(text(VERSION_TABLE_EXISTS[db.engine.dialect.name])):
        revision = ", ".join(db.session.scalars(text(f"SELECT version_num FROM {VERSION_TABLE}")))  # noqa: S608
    if revision != newest_revision():
        return failure("schema", "doctor-schema-old", found=revision or "-", expected=newest_revision())
    return good("schema", "doctor-schema-ok", revision=revision)


def rights() -> Finding:
    """May the service do its work, and no more?"""
    path = database_file()
    if path is not None:
        if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
            return failure("rights", "doctor-rights-read-only", path=path)
        return good("rights", "doctor-rights-ok-file")
    role = db.session.scalar(text("SELECT current_user"))
    held = {(table, right) for table, right in db.session.execute(RIGHTS_HELD, {"rights": list(RIGHTS)})}
    tables = {table.name for table in Base.metadata.sorted_tables}
    revoked = revoked_rights()
    missing = {(table, right) for table in tables for right in RIGHTS} - revoked - held
    if missing:
        return failure("rights", "doctor-rights-missing", role=role, missing=_listed(missing))
    if db.session.scalar(text("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'journal'::regclass")):
        return warning("rights", "doctor-rights-wide", role=role)
    if too_many := revoked & held:
        return failure("rights", "doctor-rights-too-many", "journal-broken", role=role, rights=_listed(too_many))
    return good("rights", "doctor-rights-ok", role=role)


def _listed(rights: set[tuple[str, str]]) -> str:
    return ", ".join(" ".join(pair) for pair in sorted(rights))


def guards() -> Finding:
    """Are the triggers there that keep records from being rewritten?"""
    missing = missing_guards(db.session.connection())
    if missing:
        return failure("guards", "doctor-guards-missing", "journal-broken", missing=", ".join(missing))
    return good("guards", "doctor-guards-ok")


def indexes() -> Finding:
    """Is every index there and valid? An upgrade that was interrupted leaves some out, or invalid."""
    expected = {str(index.name) for table in Base.metadata.tables.values() for index in table.indexes}
    if database_file() is not None:
        present = set(db.session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'index'")))
    else:
        valid = (
            "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indisvalid AND indisready"
        )
        present = set(db.session.scalars(text(valid)))
    if wrong := sorted(expected - present):
        return failure("indexes", "doctor-indexes-wrong", names=", ".join(wrong))
    return good("indexes", "doctor-indexes-ok", count=len(expected))


def secret_key() -> Finding:
    """Is the secret key the one that the registry was used with?"""
    if has_other_key():
        return failure("secret key", "doctor-secret-key-differs", "key-rotation")
    return good("secret key", "doctor-secret-key-ok")


def locks() -> Finding:
    """Can a change be written, or does somebody hold the lock? On PostgreSQL: does a session wait for one?"""
    path = database_file()
    if path is None:
        waiting = sessions_waiting_for_locks()
        return warning("locks", "doctor-locks-waited-for", "lock-held", count=waiting) if waiting else _no_lock()
    try:
        with closing(sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return failure("locks", "doctor-locks-held", "lock-held", path=path, seconds=LOCK_WAIT_S)
    return _no_lock()


def _no_lock() -> Finding:
    return good("locks", "doctor-locks-ok")


def journal() -> Finding:
    """Does the journal end where its head says, and what did the last verification find?"""
    head = db.session.execute(select(JournalHead.seq, JournalHead.hash)).one()
    last = db.session.execute(
        select(JournalEntry.seq, JournalEntry.hash).order_by(JournalEntry.seq.desc()).limit(1)
    ).one_or_none()
    if head.seq if last is None else tuple(head) != tuple(last):
        return failure("journal", "doctor-journal-differs", "journal-broken")
    verified = last_verification()
    if verified.fault is not None:
        return failure("journal", "doctor-journal-broken", "journal-broken", fault=verified.fault)
    if is_overdue(verified):
        since = verified.verified_at or installed_at()
        return warning("journal", "doctor-journal-unverified", "journal-broken", at=rfc3339(since))
    return good("journal", "doctor-journal-ok", entries=head.seq, head=f"{head.seq}:{head.hash}")


def policy() -> Finding:
    """Which policy is in force today?"""
    current = policy_in_force()
    return good("policy", "doctor-policy-ok", version=current.version, since=current.in_force_from.isoformat())


def standby() -> Iterator[Finding]:
    """Does the standby follow, where one is named?"""
    state = standby_state()
    if state is None:
        return
    if state.lag_s is None:
        yield failure("standby", "doctor-standby-away", "standby-lost", place=state.place, reason=state.reason)
    elif state.lag_s > MAX_LAG_S:
        yield warning("standby", "doctor-standby-late", "standby-lost", place=state.place, seconds=round(state.lag_s))
    else:
        yield good("standby", "doctor-standby-ok", place=state.place, seconds=round(state.lag_s, 1))


def clock() -> Finding:
    """Is the time of this machine plausible? Compared with the database server and with what was recorded."""
    ahead = audit_in_future(today())
    if ahead is not None:
        return failure("clock", "doctor-clock-audit-ahead", "clock-jumped", id=ahead.id, on=ahead.on.isoformat())
    recorded = last_recorded_at(now())
    if recorded - now() > AHEAD:
        return failure("clock", "doctor-clock-record-ahead", "clock-jumped", at=rfc3339(recorded))
    since = unconfirmed_since(now())
    if since is not None:
        return failure("clock", "doctor-clock-unconfirmed", "clock-jumped", at=rfc3339(since))
    local = f"{now().astimezone(ALMATY):%Y-%m-%d %H:%M}"
    server = database_clock()
    if server is None:
        return good("clock", "doctor-clock-ok-alone", now=local)
    skew = (now() - server).total_seconds()
    if abs(skew) < SKEW_WARNING_S:
        return good("clock", "doctor-clock-ok", now=local, seconds=round(skew, 1))
    differs = failure if abs(skew) >= SKEW_FAILURE_S else warning
    return differs("clock", "doctor-clock-skewed", "clock-jumped", seconds=round(skew, 1))
