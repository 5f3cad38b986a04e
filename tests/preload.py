"""Several processes that do the same at the same moment, each forked from one that has loaded the service already."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from typing import Any

LOADED = [
    "registry.app",
    "registry.cli.main",
    "registry.cli.serve",
    "registry.cli.backup",
    "alembic.command",
    "alembic.context",
    "psycopg",
    "tests.forked",
    "tests.faults.entrance",
    "tests.imports.import_worker",
]


def fork_server() -> ForkServerContext:
    """The context to make processes and their barriers with."""
    context = get_context("forkserver")
    # Loading is most of what such a process does, and no part of what is tried.
    context.set_forkserver_preload(LOADED)
    return context


def processes(count: int, **options: Any) -> ProcessPoolExecutor:
    """A pool of so many; ``options`` are ProcessPoolExecutor's."""
    return ProcessPoolExecutor(count, mp_context=fork_server(), **options)
