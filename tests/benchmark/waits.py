"""What others wait for while an audit runs: registrations and actions on cases."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from flask import current_app

from tests.benchmark.child import in_child
from tests.benchmark.data import SIZES
from tests.benchmark.figures import Figure, middle

LIMITS_MS: Final = {"postgresql": {"registration": 50, "case action": 100}}
LIMIT_MS: Final = 1000
SHARE: Final = 0.95
EVERY_S: Final = 0.02
WORKS: Final = ("registration", "case action")


def measure_waits(name: str, url: str, data_dir: Path, rounds: int) -> Iterator[Figure]:
    """Of each quiet night: the 95th percentile and the longest of those that an audit overlapped."""
    taken = [in_child("writes_beside_an_audit", url, data_dir) for _ in range(rounds)]
    kind = "sqlite" if url.startswith("sqlite") else "postgresql"
    for work in WORKS:
        of_work = [each[work] for each in taken]
        p95 = middle(of_work, "p95")
        more = {
            "longest ms": max(each["longest"] for each in of_work),
            "writes": sum(each["count"] for each in of_work),
        }
        more["audit s"] = middle(taken, "seconds")
        what = f"{work} while an audit runs, {name}, {kind}"
        limit = LIMITS_MS.get(kind, {}).get(work, LIMIT_MS)
        yield Figure("waits", what, p95, "ms wall", None, f"p95 < {limit} ms", p95 < limit, more)


def measure_sqlite_waits(data_dir: Path, rounds: int) -> Iterator[Figure]:
    """The same on SQLite with 100,000 projects."""
    url = f"sqlite:///{data_dir / 'waits.sqlite3'}"
    in_child("fill", url, data_dir, size=SIZES["100k"])
    in_child("first_night", url, data_dir)
    yield from measure_waits("100k", url, data_dir, rounds)


def writes_beside(works: dict[str, Callable[[], Any]], audit: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Milliseconds of writes that come every 20 ms, those that an audit overlapped; it tells when it began and ended.

    While one waits the next ones wait too: those that would have come meanwhile are counted with what was left of it.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    ended = threading.Event()
    written: dict[str, list[tuple[float, float]]] = {work: [] for work in works}

    def write(work: str) -> None:
        with app.app_context():
            while not ended.is_set():
                began = time.time()
                works[work]()
                took = time.time() - began
                written[work].append((began, took))
                time.sleep(max(0.0, EVERY_S - took))

    writers = [threading.Thread(target=write, args=(work,)) for work in works]
    for writer in writers:
        writer.start()
    run = audit()
    ended.set()
    for writer in writers:
        writer.join()
    result: dict[str, Any] = {"seconds": run["ended"] - run["began"]}
    for work, times in written.items():
        waits = sorted(_waits(times, run["began"], run["ended"]))
        result[work] = {"p95": waits[int(len(waits) * SHARE)], "longest": waits[-1], "count": len(waits)}
    return result


def _waits(times: list[tuple[float, float]], first: float, last: float) -> Iterator[float]:
    for began, took in times:
        while took > 0:
            if first <= began <= last:
                yield took * 1000
            began, took = began + EVERY_S, took - EVERY_S
