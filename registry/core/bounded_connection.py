"""psycopg connections on which no wait for the server lasts for ever.

The server's own limits (``statement_timeout``) end nothing when it cannot be heard: a host that hangs, or a proxy that
keeps the TCP connection alive and passes nothing on. Loaded on PostgreSQL only.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import Any, Final, TypeVar

from psycopg import Connection, Error, OperationalError
from psycopg.abc import PQGen

RV = TypeVar("RV")
# The server's limit comes first, and its answer needs a moment.
MARGIN_S: Final = 5
CHECK_EVERY_S: Final = 0.1
_waiting: Final[dict[BoundedConnection, float]] = {}


class BoundedConnection(Connection[Any]):
    """``wait_limit``: the seconds after which an unanswered statement closes the connection; None for no limit."""

    wait_limit: float | None = None

    def wait(self, gen: PQGen[RV], interval: float = CHECK_EVERY_S, timeout: float | None = None) -> RV:
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
    """How long to wait for a statement that the server itself ends after so many seconds; 0 is no limit."""
    return statement_timeout + MARGIN_S if statement_timeout else None


def end_waits(longer_than_s: float) -> None:
    """End every wait that lasts longer already, by closing its socket: whoever waits hears OperationalError."""
    now = time.monotonic()
    for connection, began in list(_waiting.items()):
        if now - began > longer_than_s:
            with suppress(OSError, Error), socket.socket(fileno=os.dup(connection.pgconn.socket)) as same:
                same.shutdown(socket.SHUT_RDWR)
