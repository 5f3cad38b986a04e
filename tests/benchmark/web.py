"""A WSGI server of several processes, and requests sent to it by wrk."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

from registry.settings import CHECKOUT
from tests.benchmark.child import environment
from tests.benchmark.figures import Figure
from tests.benchmark.stopwatch import own_seconds, peak_memory

WORKERS: Final = 2
CONNECTIONS: Final = 16
STARTED_WITHIN: Final = 120
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
        wait_for(port, "/healthz")
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


def drive(
    port: int, lines: Sequence[str], token: str = "", seconds: int = 5, connections: int = CONNECTIONS
) -> dict[str, Any]:
    """Send the lines round and round: a path is a GET, anything else the body of a registration.

    Requests a second, milliseconds by percentile, and how many failed.
    """
    measured = _wrk(port, lines, f"Bearer {token}", seconds, connections)
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


def measure_start(url: str, folder: Path, rounds: int) -> Iterator[Figure]:
    """From the command to the first answer, and the memory of the worker that gave it."""
    seconds, memory, before = [], [], own_seconds()
    for _ in range(rounds):
        port, began = free_port(), time.perf_counter()
        process = subprocess.Popen(
            [Path(sys.executable).with_name("registry"), "serve"],
            cwd=CHECKOUT,
            env=environment(url, folder) | {"REGISTRY_PORT": str(port)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(port, "/healthz")
        seconds.append(time.perf_counter() - began)
        memory.append(max(map(peak_memory, (process.pid, *children_of(process.pid)))))
        process.terminate()
        process.wait(60)
    kept = median(seconds) < 1.5 and max(memory) < 130
    promise, more = "< 1.5 s, < 130 MB", {"MB": max(memory), "processor s": (own_seconds() - before) / rounds}
    yield Figure("start", "start of the web process", median(seconds), "s wall", None, promise, kept, more)


def children_of(pid: int) -> list[int]:
    """The children of a process, whichever of its threads has started them: a server's workers."""
    return [
        int(child)
        for thread in Path(f"/proc/{pid}/task").iterdir()
        for child in (thread / "children").read_text().split()
    ]
