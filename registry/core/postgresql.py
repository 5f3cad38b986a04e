"""PostgreSQL connection settings: multiple hosts, timeouts, failover detection."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from flask import current_app
from sqlalchemy import Connection, Engine, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from registry.core.settings import DatabaseLimits

if TYPE_CHECKING:
    import psycopg


# After an error of a standby the primary is read for some seconds, so that a request that is sent again succeeds.

# Longer than Retry-After. Reaching a standby that is away may take two seconds each time, and a query that it cancelled
# because the primary has removed what it reads may be cancelled again.
PAUSE_S: Final = 10
AWAY_UNTIL: Final = "registry.replica_away_until"


def pause_replica() -> None:
    """Leave the standby alone for a while."""
    current_app.extensions[AWAY_UNTIL] = time.monotonic() + PAUSE_S


def is_replica_paused() -> bool:
    """True while the standby is left alone."""
    until: float = current_app.extensions.get(AWAY_UNTIL, 0.0)
    return time.monotonic() < until


def pause_after_errors(engine: Engine) -> None:
    """Pause the standby of this engine after each error that is its own, and not one of the statement."""

    @event.listens_for(engine, "handle_error")
    def on_error(context: ExceptionContext) -> None:
        if context.is_disconnect or isinstance(context.sqlalchemy_exception, OperationalError):
            pause_replica()


# Of several hosts, connect to the primary; a standby alone fails at connect and not at the first write.
# An unreachable host is given up after 5 seconds when connecting and after 20 when connected.
CONNECTION_DEFAULTS: Final = {
    "target_session_attrs": "read-write",
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "20000",
}
# Of several standbys any; the primary when there is none. Two seconds is the least that libpq waits.
READ_ONLY_DEFAULTS: Final = {"target_session_attrs": "prefer-standby", "connect_timeout": "2"}
LONG_TIMEOUT: Final = "long_timeout"
STATEMENT_TIMEOUT: Final = "statement_timeout"
PING_LIMIT_S: Final = 5
READ_ONLY: Final = "25006"
# SQLSTATEs after which the session is unusable; psycopg classifies some of them as internal errors.
DISCONNECT_STATES: Final = (READ_ONLY, "25P03", "25P04", "57P01", "57P02", "57P03", "57P05")
POOL_TIMEOUT_S: Final = 20
LAST_USED_AT: Final = "used_at"
PING_AFTER_IDLE_S: Final = 0.5


def engine_options(url: str, limits: DatabaseLimits, *, read_only: bool = False) -> dict[str, Any]:
    """Return the keyword arguments of create_engine besides the URL. The URL's query overrides
    ``CONNECTION_DEFAULTS``.
    """
    query = make_url(url).query
    defaults = CONNECTION_DEFAULTS | (READ_ONLY_DEFAULTS if read_only else {})
    options = {
        "timezone": "UTC",
        "statement_timeout": limits.statement_timeout * 1000,
        "lock_timeout": limits.lock_timeout * 1000,
        "idle_in_transaction_session_timeout": limits.idle_timeout * 1000,
        # A standby that was promoted is not written by this way.
        **({"default_transaction_read_only": "on"} if read_only else {}),
    }
    return {
        # No table uses hstore; SQLAlchemy would look the type up once per process.
        "use_native_hstore": False,
        # A read in autocommit mode has nothing to roll back when its connection returns to the pool.
        "skip_autocommit_rollback": True,
        "pool_size": limits.pool,
        "max_overflow": limits.pool,
        "pool_timeout": POOL_TIMEOUT_S,
        "execution_options": {LONG_TIMEOUT: limits.long_timeout, STATEMENT_TIMEOUT: limits.statement_timeout},
        "connect_args": {
            **{name: value for name, value in defaults.items() if name not in query},
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        },
    }


def set_up_engine(engine: Engine) -> None:
    """Treat a session that the server ended, or that became read-only, as a lost connection.

    An idle connection is pinged before use, so that a request after a failover does not get a dead one. When one is
    lost, the whole pool reconnects to the current primary, and the failed request gets OperationalError.
    The client waits a little longer than the server's statement timeout, and 5 seconds for a ping.
    """
    from registry.core.psycopg_connection import BoundedConnection, wait_limit

    usual_limit = wait_limit(int(engine.get_execution_options()[STATEMENT_TIMEOUT]))

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, cargs: tuple[Any, ...], cparams: dict[str, Any]) -> object:
        connection = BoundedConnection.connect(*cargs, **cparams)
        connection.wait_limit = usual_limit
        return connection

    # Not on every checkout, as pool_pre_ping does: that would be three of the seven round trips of a short request.
    @event.listens_for(engine, "checkin")
    def on_checkin(connection: BoundedConnection | None, record: ConnectionPoolEntry) -> None:
        if connection is not None:
            connection.wait_limit = usual_limit
        record.info[LAST_USED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def on_checkout(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        if time.monotonic() - record.info.get(LAST_USED_AT, time.monotonic()) < PING_AFTER_IDLE_S:
            return
        connection.wait_limit = PING_LIMIT_S
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error
        finally:
            connection.wait_limit = usual_limit

    @event.listens_for(engine, "handle_error")
    def on_error(context: ExceptionContext) -> OperationalError | None:
        if getattr(context.original_exception, "sqlstate", None) not in DISCONNECT_STATES:
            return None
        context.is_disconnect = True
        # psycopg's ReadOnlySqlTransaction is an InternalError, which would be reported as a bug of the service.
        return OperationalError(context.statement, context.parameters, context.original_exception)


def as_database_error(error: Exception) -> DBAPIError:
    """Return the SQLAlchemy exception for a psycopg error, for code that uses psycopg directly. Raises TypeError."""
    # Imported here: on SQLite, where psycopg is not needed, commands start a tenth faster without it.
    from psycopg import Error

    if getattr(error, "sqlstate", None) in DISCONNECT_STATES:
        return OperationalError(None, None, error)
    wrapped = DBAPIError.instance(None, None, error, Error)
    if not isinstance(wrapped, DBAPIError):
        raise TypeError(f"not an error of psycopg: {error!r}")
    return wrapped


class ConnectionIsPooled(RuntimeError):
    """A pooler stands between the client and the server, and what needs a session of its own cannot be done."""


def require_direct_connection(connection: psycopg.Connection) -> None:
    """Raise ConnectionIsPooled behind PgBouncer and its like.

    There a session's lock or ``SET`` stays with a server connection that other clients get. The number of the server's
    process, which the server names at the connect, is the pooler's own then.
    """
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    if row is None or row[0] != connection.info.backend_pid:
        raise ConnectionIsPooled


def extend_timeouts(connection: Connection) -> None:
    """Raise the open transaction's timeouts to ``REGISTRY_LONG_TIMEOUT``; no effect on SQLite."""
    if connection.dialect.name == "postgresql":
        _set_long_timeouts(connection, local=True)


def extend_session_timeouts(connection: Connection) -> None:
    """Raise the timeouts of the whole session on PostgreSQL; the connection must not go back to the pool."""
    _set_long_timeouts(connection, local=False)


def _set_long_timeouts(connection: Connection, *, local: bool) -> None:
    from registry.core.psycopg_connection import BoundedConnection, wait_limit

    seconds = int(connection.get_execution_options()[LONG_TIMEOUT])
    raw = connection.connection.dbapi_connection
    if isinstance(raw, BoundedConnection):
        raw.wait_limit = wait_limit(seconds)
    connection.execute(
        text(
            "SELECT set_config('statement_timeout', :limit, :local),"
            " set_config('idle_in_transaction_session_timeout', :limit, :local)"
        ),
        {"limit": str(seconds * 1000), "local": local},
    )


def libpq_address(url: str, *, password: bool = True) -> str:
    """Return a database URL as a libpq connection string, with all its hosts."""
    from psycopg.conninfo import make_conninfo

    parsed = make_url(url)
    _, arguments = parsed.get_dialect()().create_connect_args(parsed)
    omitted = ("context",) if password else ("context", "password")
    given = {name: value for name, value in arguments.items() if name not in omitted}
    return make_conninfo("", **{**CONNECTION_DEFAULTS, **given})


def named_standby(url: str, read_url: str | None) -> str | None:
    """Return the address that leads to a standby: one for reading, or the service's own when it names several hosts."""
    if read_url is not None:
        return read_url
    hosts = make_url(url).query.get("host", ())
    several = len(hosts) > 1 if isinstance(hosts, tuple) else "," in hosts
    return url if several else None
