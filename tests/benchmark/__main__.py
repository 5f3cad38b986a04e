"""``scripts/benchmark``: makes its data, measures, and prints the figures beside their floors and promises."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg

from registry.freeze.policy import set_policy
from registry.freeze.policy_file import load_policy
from registry.settings import read_settings
from tests.benchmark import web
from tests.benchmark.child import environment, in_child
from tests.benchmark.comparison import measure_peers
from tests.benchmark.data import SIZES
from tests.benchmark.figures import Figure, as_json, as_table, machine
from tests.benchmark.files import measure_export, measure_imports
from tests.benchmark.nights import measure_nights, measure_sqlite_night
from tests.benchmark.reads import measure_reads
from tests.benchmark.requests import measure_requests
from tests.benchmark.server import SETTINGS, Databases, postgres
from tests.benchmark.similar import measure_accuracy, measure_similar
from tests.benchmark.waits import measure_sqlite_waits, measure_waits

ROWS: Final = (
    "audit",
    "waits",
    "list",
    "registration",
    "search",
    "pages",
    "import",
    "export",
    "start",
    "similar",
    "sqlite",
)
IMPORTED: Final = 100_000


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="scripts/benchmark", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="100k", help="how many projects (default 100k)")
    parser.add_argument("--only", help=f"some of {','.join(ROWS)}")
    parser.add_argument("--peers", action="store_true", help="against Django REST framework and FastAPI")
    parser.add_argument("--rounds", type=int, help="the median of how many (default 3, of 1m 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures for programs")
    arguments = parser.parse_args()
    rounds = arguments.rounds or (1 if arguments.size == "1m" else 3)
    only = set((arguments.only or ("" if arguments.peers else ",".join(ROWS))).split(",")) - {""}
    if unknown := only - set(ROWS):
        parser.error(f"--only: {', '.join(sorted(unknown))}")
    if arguments.peers:
        only.add("peers")
    began = time.monotonic()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder, postgres() as databases:
        about = _about(databases)
        say(json.dumps(about, ensure_ascii=False))
        for figure in _measure(arguments.size, only, rounds, databases, Path(folder)):
            figures.append(figure)
            say(as_table([figure]).splitlines()[-1])
    about["minutes"] = round((time.monotonic() - began) / 60, 1)
    print(as_table(figures))  # noqa: T201 - what was asked for
    say(f"{about['minutes']} minutes")
    if arguments.json:
        arguments.json.write_text(json.dumps(as_json(figures, about), ensure_ascii=False, indent=1) + "\n")


def _measure(size: str, only: set[str], rounds: int, databases: Databases, folder: Path) -> Iterator[Figure]:
    set_policy(load_policy(read_settings(environment("sqlite:////nowhere", folder)).policy_file))
    if "sqlite" in only:
        yield from measure_sqlite_night(folder, SIZES["10k"], rounds)
        if SIZES[size] > SIZES["10k"]:
            yield from measure_sqlite_waits(folder, rounds)
    if "similar" in only:
        yield from measure_accuracy(folder)
    if not only - {"sqlite"}:
        return
    database = f"benchmark_{size}"
    url, address = databases.make(database), databases.plain(database)
    filled = in_child("fill", url, folder, size=SIZES[size])
    say(f"{size}: filled in {filled['seconds']:.0f} s")
    if "audit" in only:
        yield from measure_nights(size, url, address, folder, rounds)
    else:
        in_child("first_night", url, folder)
    in_child("former_nights", url, folder)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
    # First, because it copies the database, which nothing else may have changed or be connected to.
    if "peers" in only:
        yield from measure_peers(size, url, databases, folder, rounds)
    # Before other rows register projects and open cases: that night would not be a quiet one.
    if "waits" in only:
        yield from measure_waits(size, url, folder, rounds)
    if only & {"list", "search", "pages"}:
        yield from measure_reads(size, url, folder, only)
    if only & {"list", "registration"}:
        yield from measure_requests(size, SIZES[size], url, folder, only)
    if "similar" in only:
        yield from measure_similar(size, url, folder)
    if "export" in only:
        yield from measure_export(size, url, address, folder, rounds)
    if "start" in only:
        yield from web.measure_start(url, folder, rounds)
    if "import" in only:
        yield from measure_imports(min(IMPORTED, SIZES[size]), url, folder, rounds)


def _about(databases: Databases) -> dict[str, Any]:
    with psycopg.connect(databases.plain("postgres")) as connection:
        server = connection.execute("SHOW server_version").fetchone()
    version = server[0] if server else ""
    return {**machine(), "postgresql": version, "settings": SETTINGS}


def say(line: str) -> None:
    """How far it is, to stderr."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
