"""Load generator: clients write continuously during a fault and record the acknowledged writes."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from flask import Flask
from sqlalchemy import select

from registry.core.database import db
from registry.projects.models import Project
from tests.factories import project_values
from tests.running import PATIENCE_S, until

API = "/api/v1"


def ask(method: str, port: int, path: str, token: str, body: Any = None, **headers: str) -> tuple[int, Any, str]:
    """Return status, body and ETag of an API response; status 0 without a complete response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    usual = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        sent = None if body is None else json.dumps(body)
        connection.request(method, API + path, sent, usual | headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers.get("ETag", "")
    except (OSError, http.client.HTTPException, ValueError):
        return 0, None, ""
    finally:
        connection.close()


class Load:
    """Clients that register projects at all ports and read acknowledged ones back, for the duration of the block.

    ``acknowledged``: external id → number of every 201. ``answers`` counts responses by status. ``wrong`` has every
    response that neither succeeds nor is a clear error.
    """

    def __init__(self, ports: Sequence[int], token: str, agency: str, clients: int = 4) -> None:
        self.acknowledged: dict[str, str] = {}
        self.answers: Counter[int] = Counter()
        self.wrong: list[str] = []
        self._ports, self._token, self._agency = ports, token, agency
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def more(self, count: int) -> None:
        """Wait until that many more writes are acknowledged."""
        enough = len(self.acknowledged) + count
        until(lambda: len(self.acknowledged) >= enough)

    def refused(self, count: int) -> None:
        """Wait until that many more writes are rejected."""
        enough = self.answers[503] + self.answers[0] + count
        until(lambda: self.answers[503] + self.answers[0] >= enough)

    def _write(self, client: int) -> None:
        for serial in itertools.count():
            if self._stop.is_set():
                return
            name = f"load-{client}-{serial}"
            port, other = (self._ports[(client + serial + step) % len(self._ports)] for step in (0, 1))
            values = {"agency": self._agency, **project_values(external_id=name)}
            status, body, _ = ask("POST", port, "/projects", self._token, values)
            with self._lock:
                self.answers[status] += 1
            if status == 201:
                self.acknowledged[name] = body["number"]
                self._read(other, name, body["number"])
            elif status in (0, 503):
                self._stop.wait(0.05)
            else:
                self.wrong.append(f"POST {status} {body}")

    def _read(self, port: int, name: str, number: str) -> None:
        status, body, _ = ask("GET", port, f"/projects/{number}", self._token)
        if status not in (0, 503) and (status, (body or {}).get("external_id")) != (200, name):
            self.wrong.append(f"GET {number} {status} {body}")


def let_go(app: Flask) -> None:
    """Release the app's connections."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def stored(app: Flask) -> set[str]:
    """Return the external ids of all projects in the database."""
    with app.app_context():
        try:
            return set(db.session.scalars(select(Project.external_id)))
        finally:
            db.session.remove()
