"""``/healthz`` on a port of its own (``REGISTRY_HEALTH_PORT``), answered by a thread that does nothing else.

The workers of the web server may all wait for a lock of the database. The process is alive all the same, and to restart
it would not end the wait.
"""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from registry.settings import Settings

REQUEST_TIMEOUT_S: Final = 5
ALIVE: Final = json.dumps({"status": "ok"}).encode()


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
