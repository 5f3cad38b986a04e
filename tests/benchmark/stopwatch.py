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
    """Seconds on the wall, and seconds of processor in this process, its children and its database backend."""
    backend = None if is_sqlite() else db.session.scalar(text("SELECT pg_backend_pid()"))
    own, of_server, began = time.process_time(), processor_seconds(backend), time.perf_counter()
    work()
    return {
        "seconds": time.perf_counter() - began,
        "cpu_python": time.process_time() - own,
        "cpu_database": processor_seconds(backend) - of_server,
    }


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


def tree_seconds(*pids: int) -> float:
    """What processes and all that descend from them have used so far."""
    used = 0.0
    for pid in pids:
        used += processor_seconds(pid)
        used += tree_seconds(*(int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    return used


def peak_memory(pid: int | str = "self") -> int:
    """The most memory that a process has held so far, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) >> 10


def memory_now(pid: int | str = "self") -> int:
    """What a process holds now, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) >> 10
