"""``registry serve`` and ``registry scheduler``: the long-running processes."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Final

import click
from flask import Flask

from registry.accounts.oidc.configuration import load_sign_in_file
from registry.accounts.oidc.emergency_accounts import warn_of_unusable_accounts
from registry.changes.queries import WAITING
from registry.cli.app_context import connected, open_registry
from registry.cli.exit_codes import FAILED, CommandFailed
from registry.cli.output import cli_text, print_message
from registry.cli.scheduler import Schedule, jobs
from registry.cli.web_server import WebServer
from registry.core.installation import keep_secret_key, warn_of_other_key
from registry.core.schema import require_current_schema, upgrade_schema
from registry.http.forwarded_headers import warn_at_start
from registry.http.health_listener import listen_for_health
from registry.http.request_log import log_to_stderr
from registry.settings import Settings, read_settings

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
    from registry.app import create_app

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
    """The address that people open: ``REGISTRY_PUBLIC_URL``, without it the one on this machine.

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
    from registry.core.bounded_connection import close_waiting_connections

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
    if settings.embedded:
        upgrade_schema()
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
