"""A PgBouncer of a test's own, with the settings of ``config/pgbouncer.ini``, on a socket in a temporary folder."""

from __future__ import annotations

import configparser
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from sqlalchemy import make_url

from registry.settings import CHECKOUT
from tests.databases import SERVICE_ROLE
from tests.postgres_server import UNPRIVILEGED

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SHIPPED = CHECKOUT / "config" / "pgbouncer.ini"
PORT = "6432"
START_SECONDS = 10


class PgBouncer:
    """A running PgBouncer before the server of a database URL; ``changed`` are settings of its own."""

    def __init__(self, folder: Path, database_url: str, **changed: str) -> None:
        self.folder = folder
        folder.chmod(0o777)
        server = make_url(database_url)
        settings = configparser.ConfigParser(comment_prefixes=(";",), interpolation=None)
        settings.read(SHIPPED, encoding="utf-8")
        settings["databases"] = {"*": f"host={server.query['host']}"}
        settings["pgbouncer"].update(
            {
                "listen_addr": "",
                "unix_socket_dir": str(folder),
                "auth_type": "trust",
                "auth_file": str(folder / "users.txt"),
                **changed,
            }
        )
        (folder / "users.txt").write_text(f'"postgres" ""\n"{SERVICE_ROLE}" ""\n')
        with (folder / "pgbouncer.ini").open("w") as file:
            settings.write(file)
        with (folder / "pgbouncer.log").open("wb") as output:
            self._process = subprocess.Popen(
                [str(PGBOUNCER), "--quiet", str(folder / "pgbouncer.ini")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=UNPRIVILEGED if os.geteuid() == 0 else None,
            )
        end = time.monotonic() + START_SECONDS
        while not (folder / f".s.PGSQL.{PORT}").exists():
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError(self.log())
            time.sleep(0.02)

    def url(self, database_url: str) -> str:
        """The same database and role, through PgBouncer."""
        through = make_url(database_url).update_query_dict({"host": str(self.folder), "port": PORT})
        return through.render_as_string(hide_password=False)

    def log(self) -> str:
        """What it said so far."""
        return (self.folder / "pgbouncer.log").read_text()

    def stop(self) -> None:
        """Stop it at once."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(10)
