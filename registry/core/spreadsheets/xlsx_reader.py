"""XLSX, read by a child process that is limited in memory and time: the parser sees what strangers send."""

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
from registry.settings import CHECKOUT

CHILD = "registry.core.spreadsheets.xlsx_child"
logger = logging.getLogger(__name__)


def xlsx_records(content: bytes) -> Generator[tuple[int, list[str]], None, None]:
    """Each row of the first visible sheet with its number, the first being 1, empty ones too, cells as text.

    Raises Invalid: not an XLSX file, or one that asks for more than a registry's table would.
    """
    # The child needs none of the service's secrets.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    command = [sys.executable, "-m", CHILD]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, cwd=CHECKOUT, env=environment, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    ) as child:
        try:
            yield from _rows(child, content)
        finally:
            child.kill()


def _rows(child: subprocess.Popen[bytes], content: bytes) -> Generator[tuple[int, list[str]], None, None]:
    if child.stdin is None or child.stdout is None:
        raise RuntimeError("the child has no pipes")
    # A child that its limits ended early is told by its missing last line.
    with suppress(BrokenPipeError):
        child.stdin.write(content)
    with suppress(BrokenPipeError):
        child.stdin.close()
    for line in child.stdout:
        said = json.loads(line)
        if "refused" in said:
            raise invalid("/file", said["refused"], **said["params"])
        if "end" in said:
            return
        yield from said["rows"]
    logger.warning("the reader of an XLSX file ended with status %s", child.wait())
    raise invalid("/file", "xlsx-too-large")
