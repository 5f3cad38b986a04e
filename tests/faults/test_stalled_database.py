"""``registry serve`` while the database server does not respond: requests end, and so does the process."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from tests.faults.load import request
from tests.fixtures.cli import CommandLine
from tests.running import PATIENCE_S, free_port, running
from tests.stalling_proxy import stalling_proxy

pytestmark = [pytest.mark.postgres_only, pytest.mark.at_length]


def test_stalled_database_delays_neither_requests_nor_shutdown_for_long(
    own_database: str, tmp_path: Path, token: str
) -> None:
    port = free_port()
    with stalling_proxy(own_database) as proxy:
        registry = CommandLine(proxy.url, tmp_path)
        with running(registry, "serve", REGISTRY_PORT=str(port), REGISTRY_STATEMENT_TIMEOUT="5") as process:
            # Errors of background jobs would fill the pipe of the log, and a request waits until it can write its line.
            assert process.stderr is not None
            threading.Thread(target=process.stderr.read, daemon=True).start()
            assert request("GET", port, "/projects", token)[0] == 200
            proxy.stall()
            began = time.monotonic()
            status, problem, _ = request("GET", port, "/projects", token)
            assert (status, problem["type"]) == (503, "urn:qaztech-registry:problem:database-unavailable")
            assert time.monotonic() - began < 20
            waiting = threading.Thread(target=request, args=("GET", port, "/projects", token))
            waiting.start()
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            process.communicate(timeout=PATIENCE_S)
            assert process.returncode == 0
            assert time.monotonic() - began < 30
            waiting.join()
