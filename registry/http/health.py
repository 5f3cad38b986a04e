"""``/healthz`` and ``/readyz``: is the process there, and is the registry doing its work."""

import socket
import sqlite3
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from flask import Blueprint, Flask, Response, json
from sqlalchemy.exc import SQLAlchemyError

from registry.audits.schedule import unconfirmed_since
from registry.core.clock import now, rfc3339, today
from registry.core.database_checks import is_corruption_error, is_damaged, is_disk_full
from registry.core.installation import OTHER_KEY, has_other_key, installed_at
from registry.core.schema import schema_is_current
from registry.flags.models import audit_in_future, last_good_audit, unexplained_audit
from registry.http.error_handlers import error_of
from registry.http.requests import LOG
from registry.journal.rows import RUNBOOK as ROWS_RUNBOOK
from registry.journal.verification import RUNBOOK, last_verification
from registry.settings import Settings

DAMAGED: Final = "database-damaged: registry restore FILE"
MAX_AUDIT_AGE: Final = timedelta(hours=26)


AUDIT_RUNBOOK: Final = "docs/runbooks/audit-unexplained.md"


def init_health(app: Flask, settings: Settings) -> None:
    """Register the two routes."""
    health = Blueprint("health", __name__)

    @health.get("/healthz")
    def healthz() -> Response:
        return _status_text(200, {"status": "ok"})

    @health.get("/readyz")
    def readyz() -> Response:
        try:
            reasons = why_not_ready(audits_are_on=settings.audit_at is not None)
        except (SQLAlchemyError, sqlite3.Error) as error:
            LOG.error("not ready: the database cannot be used", exc_info=error)
            reasons = [DAMAGED if is_corruption_error(getattr(error, "orig", error)) else error_of(error).code]
        if reasons:
            return _status_text(503, {"status": "not ready", "reasons": reasons})
        return _status_text(200, {"status": "ready", "reasons": []})

    app.register_blueprint(health)


def why_not_ready(*, audits_are_on: bool) -> list[str]:
    """Return what keeps the registry from doing its work: codes, none when all is well."""
    if not schema_is_current():
        return ["schema-not-current"]
    if is_damaged():
        return [DAMAGED]
    if is_disk_full():
        return ["disk-full"]
    ahead = audit_in_future(today())
    if ahead is not None:
        return [f"audit-in-the-future {ahead.on.isoformat()}: registry audits void {ahead.id}"]
    last = last_good_audit()
    reasons = [OTHER_KEY] if has_other_key() else []
    if last_verification().fault is not None:
        reasons.append(f"journal-broken: {RUNBOOK}")
    if last_verification().rows_fault is not None:
        reasons.append(f"rows-differ: {ROWS_RUNBOOK}")
    unexplained = unexplained_audit()
    if unexplained is not None:
        reasons.append(f"audit-unexplained: registry audits show {unexplained.id}, see {AUDIT_RUNBOOK}")
    # A new installation has no audit yet. Whoever starts audits, the scheduler or cron, one a day is due from then on.
    due_since = last.finished_at if last is not None else installed_at()
    if due_since is not None and now() - due_since > MAX_AUDIT_AGE:
        reasons.append(f"no-good-audit-since {rfc3339(due_since)}")
    since = unconfirmed_since(now()) if audits_are_on else None
    if since is not None:
        reasons.append(f"clock-not-confirmed since {rfc3339(since)}: registry audits run")
    return reasons


def _status_text(status: int, body: dict[str, object]) -> Response:
    return Response(json.dumps(body), status=status, content_type="application/json")


# ``/healthz`` on a port of its own (``REGISTRY_HEALTH_PORT``), answered by a thread that does nothing else.
#
# The workers of the web server may all wait for a lock of the database. The process is alive all the same, and to
# restart it would not end the wait.

REQUEST_TIMEOUT_S: Final = 5
ALIVE: Final = b'{"status": "ok"}'


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_TIMEOUT_S

    def do_GET(self) -> None:
        is_health_check = self.path == "/healthz"
        self.send_response(200 if is_health_check else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ALIVE) if is_health_check else 0))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if is_health_check and self.command == "GET":
            self.wfile.write(ALIVE)

    def do_HEAD(self) -> None:
        self.do_GET()

    def version_string(self) -> str:
        return "registry"

    def log_message(self, format: str, *args: object) -> None:
        """Probes leave no line in the log."""


class _Server(ThreadingHTTPServer):
    # Each worker process of the web server listens for itself.
    allow_reuse_port = True
    daemon_threads = True


def listen_for_health(settings: Settings) -> _Server | None:
    """Answer ``/healthz`` until the process ends; None when no port is set. Raises OSError when it cannot be had."""
    if settings.health_port is None:
        return None
    _Server.address_family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    server = _Server((settings.host, settings.health_port), _Handler)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
