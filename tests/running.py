"""The service as the processes that it is: started, asked over HTTP, and waited for."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tests.fixtures.cli import CommandLine
from tests.forked import Forked

PATIENCE_S = 30
Started = TypeVar("Started", Forked, subprocess.Popen[str])


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def get(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_S) as answer:
        return json.load(answer)


def until(condition: Callable[[], Any]) -> Any:
    """What the condition gives once it gives something; a process of its own cannot tell us otherwise."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        threading.Event().wait(0.05)
    raise AssertionError("it did not come about in time")


@contextmanager
def running(registry: CommandLine, *arguments: str, **settings: str) -> Iterator[Forked]:
    """A long-running command that is there; killed at the end."""
    with awaited(registry.fork(*arguments, **settings)) as process:
        yield process


@contextmanager
def awaited(process: Started) -> Iterator[Started]:
    """The process once it says that it is there; killed at the end."""
    assert process.stderr is not None
    try:
        output = ""
        # Background work may be logged before the server reports that it is ready.
        while "Ctrl-C" not in output:
            line = process.stderr.readline()
            assert line, output
            output += line
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
