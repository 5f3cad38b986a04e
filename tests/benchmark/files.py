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
from tests.benchmark.figures import Figure, middle
from tests.benchmark.sheets import write_csv, write_xlsx
from tests.benchmark.stopwatch import memory_now, peak_memory

PIECE = 1 << 16


def measure_imports(count: int, url: str, address: str, data_dir: Path, rounds: int) -> Iterator[Figure]:
    """A CSV and the XLSX of the same projects, each round with new ones."""
    csv, xlsx = [], []
    for place in range(rounds):
        sheet, book = data_dir / f"{place}.csv", data_dir / f"{place}.xlsx"
        write_csv(sheet, count, f"C{place}")
        write_xlsx(book, count, f"X{place}")
        csv.append(in_child("import_file", url, data_dir, path=str(sheet)))
        xlsx.append(in_child("import_file", url, data_dir, path=str(book)))
        if place + 1 < rounds:
            sheet.unlink()
        book.unlink()
    alone, copied = floors.marshmallow_alone(sheet), floors.copy_alone(address, sheet)
    sheet.unlink()
    rate = count / middle(csv, "seconds")
    memory = max(each["memory"] for each in csv)
    right = all(each["created"] == count for each in (*csv, *xlsx))
    more = {
        "seconds": middle(csv, "seconds"),
        "memory MB": memory,
        "cpu python s": middle(csv, "cpu_python"),
        "cpu database s": middle(csv, "cpu_database"),
        "COPY alone s": copied["seconds"],
    }
    yield Figure(
        "import",
        f"import of {count:,} rows, CSV (floor: marshmallow alone)",
        rate,
        "rows/s",
        count / alone["seconds"],
        "≥ 5,000 rows/s, < 300 MB",
        rate >= 5000 and memory < 300 and right,
        more,
    )
    yield Figure(
        "import",
        f"import of {count:,} rows, XLSX (floor: the CSV)",
        middle(xlsx, "seconds"),
        "s",
        middle(csv, "seconds"),
        "≤ 1.5 × the CSV",
        middle(xlsx, "seconds") <= 1.5 * middle(csv, "seconds"),
        {"memory MB": max(each["memory"] for each in xlsx), "cpu python s": middle(xlsx, "cpu_python")},
    )


def measure_export(name: str, url: str, address: str, data_dir: Path, rounds: int) -> Iterator[Figure]:
    """The CSV of everything over HTTP, and ``psql \\copy`` of the table."""
    token = in_child("token", url, data_dir)["token"]
    ours, floor = [], []
    path = data_dir / "floor.csv"
    with web.served("wsgi:application", environment(url, data_dir), workers=1) as (port, parent):
        worker = child_of(parent)
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
        "s",
        middle(floor, "seconds"),
        "≤ 3 × psql \\copy, memory flat, first byte < 100 ms",
        seconds <= 3 * middle(floor, "seconds") and first < 100 and grown < 64,
        {"first byte ms": first, "memory grew by MB": grown, "MB": ours[0]["bytes"] / 1e6},
    )


def child_of(pid: int) -> int:
    """The first child of a process: a server's first worker."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


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
