"""``registry serve`` and ``registry scheduler``: the long-running processes."""

from __future__ import annotations

import gc
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import click
from flask import Flask
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ErrorTask, Task, WSGITask
from waitress.utilities import RequestEntityTooLarge

from registry.accounts.oidc_configuration import load_sign_in_file
from registry.accounts.roles import SCHEDULE
from registry.accounts.sign_in import warn_of_unusable_accounts
from registry.cli.app_context import connected, open_registry, require_database_file
from registry.cli.output import FAILED, CommandFailed, cli_text, print_message
from registry.cli.scheduler import Schedule, jobs
from registry.core.installation import keep_secret_key, warn_of_other_key
from registry.core.schema import require_current_schema, schema_is_current
from registry.feed.queries import WAITING
from registry.http.health import listen_for_health
from registry.http.requests import log_to_stderr, warn_at_start
from registry.journal.rows import upgrade_and_seal
from registry.settings import Settings, read_settings

if TYPE_CHECKING:
    from flask import Flask


# Connection limits for waitress, which by itself allows slow clients.
#
# Its ``channel_timeout`` restarts with every byte, ignores connections whose response is not read, and closes only
# writable sockets. These limits work without a proxy as far as one process can; production needs a proxy
# (docs/operations.md).


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
    """Return the task that answers a request which waitress refuses."""
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


# Web server for single-machine installations: waitress, with a shutdown that finishes running requests.

THREADS = 8
MAX_BODY_SIZE = 24 * 1024 * 1024
MAX_HEADER_SIZE = 64 * 1024
BUFFER = 64 * 1024
BACKLOG = 1024
# Sockets of waitress itself: listeners and the trigger that wakes its loop.
OWN_SOCKETS = 12
SHUTDOWN_TIMEOUT_S = 30
SOCKETS_POLLED_S = 0.5


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
        wasyncore.loop(timeout=SOCKETS_POLLED_S, use_poll=True, map=self._sockets, count=1)
        now = time.monotonic()
        connections = self._connections()
        if now - self._looked_at > SOCKETS_POLLED_S or len(connections) >= self._limits.connections:
            self._looked_at = now
            close_slow(connections, self._limits)

    def _busy(self) -> bool:
        return any(each.request or each.requests or each.total_outbufs_len for each in self._connections())

    def _listeners(self) -> list[BaseWSGIServer]:
        return [channel for channel in self._sockets.values() if isinstance(channel, BaseWSGIServer)]

    def _connections(self) -> list[Connection]:
        return [channel for channel in list(self._sockets.values()) if isinstance(channel, Connection)]


# During shutdown no database statement may take longer than this.
LAST_DATABASE_WAIT_S: Final = 20
POLL_INTERVAL_S: Final = 1


@click.command()
def serve() -> None:
    """Serve the API and run scheduled jobs in one process.

    On SQLite the migrations are applied first; on PostgreSQL run `registry db upgrade` before. SIGTERM or Ctrl-C stops
    it when running requests and jobs are finished. Address: REGISTRY_HOST and REGISTRY_PORT. Nightly audit:
    REGISTRY_AUDIT_AT.
    """
    # Importing the web application is slow, and no other command needs it.
    # ``connected`` collects garbage again: wsgi.py.
    gc.disable()
    from registry.app import create_app

    require_database_file()
    settings = read_settings()
    app = create_app(settings)
    with connected(app):
        prepare_schema(settings)
        stopping = stopped_by_signals()
        end_database_waits(stopping, settings)
        WAITING.stop_with(stopping)
        check_emergency_accounts(settings)
        server = listening(app, settings)
        warn_at_start(settings.host, settings.trusted_proxies)
        schedule = Schedule(app, jobs(settings))
        schedule.start()
        print_message("cli-serving", address=served_address(settings))
        try:
            server.serve_until(stopping)
        finally:
            print_message("cli-stopping")
            schedule.stop()
    print_message("cli-stopped")


@click.command()
def scheduler() -> None:
    """Run scheduled jobs only: nightly audit, notifications, queued imports, cleanup.

    For installations where several web processes serve the API. Any number may run: each nightly audit runs once.
    """
    require_database_file()
    settings = read_settings()
    with open_registry(settings) as app:
        prepare_schema(settings)
        log_to_stderr(settings.log_level)
        check_emergency_accounts(settings)
        stopping = stopped_by_signals()
        end_database_waits(stopping, settings)
        schedule = Schedule(app, jobs(settings))
        schedule.start()
        print_message("cli-scheduling")
        stopping.wait()
        print_message("cli-stopping")
        schedule.stop()
    print_message("cli-stopped")


def check_emergency_accounts(settings: Settings) -> None:
    """Log which accounts of ``password.break_glass`` cannot sign in. Raises SignInFileInvalid."""
    if settings.oidc is not None:
        warn_of_unusable_accounts(load_sign_in_file(settings.sign_in_file))


def served_address(settings: Settings) -> str:
    """Return the address that people open: ``REGISTRY_PUBLIC_URL``, without it the one on this machine.

    Passkeys and links of e-mails work at the public address only, even where both lead to this process.
    """
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return settings.public_url or f"http://{host}:{settings.port}"


def listening(app: Flask, settings: Settings) -> WebServer:
    """Return the server on the configured address, which also serves ``/healthz``. Raises CommandFailed on failure."""
    port = settings.health_port
    try:
        listen_for_health(settings)
        port = settings.port
        return WebServer(app, settings.host, settings.port)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        sentence = cli_text("cli-address-not-usable", host=settings.host, port=port, reason=reason)
        raise CommandFailed([sentence], FAILED) from error


def end_database_waits(stopping: threading.Event, settings: Settings) -> None:
    """After the event, cancel PostgreSQL statements that take longer than ``LAST_DATABASE_WAIT_S``."""
    if settings.embedded:
        return
    from registry.core.psycopg_connection import close_waiting_connections

    def end() -> None:
        stopping.wait()
        while True:
            close_waiting_connections(LAST_DATABASE_WAIT_S)
            time.sleep(POLL_INTERVAL_S)

    threading.Thread(target=end, name="last database waits", daemon=True).start()


def prepare_schema(settings: Settings) -> None:
    """On SQLite apply the migrations; on PostgreSQL, which others may use, reject an old schema.

    Logs a secret key that is not the registry's. Raises SchemaNotCurrent.
    """
    if settings.embedded and not schema_is_current():
        upgrade_and_seal(SCHEDULE)
    require_current_schema()
    keep_secret_key()
    warn_of_other_key()


def stopped_by_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set; a second signal ends the process immediately."""
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return stopping
