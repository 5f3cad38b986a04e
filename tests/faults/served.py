"""The service's long-running commands as processes that can be killed."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from tests import forked
from tests.fixtures.cli import CommandLine
from tests.forked import Forked
from tests.running import free_port, until


class Served:
    """``registry serve`` (or ``scheduler``) as a process. What it says goes to a file: a full pipe would stop it."""

    def __init__(self, registry: CommandLine, command: str = "serve", port: int = 0, **settings: str) -> None:
        """Start it and wait until it says that it is there."""
        self.port = port or free_port()
        self.log = Path(registry.data_dir) / f"{command}-{self.port}.log"
        # The clients of the faults are one principal, and many.
        environment = registry.environment(REGISTRY_PORT=str(self.port), REGISTRY_RATE_LIMIT="off", **settings)
        self._process = Forked(forked.command, [command], environment=environment, output=self.log)
        until(lambda: "Ctrl-C" in self.log.read_text() or self._process.poll() is not None)
        assert self.runs(), self.log.read_text()

    def __enter__(self) -> Served:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def runs(self) -> bool:
        """Is the process there?"""
        return self._process.poll() is None

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()
