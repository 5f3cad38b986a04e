"""PostgreSQL as this service uses it: one or several hosts, limits on every wait, and a failover that is noticed."""

from __future__ import annotations

import time
from typing import Any, Final

from sqlalchemy import Connection, Engine, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from registry.core.database_settings import DatabaseLimits

# Of several hosts the one that can be written; a standby alone is refused when connecting, not at the first write.
# A host that is gone without a word is given up after 5 seconds when connecting and after 20 when connected.
WHERE: Final = {
    "target_session_attrs": "read-write",
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "20000",
}
LONG_TIMEOUT: Final = "long_timeout"
STATEMENT_TIMEOUT: Final = "statement_timeout"
PING_LIMIT_S: Final = 5
READ_ONLY: Final = "25006"
# Other states in which the server has ended the session or is about to; psycopg counts some of them as internal.
ENDED: Final = (READ_ONLY, "25P03", "25P04", "57P01", "57P02", "57P03", "57P05")
WAIT_FOR_CONNECTION_S: Final = 20
USED_AT: Final = "used_at"
TRIED_WHEN_IDLE_S: Final = 0.5


def engine_options(url: str, limits: DatabaseLimits) -> dict[str, Any]:
    """What create_engine takes besides the address. What the address itself says wins over ``WHERE``."""
    said = make_url(url).query
    timeouts = {
        "timezone": "UTC",
        "statement_timeout": limits.statement_timeout * 1000,
        "lock_timeout": limits.lock_timeout * 1000,
        "idle_in_transaction_session_timeout": limits.idle_timeout * 1000,
    }
    return {
        # A type that no table here has: its name would be looked up by every process that connects.
        "use_native_hstore": False,
        "pool_size": limits.pool,
        "max_overflow": limits.pool,
        "pool_timeout": WAIT_FOR_CONNECTION_S,
        "execution_options": {LONG_TIMEOUT: limits.long_timeout, STATEMENT_TIMEOUT: limits.statement_timeout},
        "connect_args": {
            **{name: value for name, value in WHERE.items() if name not in said},
            "options": " ".join(f"-c {name}={value}" for name, value in timeouts.items()),
        },
    }


def set_up_engine(engine: Engine) -> None:
    """Take a session that the server ended, or that cannot write any more, for a lost connection.

    A connection that lay idle is tried before it is used: after a failover nobody is given a dead one. When one
    is lost the whole pool is connected anew, to the host that can be written now; whoever asked hears OperationalError.
    A server that does not answer at all is waited for a little longer than its own limit, and a try for 5 seconds.
    """
    from registry.core.bounded_connection import BoundedConnection, wait_limit

    usual_limit = wait_limit(int(engine.get_execution_options()[STATEMENT_TIMEOUT]))

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, cargs: tuple[Any, ...], cparams: dict[str, Any]) -> object:
        connection = BoundedConnection.connect(*cargs, **cparams)
        connection.wait_limit = usual_limit
        return connection

    # Not at every request, as pool_pre_ping would: that takes three of the seven round trips of a short one.
    @event.listens_for(engine, "checkin")
    def on_checkin(connection: BoundedConnection | None, record: ConnectionPoolEntry) -> None:
        if connection is not None:
            connection.wait_limit = usual_limit
        record.info[USED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def on_checkout(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        if time.monotonic() - record.info.get(USED_AT, time.monotonic()) < TRIED_WHEN_IDLE_S:
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
        if getattr(context.original_exception, "sqlstate", None) not in ENDED:
            return None
        context.is_disconnect = True
        # psycopg's ReadOnlySqlTransaction is an InternalError, as if it were a mistake of ours.
        return OperationalError(context.statement, context.parameters, context.original_exception)


def as_database_error(error: Exception) -> DBAPIError:
    """What SQLAlchemy would raise in the place of an error of psycopg's own, for work that goes past it."""
    # psycopg is loaded where it is used: on SQLite, where it is not, a command starts a tenth sooner without it.
    from psycopg import Error

    if getattr(error, "sqlstate", None) in ENDED:
        return OperationalError(None, None, error)
    wrapped = DBAPIError.instance(None, None, error, Error)
    if not isinstance(wrapped, DBAPIError):
        raise TypeError(f"not an error of psycopg: {error!r}")
    return wrapped


def allow_long_work(connection: Connection) -> None:
    """Let the open transaction's statements take as long as ``REGISTRY_LONG_TIMEOUT`` says; SQLite has no limit."""
    if connection.dialect.name == "postgresql":
        from registry.core.bounded_connection import BoundedConnection, wait_limit

        seconds = int(connection.get_execution_options()[LONG_TIMEOUT])
        raw = connection.connection.dbapi_connection
        if isinstance(raw, BoundedConnection):
            raw.wait_limit = wait_limit(seconds)
        connection.execute(
            text(
                "SELECT set_config('statement_timeout', :limit, true),"
                " set_config('idle_in_transaction_session_timeout', :limit, true)"
            ),
            {"limit": str(seconds * 1000)},
        )


def libpq_address(url: str, *, password: bool = True) -> str:
    """The address as libpq and its programs take it, with all its hosts."""
    from psycopg.conninfo import make_conninfo

    at = make_url(url)
    _, said = at.get_dialect()().create_connect_args(at)
    left_out = ("context",) if password else ("context", "password")
    return make_conninfo("", **{**WHERE, **{name: value for name, value in said.items() if name not in left_out}})
