"""The benchmark's PostgreSQL: the tests' own way to start one, with the settings of a small production server."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy import make_url

from tests.postgres_server import PostgresServer

MEMORY_MIB: Final = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
SETTINGS: Final = {
    # What is committed is on the disk: fsync and synchronous_commit stay on.
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": f"{min(MEMORY_MIB // 4, 4096)}MB",
    "effective_cache_size": f"{MEMORY_MIB // 2}MB",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "wal_compression": "on",
    "jit": "off",
}


class Databases:
    """Databases on the benchmark's server."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    @property
    def pid(self) -> int:
        """Of the server's first process."""
        return self._server.pid

    def make(self, name: str) -> str:
        """An empty database's address, for SQLAlchemy."""
        with psycopg.connect(self._server.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = make_url(self.plain(name)).set(drivername="postgresql+psycopg")
        return url.render_as_string(hide_password=False)

    def plain(self, name: str) -> str:
        """The address for libpq and its programs."""
        return self._server.address(name)


@contextmanager
def postgres() -> Iterator[Databases]:
    """A server in a temporary folder, gone with the block."""
    # A socket's path has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="qtb-"))
    try:
        server = PostgresServer(folder, SETTINGS)
        try:
            yield Databases(server)
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
