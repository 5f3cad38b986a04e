"""Connection limits for waitress, which by itself allows slow clients.

Its ``channel_timeout`` restarts with every byte, ignores connections whose response is not read, and closes only
writable sockets. These limits work without a proxy as far as one process can; production needs a proxy
(docs/operations.md).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import ErrorTask, Task, WSGITask
from waitress.utilities import RequestEntityTooLarge


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits in seconds, and the maximum number of connections.

    ``header``: from the first byte to the end of the headers. ``body``: from the first byte to the end of the body.
    ``silence``: without receiving a byte of the body, or without sending a byte of the response.
    ``keep_alive``: between requests.
    """

    connections: int = 500
    header: float = 15
    body: float = 300
    silence: float = 30
    keep_alive: float = 60


class TimedRequest(HTTPRequestParser):  # type: ignore[misc] # waitress has no types
    """A request that records the time of its first byte."""

    def __init__(self, adj: Adjustments) -> None:
        super().__init__(adj)
        self.started = time.time()


class TooLargeTask(WSGITask):  # type: ignore[misc] # waitress has no types
    """Lets the application refuse a body that waitress did not receive.

    Its own limits are lower than that of waitress, and its answer has the caller's language and format.
    """

    def execute(self) -> None:
        # Of a body in chunks the application only learns the length.
        self.request.headers.setdefault("CONTENT_LENGTH", str(self.request.body_bytes_received))
        self.set_close_on_finish()
        super().execute()


def error_task(connection: HTTPChannel, request: HTTPRequestParser) -> Task:
    """The task that answers a request which waitress refuses."""
    task = TooLargeTask if isinstance(request.error, RequestEntityTooLarge) else ErrorTask
    return task(connection, request)


class Connection(HTTPChannel):  # type: ignore[misc] # waitress has no types
    """A connection whose requests record their start."""

    parser_class = TimedRequest
    error_task_class = staticmethod(error_task)


def close_slow(connections: Sequence[Connection], limits: ConnectionLimits) -> None:
    """Close connections that exceed a limit; at the maximum number, also those that have been idle longest.

    Call it in the thread that reads and writes the sockets.
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
    for connection in sorted(waiting, key=_idle_since)[: max(limits.connections // 10, 1)]:
        connection.handle_close()


def _is_too_slow(connection: Connection, limits: ConnectionLimits, now: float) -> bool:
    silent = now - connection.last_activity
    if connection.requests or connection.total_outbufs_len:
        # While a request is being handled, waitress itself may delay a small output; the client is not to blame.
        unread = connection.total_outbufs_len >= (connection.adj.send_bytes if connection.requests else 1)
        return bool(unread and silent > limits.silence)
    request = connection.request
    if request is None:
        return bool(silent > limits.keep_alive)
    if not request.headers_finished:
        return bool(now - request.started > limits.header)
    return bool(silent > limits.silence or now - request.started > limits.body)


def _idle_since(connection: Connection) -> float:
    return float(connection.last_activity if connection.request is None else connection.request.started)
