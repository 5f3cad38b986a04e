"""Web server for single-machine installations: waitress, with a shutdown that finishes running requests."""

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
MAX_BODY_SIZE = 24 * 1024 * 1024
MAX_HEADER_SIZE = 64 * 1024
BUFFER = 64 * 1024
BACKLOG = 1024
# Sockets of waitress itself: listeners and the trigger that wakes its loop.
OWN_SOCKETS = 12
SHUTDOWN_TIMEOUT_S = 30
POLL_INTERVAL_S = 0.5


class WebServer:
    """Listens as soon as it is created. Raises OSError when the address is in use or not local."""

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
            # The application's limits are lower; this one only protects the disk.
            max_request_body_size=MAX_BODY_SIZE,
            asyncore_use_poll=True,
            # waitress counts the listeners too.
            connection_limit=self._limits.connections + OWN_SOCKETS,
            backlog=BACKLOG,
            channel_timeout=int(self._limits.keep_alive) + 1,
            max_request_header_size=MAX_HEADER_SIZE,
            recv_bytes=BUFFER,
            # Buffers above this size are moved to disk.
            inbuf_overflow=BUFFER,
            outbuf_overflow=BUFFER,
            # The application is configured with the number of trusted proxies; the default is none.
            clear_untrusted_proxy_headers=False,
        )
        for listener in self._listeners():
            listener.channel_class = Connection

    @property
    def port(self) -> int:
        """The listening port; for the requested port 0, the one chosen by the system."""
        return int(self._listeners()[0].effective_port)

    def serve_until(self, stopping: threading.Event) -> None:
        """Serve until the event is set; then accept no new requests and finish running ones."""
        while not stopping.is_set():
            self._poll()
        for listener in self._listeners():
            listener.del_channel()
            listener.socket.close()
        until = time.monotonic() + SHUTDOWN_TIMEOUT_S
        while self._busy() and time.monotonic() < until:
            self._poll()
        self._server.task_dispatcher.shutdown()
        # A request that exceeded the time limit still writes to its connection, which ends with the process.
        if not self._busy():
            wasyncore.close_all(self._sockets)

    def _poll(self) -> None:
        wasyncore.loop(timeout=POLL_INTERVAL_S, use_poll=True, map=self._sockets, count=1)
        now = time.monotonic()
        connections = self._connections()
        if now - self._looked_at > POLL_INTERVAL_S or len(connections) >= self._limits.connections:
            self._looked_at = now
            close_slow(connections, self._limits)

    def _busy(self) -> bool:
        return any(each.request or each.requests or each.total_outbufs_len for each in self._connections())

    def _listeners(self) -> list[BaseWSGIServer]:
        return [channel for channel in self._sockets.values() if isinstance(channel, BaseWSGIServer)]

    def _connections(self) -> list[Connection]:
        return [channel for channel in list(self._sockets.values()) if isinstance(channel, Connection)]
