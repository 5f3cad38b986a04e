"""Long-running commands of the service as processes that can be killed."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from tests import forked
from tests.fixtures.cli import CommandLine
from tests.forked import Forked
from tests.running import free_port, until


class Served:
    """``registry serve`` or ``scheduler`` as a process. Its output goes to a file, because a full pipe blocks."""

    def __init__(self, registry: CommandLine, command: str = "serve", port: int = 0, **settings: str) -> None:
        """Start the process and wait until it is ready."""
        self.port = port or free_port()
        self.log = Path(registry.data_dir) / f"{command}-{self.port}.log"
        # All clients of the fault tests are one principal.
        environment = registry.environment(REGISTRY_PORT=str(self.port), REGISTRY_RATE_LIMIT="off", **settings)
        self._process = Forked(forked.command, [command], environment=environment, output=self.log)
        until(lambda: "Ctrl-C" in self.log.read_text() or self._process.poll() is not None)
        assert self.runs(), self.log.read_text()

    def __enter__(self) -> Served:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def runs(self) -> bool:
        """True while the process is running."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()
        self._process.wait()
