"""``REGISTRY_HEALTH_PORT``: ``/healthz`` responds while every worker waits for a lock, on both servers."""

from __future__ import annotations

import http.client
import sqlite3
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from registry.accounts.roles import Role
from registry.core.postgresql import libpq_address
from tests.factories import a_token, an_agency, project_values
from tests.faults.load import request
from tests.fixtures.cli import CommandLine
from tests.granian_server import granian
from tests.running import free_port, get, running, until

# More than the workers of either server: granian has two processes with eight threads each.
REQUESTS = 40


@contextmanager
def writing_locked(url: str) -> Iterator[None]:
    """Block registrations of projects for the duration of the block."""
    if url.startswith("sqlite"):
        other = sqlite3.connect(str(make_url(url).database), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.close()
        return
    with psycopg.connect(libpq_address(url)) as connection:
        connection.execute("LOCK TABLE projects")
        yield


def answers(port: int) -> bool:
    """True when ``/healthz`` of the web server responds within a second."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


# The port hangs on the server; one lock is enough for each.
@pytest.mark.parametrize(
    "server",
    [pytest.param("waitress", marks=pytest.mark.sqlite_only), pytest.param("granian", marks=pytest.mark.postgres_only)],
)
def test_health_port_responds_while_all_workers_wait_for_a_lock(
    registry: CommandLine, services: Callable[[], Any], server: str
) -> None:
    with services():
        token, agency = a_token(Role.ADMINISTRATOR), an_agency().bin
    port, health = free_port(), free_port()
    settings = {"REGISTRY_HEALTH_PORT": str(health), "REGISTRY_LOCK_TIMEOUT": "20"}
    with ExitStack() as stack:
        if server == "waitress":
            stack.enter_context(running(registry, "serve", REGISTRY_PORT=str(port), **settings))
        else:
            stack.enter_context(granian(registry, port, **settings))
        assert get(health, "/healthz") == {"status": "ok"}
        values = {"agency": agency, **project_values()}
        clients = [
            threading.Thread(target=request, args=("POST", port, "/projects", token, values)) for _ in range(REQUESTS)
        ]
        with writing_locked(registry.url):
            for client in clients:
                client.start()
            until(lambda: not any(answers(port) for _ in range(4)))
            for _ in range(8):
                with urllib.request.urlopen(f"http://127.0.0.1:{health}/healthz", timeout=2) as answer:
                    assert (answer.status, answer.read()) == (200, b'{"status": "ok"}')
        for client in clients:
            client.join()
        assert answers(port)
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{health}/readyz", timeout=2)
        refused.value.close()
