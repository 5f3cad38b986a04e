"""A receiver of webhooks: a real HTTP server in a thread, which verifies signatures with the library."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook as Verifier

Answer = Callable[["Received"], int]


@dataclass(frozen=True)
class Received:
    """A request: its path, its headers with names in lower case, its body."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.body)
        return message

    def verify(self, secret: str) -> None:
        """Raise WebhookVerificationError unless the secret signed it."""
        Verifier(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """What arrived, and what was accepted of it, unless it ``keeps`` nothing. ``answer``: the status of a response."""

    port: int = 0
    arrived: list[Received] = field(default_factory=list)
    accepted: list[Received] = field(default_factory=list)
    answer: Answer = lambda _request: 204
    extra_headers: dict[str, str] = field(default_factory=dict)
    keeps: bool = True
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def take(self, request: Received) -> int:
        with self.lock:
            status = self.answer(request)
            if self.keeps:
                self.arrived.append(request)
                if 200 <= status < 300:
                    self.accepted.append(request)
        return status

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [each.json for each in self.accepted]


def failing_at_random(share: float, seed: int = 7) -> Answer:
    """A receiver that fails for this share of the requests: half of the failures come after it took the message."""
    chance = random.Random(seed)
    return lambda _request: chance.choice((500, 503, 429, 302)) if chance.random() < share else 204


@contextmanager
def receiving(receiver: Receiver | None = None) -> Iterator[Receiver]:
    """Serve on a free port of 127.0.0.1."""
    kept = receiver or Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:
                # The sender was killed while it sent.
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = kept.take(Received(self.path, headers, body))
            self.send_response(status)
            for name, value in kept.extra_headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

    with Server(("127.0.0.1", kept.port), Handler) as server:
        kept.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()
