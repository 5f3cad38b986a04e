"""Imports and exports of whole files."""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmark import floors, web
from tests.benchmark.child import environment, in_child
from tests.benchmark.figures import Figure, both, middle
from tests.benchmark.sheets import write_csv, write_xlsx
from tests.benchmark.stopwatch import memory_now, peak_memory

PIECE = 1 << 16


def measure_imports(count: int, url: str, folder: Path, rounds: int) -> Iterator[Figure]:
    """A CSV and the XLSX of the same projects, each round with new ones; rows a second on two cores at best."""
    csv, xlsx, floor = [], [], []
    for place in range(rounds):
        sheet, book = folder / f"{place}.csv", folder / f"{place}.xlsx"
        write_csv(sheet, count, f"C{place}")
        write_xlsx(book, count, f"X{place}")
        csv.append(in_child("import_file", url, folder, path=str(sheet)))
        xlsx.append(in_child("import_file", url, folder, path=str(book)))
        floor.append(floors.marshmallow_alone(sheet))
        sheet.unlink()
        book.unlink()
    for kind, taken, least, of, most in (
        ("CSV", csv, middle(floor, "seconds"), "marshmallow alone", None),
        ("XLSX", xlsx, both(csv), "the CSV", 1.5),
    ):
        rate, memory = count / middle(taken, "seconds"), max(each["memory"] for each in taken)
        kept = (rate >= 10_000 if most is None else both(taken) <= most * least) and memory < 300
        promise = "≥ 10,000 rows a second, < 300 MB" if most is None else f"≤ {most} × the CSV"
        more = {"python": middle(taken, "cpu_python"), "database": middle(taken, "cpu_database")}
        more |= {"MB": memory, "rows a second": rate}
        right = all(each["created"] == count for each in taken)
        what = f"import of {count:,} rows, {kind} (floor: {of})"
        yield Figure("import", what, both(taken), "s", least, promise, kept and right, more)


def measure_export(name: str, url: str, address: str, data_dir: Path, rounds: int) -> Iterator[Figure]:
    """The CSV of everything over HTTP, and ``psql \\copy`` of the table."""
    token = in_child("token", url, data_dir)["token"]
    ours, floor = [], []
    path = data_dir / "floor.csv"
    with web.served("wsgi:application", environment(url, data_dir), workers=1) as (port, parent):
        [worker, *_] = web.children_of(parent)
        web.ask(port, "/api/v1/projects?limit=25", f"Bearer {token}")
        before = memory_now(worker)
        for _ in range(rounds):
            ours.append(_download(port, "/api/v1/exports/projects.csv", token))
            floor.append(floors.psql_copy(address, path))
        grown = peak_memory(worker) - before
    path.unlink()
    seconds, first = middle(ours, "seconds"), middle(ours, "first_byte_ms")
    yield Figure(
        "export",
        f"export as CSV, {name}",
        seconds,
        "s wall",
        middle(floor, "seconds"),
        "≤ 3 × psql \\copy, memory flat, first byte < 100 ms",
        seconds <= 3 * middle(floor, "seconds") and first < 100 and grown < 64,
        {"first byte ms": first, "memory grew by MB": grown, "MB": ours[0]["bytes"] / 1e6},
    )


def _download(port: int, path: str, token: str) -> dict[str, Any]:
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    response = connection.getresponse()
    if response.status != 200:
        raise RuntimeError(f"{path}: {response.status}")
    size = len(response.read(1))
    first = (time.perf_counter() - began) * 1000
    with open(os.devnull, "wb") as nowhere:
        while piece := response.read(PIECE):
            size += nowhere.write(piece)
    connection.close()
    return {"seconds": time.perf_counter() - began, "first_byte_ms": first, "bytes": size}
