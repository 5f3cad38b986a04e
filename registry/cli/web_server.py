"""The web server of the one-machine default: waitress, stopped so that every request that came in is answered."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.server import BaseWSGIServer, create_server

from registry.cli.connection_limits import Connection, ConnectionLimits, close_slow

if TYPE_CHECKING:
    from flask import Flask

THREADS = 8
LONGEST_BODY = 24 * 1024 * 1024
LARGEST_HEADER = 64 * 1024
BUFFER = 64 * 1024
BACKLOG = 1024
# Sockets of waitress's own: listeners and what wakes the loop.
FEW = 12
FINISH_WITHIN_S = 30
LOOK_EVERY_S = 0.5


class WebServer:
    """Listens from the moment it is made. Raises OSError when the address is taken or not this machine's."""

    def __init__(self, app: Flask, host: str, port: int, limits: ConnectionLimits | None = None) -> None:
        self._sockets: dict[int, Any] = {}
        self._limits = limits or ConnectionLimits()
        self._looked_at = time.monotonic()
        self._server = create_server(
            app,
            map=self._sockets,
            host=host,
            port=port,
            threads=THREADS,
            ident=None,
            # The application's own limits are lower; this one only keeps the disk from filling.
            max_request_body_size=LONGEST_BODY,
            asyncore_use_poll=True,
            # The listeners are counted too.
            connection_limit=self._limits.connections + FEW,
            backlog=BACKLOG,
            channel_timeout=int(self._limits.keep_alive) + 1,
            max_request_header_size=LARGEST_HEADER,
            recv_bytes=BUFFER,
            # Beyond this, what a connection sent or has not read yet lies on the disk.
            inbuf_overflow=BUFFER,
            outbuf_overflow=BUFFER,
            # The application knows how many proxies to believe, and believes none unless told.
            clear_untrusted_proxy_headers=False,
        )
        for listener in self._listeners():
            listener.channel_class = Connection

    @property
    def port(self) -> int:
        """Where it listens: with 0 as the port that was asked for, the one that the system gave."""
        return int(self._listeners()[0].effective_port)

    def serve_until(self, stopping: threading.Event) -> None:
        """Answer requests until the event is set; then take no new ones, and finish those that are there."""
        while not stopping.is_set():
            self._look()
        for listener in self._listeners():
            listener.del_channel()
            listener.socket.close()
        until = time.monotonic() + FINISH_WITHIN_S
        while self._busy() and time.monotonic() < until:
            self._look()
        self._server.task_dispatcher.shutdown()
        # A request that took too long still writes to its connection: that one ends with the process.
        if not self._busy():
            wasyncore.close_all(self._sockets)

    def _look(self) -> None:
        wasyncore.loop(timeout=LOOK_EVERY_S, use_poll=True, map=self._sockets, count=1)
        now = time.monotonic()
        connections = self._connections()
        if now - self._looked_at > LOOK_EVERY_S or len(connections) >= self._limits.connections:
            self._looked_at = now
            close_slow(connections, self._limits)

    def _busy(self) -> bool:
        return any(each.request or each.requests or each.total_outbufs_len for each in self._connections())

    def _listeners(self) -> list[BaseWSGIServer]:
        return [found for found in self._sockets.values() if isinstance(found, BaseWSGIServer)]

    def _connections(self) -> list[Connection]:
        return [found for found in list(self._sockets.values()) if isinstance(found, Connection)]
