"""Child processes for files of callers and for documents: limited in memory, output, time and number, without secrets.

A child reads its input from stdin, calls ``limit_itself`` before it imports a parser, and writes its result to stdout.
"""

import fcntl
import logging
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from threading import BoundedSemaphore
from time import monotonic, sleep
from typing import IO, Final

from registry.core.errors import Unavailable
from registry.core.files import PACKAGE

# Two children and the processes that start them fit into the memory of a container (config/kubernetes/, compose.yaml).
AT_ONCE: Final = 2
MEMORY_LIMIT: Final = 5 << 28
# Twice the largest table: the output is a file, in memory where /tmp is.
OUTPUT_LIMIT: Final = 128 << 20
CPU_SECONDS: Final = 40
WALL_SECONDS: Final = 50
# With the longest run less than config/nginx.conf waits for an answer.
MAX_WAIT_SECONDS: Final = 35
# Of one process: some of its threads (GRANIAN_BLOCKING_THREADS) are always left for other requests.
MAX_WAITING: Final = 5
POLL_SECONDS: Final = 0.05
# Locked by whoever runs a child: files that each installation has, and that all its processes see. A lock ends with
# the processes that hold it: the one that runs the child, and the child.
SLOTS: Final = tuple(Path(__file__).with_name(name) for name in ("child_processes.py", "__init__.py"))
logger = logging.getLogger(__name__)
_callers = BoundedSemaphore(AT_ONCE + MAX_WAITING)


class ServiceBusy(Unavailable):
    """Too many files are read and documents made at the same time."""


class ChildFailed(Exception):
    """The child ended with an error, or by one of its limits."""


def run_child(module: str, content: bytes, *arguments: str) -> bytes:
    """Return the ``child_output`` of a child that writes little."""
    with child_output(module, content, *arguments) as output:
        return output.read()


@contextmanager
def child_output(module: str, content: bytes, *arguments: str) -> Iterator[IO[bytes]]:
    """Run ``python -m module`` with ``content`` on stdin; give what it has written to stdout.

    In a file: the pieces of a pipe are joined, in twice the memory.

    At most ``AT_ONCE`` run in an installation, the others wait. Raises ServiceBusy and ChildFailed.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    with TemporaryFile() as output:
        with _slot() as slot:
            try:
                subprocess.run(  # noqa: S603 - our own modules
                    [sys.executable, "-m", module, *arguments],
                    cwd=PACKAGE.parent,
                    env=environment,
                    input=content,
                    stdout=output,
                    stderr=subprocess.DEVNULL,
                    # A child that outlives this process, killed, keeps its slot.
                    pass_fds=[slot],
                    timeout=WALL_SECONDS,
                    check=True,
                )
            except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
                logger.warning("a child process was ended: %s", error)
                raise ChildFailed(module) from error
        output.seek(0)
        yield output


def limit_itself() -> None:
    """Limit the memory, the files and the time of this process, also when nobody waits for it any more; forbid core
    dumps.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_LIMIT, OUTPUT_LIMIT))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(WALL_SECONDS)


@contextmanager
def _slot() -> Iterator[int]:
    """Hold one of the slots of the installation: its file descriptor. Raises ServiceBusy."""
    if not _callers.acquire(blocking=False):
        raise ServiceBusy
    slots: list[int] = []
    try:
        for path in SLOTS:
            slots.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))  # noqa: PERF401 - what is open is closed
        until = monotonic() + MAX_WAIT_SECONDS
        while (slot := next(filter(_lock, slots), None)) is None:
            if monotonic() > until:
                raise ServiceBusy
            sleep(POLL_SECONDS)
        yield slot
    finally:
        for each in slots:
            os.close(each)
        _callers.release()


def _lock(slot: int) -> bool:
    try:
        fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
