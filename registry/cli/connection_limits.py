"""Limits on connections for waitress, which by itself lets a client take as long as it likes.

Its own ``channel_timeout`` starts again with every byte, spares connections whose response is not read, and closes only
sockets that can be written. These limits hold without a proxy as far as one process can; production needs one
(docs/operations.md).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Seconds, and how many connections there may be.

    ``header``: from the first byte to the end of the headers. ``body``: from the first byte to the end of the body.
    ``silence``: without a byte of the body, or without reading a byte of the response.
    ``keep_alive``: between requests.
    """

    connections: int = 500
    header: float = 15
    body: float = 300
    silence: float = 30
    keep_alive: float = 60


class TimedRequest(HTTPRequestParser):  # type: ignore[misc] # waitress has no types
    """A request that knows when its first byte came."""

    def __init__(self, adj: Adjustments) -> None:
        super().__init__(adj)
        self.began = time.time()


class Connection(HTTPChannel):  # type: ignore[misc] # waitress has no types
    """A connection whose requests know when they began."""

    parser_class = TimedRequest


def close_slow(connections: Sequence[Connection], limits: ConnectionLimits) -> None:
    """Close the connections that exceed a limit; at the most that there may be, also those that wait longest.

    To be called by the thread that reads and writes the sockets.
    """
    now = time.time()
    left = []
    for connection in connections:
        if _is_too_slow(connection, limits, now):
            connection.handle_close()
        else:
            left.append(connection)
    if len(left) < limits.connections:
        return
    waiting = [each for each in left if not each.requests and not each.total_outbufs_len]
    for connection in sorted(waiting, key=_waits_since)[: max(limits.connections // 10, 1)]:
        connection.handle_close()


def _is_too_slow(connection: Connection, limits: ConnectionLimits, now: float) -> bool:
    silent = now - connection.last_activity
    if connection.requests or connection.total_outbufs_len:
        # While a request is worked on, little output is held back by waitress itself, not by the client.
        unread = connection.total_outbufs_len >= (connection.adj.send_bytes if connection.requests else 1)
        return bool(unread and silent > limits.silence)
    request = connection.request
    if request is None:
        return bool(silent > limits.keep_alive)
    if not request.headers_finished:
        return bool(now - request.began > limits.header)
    return bool(silent > limits.silence or now - request.began > limits.body)


def _waits_since(connection: Connection) -> float:
    return float(connection.last_activity if connection.request is None else connection.request.began)
