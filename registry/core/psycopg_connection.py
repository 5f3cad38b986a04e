"""psycopg connections with a client-side timeout for every wait."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import Any, Final, TypeVar

from psycopg import Connection, Error, OperationalError
from psycopg.abc import PQGen

# The server's own limits (``statement_timeout``) do not help when the server is unreachable: a host that hangs, or a
# proxy that keeps the TCP connection alive without forwarding data. Imported on PostgreSQL only.

RV = TypeVar("RV")
# The client waits longer than the server's own limit, so that the server's error normally arrives first.
MARGIN_S: Final = 5
POLL_INTERVAL_S: Final = 0.1
_waiting: Final[dict[BoundedConnection, float]] = {}


class BoundedConnection(Connection[Any]):
    """A connection that is closed when a statement gets no response for ``wait_limit`` seconds; None for no limit."""

    wait_limit: float | None = None

    def wait(self, gen: PQGen[RV], interval: float = POLL_INTERVAL_S, timeout: float | None = None) -> RV:
        """Wait for the server. Raises OperationalError, and closes the connection, after ``wait_limit`` seconds."""
        limit = self.wait_limit
        began = _waiting[self] = time.monotonic()
        try:
            return super().wait(gen, interval, limit if timeout is None else timeout)
        except OperationalError as error:
            if timeout is not None or limit is None or time.monotonic() - began < limit:
                raise
            self.pgconn.finish()
            raise OperationalError(f"the database server did not answer within {limit:g} seconds") from error
        finally:
            _waiting.pop(self, None)


def wait_limit(statement_timeout: int) -> float | None:
    """Return the client-side timeout in seconds for a server-side ``statement_timeout`` in seconds; 0 means no
    limit.
    """
    return statement_timeout + MARGIN_S if statement_timeout else None


def close_waiting_connections(longer_than_s: float) -> None:
    """Shut down the socket of every connection that has waited longer; the waiting threads get OperationalError."""
    now = time.monotonic()
    for connection, began in list(_waiting.items()):
        if now - began > longer_than_s:
            with suppress(OSError, Error), socket.socket(fileno=os.dup(connection.pgconn.socket)) as same:
                same.shutdown(socket.SHUT_RDWR)
