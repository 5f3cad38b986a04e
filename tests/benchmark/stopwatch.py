"""Time, processor time and memory of a piece of work in this process and in its database server's one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import text

from registry.core.database import db
from registry.core.dialects import is_sqlite

TICKS = os.sysconf("SC_CLK_TCK")


def timed(work: Callable[[], Any]) -> dict[str, float]:
    """Seconds on the wall, and seconds of processor in this process with its children, and in its database backend."""
    backend = None if is_sqlite() else db.session.scalar(text("SELECT pg_backend_pid()"))
    own, of_server, began = own_seconds(), processor_seconds(backend), time.perf_counter()
    work()
    return {
        "seconds": time.perf_counter() - began,
        "cpu_python": own_seconds() - own,
        "cpu_database": processor_seconds(backend) - of_server,
    }


def own_seconds() -> float:
    """What this process and its children that have ended have used so far."""
    return sum(os.times()[:4])


def processor_seconds(pid: int | None) -> float:
    """What a process has used so far; 0 for None."""
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def exact_seconds(pid: int) -> float:
    """What the first thread of a process has used so far, to the nanosecond; 0 when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def peak_memory(pid: int | str = "self") -> int:
    """The most memory that a process has held so far, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) >> 10


def memory_now(pid: int | str = "self") -> int:
    """What a process holds now, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) >> 10
