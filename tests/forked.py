"""A process of the service, forked from one that has loaded it already: used like subprocess.Popen, there in no time.

What the loading itself promises (streams, locales, exit codes) is tried with processes that are started whole.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import IO

from tests.preload import fork_server


class Forked:
    """A process that runs ``target(*arguments)``: with pipes, or with its output in a file."""

    def __init__(
        self,
        target: Callable[..., object],
        *arguments: object,
        environment: Mapping[str, str] | None = None,
        output: Path | None = None,
    ) -> None:
        """Start it, with this environment or ours."""
        self.stdin: IO[str] | None = None
        self.stdout: IO[str] | None = None
        self.stderr: IO[str] | None = None
        if output is None:
            (to_read, written), (out, to_out), (err, to_err) = os.pipe(), os.pipe(), os.pipe()
            self.stdin, self.stdout, self.stderr = map(os.fdopen, (written, out, err), "wrr")
        else:
            to_read = os.open(os.devnull, os.O_RDONLY)
            to_out, to_err = (os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) for _ in range(2))
        # Connections, because those are handed over; they close their ends here when they are forgotten.
        streams = [Connection(to_read, writable=False), *(Connection(end, readable=False) for end in (to_out, to_err))]
        given = None if environment is None else dict(environment)
        self._process = fork_server().Process(target=_become, args=(target, arguments, given, streams), daemon=True)
        self._process.start()
        for stream in streams:
            stream.close()
        # The exit status is available once, to the first thread that asks.
        self._asking = Lock()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs, negative when a signal ended it."""
        with self._asking:
            return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """How it ended, once it did."""
        wait([self._process.sentinel], timeout)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal; nothing happens when it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Close its input and read what it says until it ends."""
        errors: list[str] = []
        if self.stdin is not None:
            self.stdin.close()
        aside = Thread(target=lambda: errors.append(_all_of(self.stderr)))
        aside.start()
        out = _all_of(self.stdout)
        aside.join()
        self.wait(timeout)
        return out, errors[0]

    def __enter__(self) -> Forked:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()


def command(arguments: Sequence[str]) -> None:
    """What ``registry`` does with these arguments."""
    from registry.cli.main import main

    sys.argv = ["registry", *arguments]
    main()


def _all_of(stream: IO[str] | None) -> str:
    return "" if stream is None or stream.closed else stream.read()


def _become(
    target: Callable[..., object],
    arguments: Sequence[object],
    environment: Mapping[str, str] | None,
    streams: Sequence[Connection],
) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream.fileno(), number)
        stream.close()
    sys.stdin, sys.stdout, sys.stderr = map(os.fdopen, range(3), "rww")
    if environment is not None:
        os.environ.clear()
        os.environ.update(environment)
    target(*arguments)
