"""granian as ``config/granian.env`` ships it, as a process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.settings import CHECKOUT
from tests.fixtures.cli import CommandLine
from tests.running import until

ENVIRONMENT_FILE = CHECKOUT / "config" / "granian.env"


def shipped_settings() -> dict[str, str]:
    """What the file sets."""
    lines = ENVIRONMENT_FILE.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@contextmanager
def granian(registry: CommandLine, port: int, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """The server once all its workers serve; killed at the end."""
    shipped = shipped_settings()
    environment = registry.environment(**shipped | {"GRANIAN_PORT": str(port)} | settings)
    log = Path(registry.data_dir) / f"granian-{port}.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [Path(sys.executable).with_name("granian"), "wsgi:application"],
            env=environment,
            cwd=CHECKOUT,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        # A worker that is stopped while it starts is only ended at the end of GRANIAN_WORKERS_KILL_TIMEOUT.
        workers = int(environment["GRANIAN_WORKERS"])
        until(lambda: log.read_text().count("Started worker-") == workers or server.poll() is not None)
        assert server.poll() is None, log.read_text()
        yield server
    finally:
        server.terminate()
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
