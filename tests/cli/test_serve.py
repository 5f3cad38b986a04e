"""The command that serves: start, stop, schedulers, health port and job log."""

from __future__ import annotations

import http.client
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import time_machine
from flask import Flask
from sqlalchemy import make_url

from registry.accounts.roles import Role
from registry.cli import scheduler
from registry.cli.scheduler import Job, Schedule
from registry.core.clock import now
from registry.core.postgresql import libpq_address
from registry.imports.queries import find_import
from registry.imports.service import queue_import
from tests.factories import ADMINISTRATOR, a_bin, a_project, a_token, an_agency, project_values
from tests.faults.load import request
from tests.fixtures.cli import CommandLine
from tests.granian_server import granian
from tests.running import PATIENCE_S, awaited, free_port, get, running, until


@pytest.mark.parametrize(
    ("module", "unneeded"),
    [
        ("registry.app", {"openpyxl", "typst", "xlsxwriter"}),
        ("registry.cli.main", {"flask", "sqlalchemy"}),
    ],
)
def test_start_imports_no_library_that_few_requests_need(module: str, unneeded: set[str]) -> None:
    code = f"import sys, {module}; print(*sorted({unneeded!r} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_serve_responds_and_stops_cleanly(registry: CommandLine) -> None:
    port = free_port()
    with awaited(registry.start("serve", REGISTRY_PORT=str(port))) as process:
        assert get(port, "/healthz") == {"status": "ok"}
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, out) == (0, "")
        assert "Stopped." in err and "Traceback" not in err


def output_at_start(registry: CommandLine, **settings: str) -> str:
    """What serve prints until it serves."""
    process = registry.fork("serve", **settings)
    assert process.stderr is not None
    try:
        output = ""
        while "Ctrl-C" not in output:
            line = process.stderr.readline()
            assert line, output
            output += line
        return output
    finally:
        process.kill()
        process.communicate()


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("public_url", "address"),
    [("", "http://127.0.0.1:{port}"), ("http://localhost:8000", "http://localhost:8000")],
)
def test_serve_prints_the_address_that_people_open(registry: CommandLine, public_url: str, address: str) -> None:
    port = free_port()
    output = output_at_start(registry, REGISTRY_PORT=str(port), REGISTRY_PUBLIC_URL=public_url)
    assert f"The registry serves at {address.format(port=port)}. " in output


@pytest.mark.sqlite_only
def test_serve_warns_of_a_misspelt_emergency_account(registry: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "sign_in.toml"
    file.write_text('[password]\nenabled = false\nbreak_glass = ["nobody"]\n', encoding="utf-8")
    settings = {
        "REGISTRY_PORT": str(free_port()),
        "REGISTRY_SIGN_IN_FILE": str(file),
        "REGISTRY_OIDC_ISSUER": "http://127.0.0.1:9",
        "REGISTRY_OIDC_CLIENT_ID": "registry",
        "REGISTRY_OIDC_CLIENT_SECRET": "secret",
        "REGISTRY_PUBLIC_URL": "http://localhost:8000",
    }
    assert "password.break_glass of the sign-in file names 'nobody'" in output_at_start(registry, **settings)


def test_running_request_finishes_before_shutdown(registry: CommandLine) -> None:
    port = free_port()
    with running(registry, "serve", REGISTRY_PORT=str(port)) as process:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
            until(lambda: get(port, "/healthz"))
            process.send_signal(signal.SIGTERM)
            client.sendall(b"Connection: close\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(4096), b""))
        assert b"200 OK" in answer and b'"ok"' in answer
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0


def test_used_port_is_reported_with_variables_to_change(registry: CommandLine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = registry.aside("serve", REGISTRY_PORT=str(taken.getsockname()[1]))
    assert (ran.code, ran.raw) == (1, b"")
    assert "REGISTRY_PORT" in ran.err and "Traceback" not in ran.err


@pytest.mark.parametrize("command", ["serve", "scheduler"])
def test_queued_import_is_processed_in_background(
    registry: CommandLine, services: Callable[[], Any], command: str
) -> None:
    content = f"bin,name_ru,kind\n{a_bin()},Акимат,local_executive\n".encode()
    with services():
        run_id = queue_import(ADMINISTRATOR, "agencies", False, "agencies.csv", content).id

    def done() -> bool:
        with services():
            return find_import(ADMINISTRATOR, run_id).state == "done"

    with running(registry, command, REGISTRY_PORT=str(free_port())):
        until(done)
    with services():
        assert find_import(ADMINISTRATOR, run_id).created == 1


def test_two_schedulers_run_nightly_audit_once(registry: CommandLine, services: Callable[[], Any]) -> None:
    yesterday_installed(services)
    with services():
        a_project()
    night = {"REGISTRY_AUDIT_AT": "00:00"}
    with running(registry, "scheduler", **night), running(registry, "serve", REGISTRY_PORT=str(free_port()), **night):
        until(lambda: registry("audits", "list", "--json").json["items"])
    nights = [row for row in registry("audits", "list", "--json").json["items"] if row["status"] == "succeeded"]
    assert [row["projects_judged"] for row in nights] == [1]


def yesterday_installed(services: Callable[[], Any]) -> None:
    from sqlalchemy import update

    from registry.core.database import transaction
    from registry.core.installation import Installation

    with services(), transaction() as session:
        session.execute(update(Installation).values(installed_at=now() - timedelta(days=2)))


def test_failing_job_is_logged_and_does_not_stop_others(own_app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    runs, enough = {"failing": 0, "working": 0}, threading.Event()

    def fail() -> None:
        runs["failing"] += 1
        raise ValueError("out of paper")

    def work() -> None:
        runs["working"] += 1
        if runs["working"] >= 2 and runs["failing"] >= 2:
            enough.set()

    often = timedelta(milliseconds=50)
    schedule = Schedule(own_app, (Job("failing", often, fail), Job("working", often, work)))
    schedule.start()
    assert enough.wait(PATIENCE_S)
    schedule.stop()
    assert "out of paper" in caplog.text


def test_shutdown_waits_for_running_jobs(own_app: Flask) -> None:
    begun, go_on, finished = threading.Event(), threading.Event(), threading.Event()

    def long() -> None:
        begun.set()
        go_on.wait(PATIENCE_S)
        finished.set()

    schedule = Schedule(own_app, (Job("long", timedelta(hours=1), long),))
    schedule.start()
    assert begun.wait(PATIENCE_S)
    stopper = threading.Thread(target=schedule.stop)
    stopper.start()
    assert not finished.is_set()
    go_on.set()
    stopper.join(PATIENCE_S)
    assert finished.is_set() and not stopper.is_alive()


def test_jobs_continue_after_clock_was_temporarily_400_days_ahead(own_app: Flask) -> None:
    runs = threading.Semaphore(0)
    schedule = Schedule(own_app, (Job("ticking", timedelta(milliseconds=20), runs.release),))
    schedule.start()
    assert runs.acquire(timeout=PATIENCE_S)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=400), tick=True):
        for _run in range(3):
            assert runs.acquire(timeout=PATIENCE_S)
    while runs.acquire(blocking=False):
        pass
    for _run in range(3):
        assert runs.acquire(timeout=PATIENCE_S)
    schedule.stop()


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


@pytest.mark.on_either
def test_job_that_fails_alike_logs_its_traceback_once_and_then_a_line_a_minute(
    app: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
    errors: list[Exception | None] = [ConnectionError("away")]

    def work() -> None:
        if errors[0] is not None:
            raise errors[0]

    run = scheduler._guarded(app, Job("imports", timedelta(seconds=1), work))

    def lines(runs: int) -> list[tuple[str, bool]]:
        caplog.clear()
        for _ in range(runs):
            run()
            seconds[0] += 1
        records = [record for record in caplog.records if record.name == scheduler.__name__]
        return [(record.getMessage(), record.exc_info is not None) for record in records]

    assert lines(121) == [
        ("the job imports failed", True),
        ("the job imports still fails: ConnectionError", False),
        ("the job imports still fails: ConnectionError", False),
    ]
    errors[0] = ValueError("another")
    assert lines(5) == [("the job imports failed", True)]
    errors[0] = None
    assert lines(5) == []
    errors[0] = ValueError("another")
    assert lines(5) == [("the job imports failed", True)]
