"""An upgrade from the schema of release 0.1 while a reader and a writer go on: its time, and their longest waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import psycopg

from tests.benchmark.child import in_child
from tests.benchmark.figures import Figure

RELEASE_0_1: Final = "2026_11_25_1"
LONGEST_WAIT_S: Final = 2.0
READ: Final = "SELECT id, number, name_ru, stage FROM projects WHERE id > %(id)s ORDER BY id LIMIT 25"
# What an edit of the version before writes.
WRITE: Final = "UPDATE projects SET budget_kzt = budget_kzt + 1, version = version + 1 WHERE id = %(id)s"


def measure_upgrade(name: str, url: str, address: str, folder: Path) -> Iterator[Figure]:
    """Downgrade the filled database to the schema of release 0.1, and upgrade it under load."""
    in_child("downgrade", url, folder, revision=RELEASE_0_1)
    stop = threading.Event()
    waits = {"reader": Waits(address, READ), "writer": Waits(address, WRITE)}
    threads = [threading.Thread(target=each.repeat, args=(stop,)) for each in waits.values()]
    for thread in threads:
        thread.start()
    try:
        told = in_child("upgrade", url, folder)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    yield Figure("upgrade", f"upgrade from 0.1, {name}", told["seconds"], "s")
    for who, each in waits.items():
        each.check()
        kept = each.longest < LONGEST_WAIT_S
        what = f"longest wait of a {who} during it, {name}"
        yield Figure("upgrade", what, each.longest, "s", None, "< 2 s", kept, {"statements": each.count})


class Waits:
    """One statement again and again on its own connection, and how long the slowest took."""

    def __init__(self, address: str, statement: str) -> None:
        self._address = address
        self._statement = statement
        self._error: Exception | None = None
        self.longest = 0.0
        self.count = 0

    def repeat(self, stop: threading.Event) -> None:
        """Send it for random projects until ``stop``."""
        chance = Random(1)
        try:
            with psycopg.connect(self._address, autocommit=True) as connection:
                last = connection.execute("SELECT max(id) FROM projects").fetchone()
                while not stop.wait(0.005):
                    began = time.perf_counter()
                    connection.execute(self._statement, {"id": chance.randint(1, last[0] if last else 1)})
                    self.longest = max(self.longest, time.perf_counter() - began)
                    self.count += 1
        except psycopg.Error as error:
            self._error = error

    def check(self) -> None:
        """Raise what the database said instead of an answer."""
        if self._error is not None:
            raise self._error
