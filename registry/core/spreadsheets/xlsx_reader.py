"""XLSX reader: parses untrusted files in a child process with limited memory and CPU time."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from subprocess import DEVNULL, PIPE

from registry.core.errors import invalid
from registry.core.shipped_files import PACKAGE

CHILD = "registry.core.spreadsheets.xlsx_child"
logger = logging.getLogger(__name__)


def xlsx_records(content: bytes, place: int = 0) -> Generator[tuple[int, list[str]], None, tuple[str, ...]]:
    """Yield each row of a visible sheet, including empty ones, with its number from 1; cells are text.

    ``place`` counts the visible sheets from 0; returns the names of all. Raises Invalid for a file that is not XLSX
    or exceeds the limits.
    """
    # The child does not get the service's secrets.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    command = [sys.executable, "-m", CHILD, str(place)]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, cwd=PACKAGE.parent, env=environment, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    ) as child:
        try:
            return (yield from _rows(child, content))
        finally:
            child.kill()


def _rows(child: subprocess.Popen[bytes], content: bytes) -> Generator[tuple[int, list[str]], None, tuple[str, ...]]:
    if child.stdin is None or child.stdout is None:
        raise RuntimeError("the child has no pipes")
    # When a limit ended the child early, its last line is missing.
    with suppress(BrokenPipeError):
        child.stdin.write(content)
    with suppress(BrokenPipeError):
        child.stdin.close()
    for line in child.stdout:
        output = json.loads(line)
        if "error" in output:
            raise invalid("/file", output["error"], **output["params"])
        if "end" in output:
            return tuple(output["sheets"])
        yield from output["rows"]
    logger.warning("the reader of an XLSX file ended with status %s", child.wait())
    raise invalid("/file", "xlsx-too-large")
