"""Imports and exports of whole files."""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmark import floors, web
from tests.benchmark.child import environment, in_child
from tests.benchmark.figures import Figure, both, median_of_pairs, middle
from tests.benchmark.sheets import write_csv, write_xlsx
from tests.benchmark.stopwatch import memory_now, peak_memory

PIECE = 1 << 16


def measure_imports(count: int, url: str, folder: Path, rounds: int) -> Iterator[Figure]:
    """A CSV and the XLSX of as many projects in turns, each time new ones."""
    taken: dict[str, list[dict[str, Any]]] = {"CSV": [], "XLSX": []}
    for place in range(rounds):
        for kind, write in (("CSV", write_csv), ("XLSX", write_xlsx)):
            path = folder / f"{place}.{kind.lower()}"
            write(path, count, f"{kind[0]}{place}")
            taken[kind].append(in_child("import_file", url, folder, path=str(path)))
            path.unlink()
    csv, xlsx = taken["CSV"], taken["XLSX"]
    _, ratio = median_of_pairs(both(xlsx), both(csv))
    rate, memory = count / middle(csv, "seconds"), max(each["memory"] for each in csv)
    kept = {"CSV": rate >= 10_000 and memory < 300, "XLSX": ratio <= 1.5}
    promises = {"CSV": "≥ 10,000 rows a second, < 300 MB", "XLSX": "≤ 1.5 × the CSV"}
    for kind, rows in taken.items():
        floor, of_floor = (None, None) if rows is csv else (median(both(csv)), ratio)
        more = {"python": middle(rows, "cpu_python"), "database": middle(rows, "cpu_database")}
        more |= {"MB": max(each["memory"] for each in rows), "rows a second": count / middle(rows, "seconds")}
        right = kept[kind] and all(each["created"] == count for each in rows)
        what = f"import of {count:,} rows, {kind}"
        yield Figure("import", what, median(both(rows)), "s", floor, promises[kind], right, more, of_floor)


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
    seconds, ratio = median_of_pairs([each["seconds"] for each in ours], [each["seconds"] for each in floor])
    first = middle(ours, "first_byte_ms")
    yield Figure(
        "export",
        f"export as CSV, {name}",
        seconds,
        "s wall",
        middle(floor, "seconds"),
        "≤ 3 × psql \\copy, memory flat, first byte < 100 ms",
        ratio <= 3 and first < 100 and grown < 64,
        {"first byte ms": first, "memory grew by MB": grown, "MB": ours[0]["bytes"] / 1e6},
        ratio,
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
