"""A registry of the test's own, and its command line: in this process for speed, or as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from registry.cli.main import main
from registry.cli.opening import registry_open
from registry.settings import CHECKOUT, read_settings
from tests import forked
from tests.forked import Forked

COMMAND = (sys.executable, "-c", "import sys; from registry.cli.main import main; sys.argv[0] = 'registry'; main()")
# How a process gets its arguments and what becomes of its streams hangs on no database.
of_processes = pytest.mark.sqlite_only


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        """What it wrote to stdout."""
        return self.raw.decode()

    @property
    def json(self) -> Any:
        """What it wrote to stdout, as JSON."""
        return json.loads(self.raw)


class CommandLine:
    """``registry``, with the settings of one database and data folder."""

    def __init__(self, url: str, data_dir: Path) -> None:
        self.url = url
        self.data_dir = data_dir
        self.settings = {
            "REGISTRY_DATABASE_URL": url,
            "REGISTRY_DATA_DIR": str(data_dir),
            "REGISTRY_SECRET_KEY": "0123456789abcdef0123456789abcdef",
            "REGISTRY_POLICY_FILE": str(CHECKOUT / "config" / "freeze_policy.toml"),
            "REGISTRY_AUDIT_AT": "off",
            "LC_ALL": "C.UTF-8",
            "LANGUAGE": "",
        }

    def __call__(self, *arguments: str | Path, **settings: str) -> Ran:
        """Run a command in this process."""
        result = CliRunner().invoke(main, [str(part) for part in arguments], env={**self.settings, **settings})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout_bytes, result.stderr)

    def process(self, *arguments: str | bytes | Path, stdin: bytes = b"", **settings: str) -> Ran:
        """Run a command as a process of its own."""
        done = subprocess.run(
            [*COMMAND, *arguments], input=stdin, env=self.environment(**settings), capture_output=True, cwd=CHECKOUT
        )
        return Ran(done.returncode, done.stdout, done.stderr.decode())

    def aside(self, *arguments: str | Path, **settings: str) -> Ran:
        """Run a command as a process of its own that need not load the service."""
        with self.fork(*arguments, **settings) as process:
            out, err = process.communicate()
            return Ran(process.returncode or 0, out.encode(), err)

    def fork(self, *arguments: str | Path, **settings: str) -> Forked:
        """Start a command that stays, or may be killed, and need not load the service; the caller waits for it."""
        return Forked(forked.command, [str(part) for part in arguments], environment=self.environment(**settings))

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        """Start a command that stays, from its first instruction on; the caller waits for it."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            env=self.environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
        )

    def environment(self, **settings: str) -> dict[str, str]:
        """The environment of a process."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("REGISTRY_", "LANG", "LC_"))}
        return {**kept, **self.settings, **settings}


@pytest.fixture
def registry(own_database: str, tmp_path: Path) -> CommandLine:
    """The command line of a migrated registry, whose records ``services`` can make."""
    return CommandLine(own_database, tmp_path)


@pytest.fixture
def new_registry(empty_database: str, tmp_path: Path) -> CommandLine:
    """The command line of a registry that has no schema yet."""
    return CommandLine(empty_database, tmp_path)


@pytest.fixture
def services(registry: CommandLine) -> Callable[[], Any]:
    """``with services():`` the services can be called, on the database of ``registry``."""

    @contextmanager
    def within() -> Iterator[None]:
        with registry_open(read_settings(registry.settings)):
            yield

    return within
