"""Child processes: how many run at once, how long, with how much memory, and what they are given."""

from __future__ import annotations

import fcntl
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage

from registry.accounts.roles import Role
from registry.core import child_processes
from registry.core.child_processes import (
    AT_ONCE,
    CPU_SECONDS,
    MAX_WAIT_SECONDS,
    MAX_WAITING,
    MEMORY_LIMIT,
    OUTPUT_LIMIT,
    SLOTS,
    WALL_SECONDS,
    ChildFailed,
    ServiceBusy,
    run_child,
)
from registry.core.errors import Invalid
from registry.core.files import CONFIG
from registry.core.spreadsheets.reader import open_table
from tests.api.callers import caller
from tests.fixtures.web import SignedIn
from tests.running import until

pytestmark = pytest.mark.sqlite_only
HOLD = """
import fcntl, os, sys
for path in sys.argv[1:]:
    fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""
# Of a process that works for the service: measured up to 350 MB, with a table of 64 MiB.
WORKER_MEMORY = 512 << 20


def granian(name: str) -> int:
    return int(re.findall(rf"^GRANIAN_{name}=(\d+)", (CONFIG / "granian.env").read_text(), re.MULTILINE)[0])


def run_code(code: str) -> bytes:
    """Run a line in a child: ``python -m timeit`` does it once."""
    return run_child("timeit", b"", "-n", "1", "-r", "1", code)


@contextmanager
def slots_of_another_process(count: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", HOLD, *map(str, SLOTS[:count])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_third_child_waits_for_those_of_other_processes() -> None:
    with slots_of_another_process(AT_ONCE) as process, ThreadPoolExecutor() as threads:
        waiting = threads.submit(open_table, b"a;b\n1;2\n")
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.5)
        process.kill()
        assert list(waiting.result(timeout=20).records()) == [(1, ["a", "b"]), (2, ["1", "2"])]


@pytest.mark.parametrize("content", [b"%PDF-1.7", b"PK\x03\x04 and no more", b"<html>", b"\x00\x01\x02", b" \n", b""])
def test_unreadable_file_waits_for_nobody(content: bytes) -> None:
    with slots_of_another_process(AT_ONCE), pytest.raises(Invalid) as refused:
        open_table(content)
    assert next(problem.code for problem in refused.value.problems) in (
        "file-not-a-table",
        "xlsx-unreadable",
        "file-empty",
    )


def test_who_waits_too_long_gets_503_and_may_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_processes, "MAX_WAIT_SECONDS", 0.2)
    with slots_of_another_process(AT_ONCE), pytest.raises(ServiceBusy) as refused:
        open_table(b"a;b\n")
    assert (refused.value.code, refused.value.status, refused.value.retry_after) == ("service-busy", 503, 5)


def test_threads_are_left_for_others_while_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_processes, "MAX_WAIT_SECONDS", 2)
    count = AT_ONCE + MAX_WAITING
    with slots_of_another_process(AT_ONCE), ThreadPoolExecutor(count + 1) as threads:
        sent = [threads.submit(open_table, b"a;b\n") for _ in range(count + 1)]
        errors = [each.exception(timeout=20) for each in sent]
    assert all(isinstance(error, ServiceBusy) for error in errors)
    threads_of_worker = int(
        re.findall(r"^GRANIAN_BLOCKING_THREADS=(\d+)", (CONFIG / "granian.env").read_text(), re.M)[0]
    )
    assert count < threads_of_worker
    assert open_table(b"a;b\n").name == ""


def test_child_that_does_not_end_is_ended_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_processes, "WALL_SECONDS", 1)
    with pytest.raises(ChildFailed):
        run_code("import time; time.sleep(60)")
    with SLOTS[0].open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_child_whose_parent_was_killed_keeps_its_slot_and_ends_by_itself() -> None:
    child = "from registry.core import child_processes as c; c.WALL_SECONDS = 3; c.limit_itself(); c.sleep(60)"
    arguments = ("timeit", b"", "-n", "1", "-r", "1", child)
    parent = f"from registry.core.child_processes import run_child; run_child(*{arguments!r})"
    with subprocess.Popen([sys.executable, "-c", parent]) as process:
        until(is_held)
        process.kill()
    assert is_held()
    until(lambda: not is_held())


def is_held() -> bool:
    with SLOTS[0].open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_child_over_its_memory_is_an_error_and_no_rest_of_a_result() -> None:
    limited = "from registry.core.child_processes import limit_itself; limit_itself(); print('x'); bytes(2 << 30)"
    with pytest.raises(ChildFailed):
        run_code(limited)


def test_child_that_writes_without_end_is_an_error_and_fills_no_disk() -> None:
    written = "import sys; [sys.stdout.buffer.write(bytes(1 << 20)) for _ in range(129)]"
    with pytest.raises(ChildFailed):
        run_code(f"from registry.core.child_processes import limit_itself; limit_itself(); {written}")


def test_child_gets_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_SECRET_KEY", "sesame-4711")
    assert b"sesame-4711" not in run_code("import os; print(dict(os.environ))")


def test_answer_comes_before_the_proxy_gives_up() -> None:
    timeouts = re.findall(r"proxy_read_timeout (\d+)s;", (CONFIG / "nginx.conf").read_text())
    assert CPU_SECONDS < WALL_SECONDS
    assert min(map(int, timeouts)) > MAX_WAIT_SECONDS + WALL_SECONDS


def memory_limits() -> dict[str, int]:
    """The limits of the shipped containers that read files and make documents."""
    limits: dict[str, Any] = {}
    for name in ("web", "scheduler"):
        deployment = next(yaml.safe_load_all((CONFIG / f"kubernetes/{name}.yaml").read_text()))
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        limits[f"kubernetes {name}"] = container["resources"]["limits"]["memory"]
        limits[f"compose {name}"] = yaml.safe_load((CONFIG / "compose.yaml").read_text())["services"][name]["mem_limit"]
    return {name: int(re.findall(r"^(\d+)(?:Gi|g)$", limit)[0]) << 30 for name, limit in limits.items()}


def test_children_fit_into_the_memory_of_the_container() -> None:
    workers = granian("WORKERS")
    for name, limit in memory_limits().items():
        processes = workers if name.endswith("web") else 1
        assert AT_ONCE * (MEMORY_LIMIT + OUTPUT_LIMIT) + processes * WORKER_MEMORY <= limit, name


def test_pages_and_api_answer_503_while_too_many_files_are_read(
    signed_in: SignedIn, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_processes, "MAX_WAIT_SECONDS", 0)
    visit = signed_in(Role.ADMINISTRATOR)
    editor = caller(client, Role.ADMINISTRATOR)
    with slots_of_another_process(AT_ONCE):
        page = visit.send("/imports", kind="projects", dry_run="yes", file=(io.BytesIO(b"a;b\n1;2\n"), "x.csv"))
        answer = editor.form("/imports", {"kind": "projects", "file": FileStorage(io.BytesIO(b"a;b\n1;2\n"), "x.csv")})
    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.get_json()["type"].endswith("service-busy")


def test_a_slot_that_cannot_be_opened_is_given_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with monkeypatch.context() as context:
        context.setattr(child_processes, "SLOTS", (tmp_path / "missing",))
        for _ in range(AT_ONCE + MAX_WAITING):
            with pytest.raises(FileNotFoundError):
                run_code("pass")

    assert run_code("pass")
