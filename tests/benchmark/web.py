"""A WSGI server of several processes, and requests sent to it by wrk, or by a client of our own where wrk is not."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from registry.settings import CHECKOUT

WORKERS: Final = 2
CONNECTIONS: Final = 16
STARTED_WITHIN: Final = 30
SCRIPT: Final = """
local lines, place = {}, 0
for line in io.lines(os.getenv("BENCHMARK_LINES")) do lines[#lines + 1] = line end
wrk.headers["Authorization"] = os.getenv("BENCHMARK_AUTHORIZATION")
request = function()
    place = place % #lines + 1
    local line = lines[place]
    if line:sub(1, 1) == "/" then return wrk.format("GET", line) end
    wrk.headers["Content-Type"] = "application/json"
    return wrk.format("POST", "/api/v1/projects", nil, line)
end
done = function(summary, latency)
    local bad = summary.errors
    io.write(string.format('{"requests": %d, "seconds": %f, "failed": %d, "p50": %f, "p95": %f, "p99": %f}\\n',
        summary.requests, summary.duration / 1e6, bad.connect + bad.read + bad.write + bad.status + bad.timeout,
        latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000))
end
"""


@contextmanager
def served(application: str, environ: dict[str, str], workers: int = WORKERS) -> Iterator[tuple[int, int]]:
    """The WSGI application under granian, as ``registry serve``; the port, and the pid of the first process."""
    port = free_port()
    options = ("--interface", "wsgi", "--blocking-threads", "4", "--no-ws", "--log-level", "error")
    at = ("--host", "127.0.0.1", "--port", str(port), "--workers", str(workers))
    process = subprocess.Popen(
        [sys.executable, "-m", "granian", *options, *at, application],
        cwd=CHECKOUT,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(port, "/" if "hello" in application else "/healthz")
        yield port, process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for(port: int, path: str) -> None:
    """Until the path is answered. Raises TimeoutError."""
    end = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < end:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path)
            connection.getresponse().read()
        except OSError:
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
    raise TimeoutError(f"nothing answers at port {port}")


def client_name() -> str:
    """What sends the requests."""
    return "wrk" if shutil.which("wrk") else "own client in Python (install wrk: it takes less of the machine)"


def drive(
    port: int, lines: Sequence[str], token: str = "", seconds: int = 5, connections: int = CONNECTIONS
) -> dict[str, Any]:
    """Send the lines round and round: a path is a GET, anything else the body of a registration.

    Requests a second, milliseconds by percentile, and how many failed.
    """
    authorization = f"Bearer {token}"
    if shutil.which("wrk"):
        measured = _wrk(port, lines, authorization, seconds, connections)
    else:
        measured = _own_client(port, lines, authorization, seconds, connections)
    return {**measured, "rate": measured["requests"] / measured["seconds"]}


def _wrk(port: int, lines: Sequence[str], authorization: str, seconds: int, connections: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        script, file = Path(folder) / "script.lua", Path(folder) / "lines"
        script.write_text(SCRIPT)
        file.write_text("\n".join(lines))
        completed = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script, f"http://127.0.0.1:{port}"],
            env=os.environ | {"BENCHMARK_LINES": str(file), "BENCHMARK_AUTHORIZATION": authorization},
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
    answer: dict[str, Any] = json.loads(completed.stdout.splitlines()[-1])
    return answer


def _own_client(port: int, lines: Sequence[str], authorization: str, seconds: int, connections: int) -> dict[str, Any]:
    taken: list[float] = []
    failed: list[int] = []
    end = time.monotonic() + seconds

    def send(first: int) -> None:
        place = first
        while time.monotonic() < end:
            began = time.perf_counter()
            status, _ = ask(port, lines[place % len(lines)], authorization)
            taken.append((time.perf_counter() - began) * 1000)
            if status >= 400:
                failed.append(status)
            place += connections

    threads = [threading.Thread(target=send, args=(first,)) for first in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken.sort()
    percentiles = {f"p{each}": taken[len(taken) * each // 100] for each in (50, 95, 99)}
    return {"requests": len(taken), "seconds": time.perf_counter() - began, "failed": len(failed), **percentiles}


def ask(port: int, line: str, authorization: str) -> tuple[int, bytes]:
    """Send one line on a connection of its own; status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    try:
        if line.startswith("/"):
            connection.request("GET", line, headers=headers)
        else:
            connection.request("POST", "/api/v1/projects", line.encode(), headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
