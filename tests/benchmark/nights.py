"""Audits: the first night, a quiet one, and what another policy would change, against the raw pass of one rule."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmark.child import in_child
from tests.benchmark.figures import Figure, middle
from tests.benchmark.floors import one_rule_night

MEMORY_LIMIT = 500


def measure_nights(name: str, url: str, address: str, data_dir: Path, rounds: int) -> Iterator[Figure]:
    """The audits of one size."""
    taken: dict[str, list[dict[str, Any]]] = {"first": [], "quiet": [], "floor first": [], "floor quiet": [], "if": []}
    for _ in range(rounds):
        taken["first"].append(in_child("first_night", url, data_dir))
        taken["floor first"].append(one_rule_night(address, first=True))
        taken["quiet"].append(in_child("quiet_night", url, data_dir))
        taken["floor quiet"].append(one_rule_night(address, first=False))
        taken["if"].append(in_child("what_if", url, data_dir))
    yield _night(name, "first night", taken["first"], taken["floor first"], 3)
    yield _night(name, "quiet night", taken["quiet"], taken["floor quiet"], 6)
    yield _night(name, "policy impact (what-if)", taken["if"], taken["floor quiet"], None)


def _night(size: str, what: str, rounds: list[dict[str, Any]], floor: list[dict[str, Any]], most: int | None) -> Figure:
    seconds, least = middle(rounds, "seconds"), middle(floor, "seconds")
    memory = max(each["memory"] for each in rounds)
    processor = middle(rounds, "cpu_python") + middle(rounds, "cpu_database")
    promise = "as an audit" if most is None else f"≤ {most} × the raw pass of one rule, < {MEMORY_LIMIT} MB"
    return Figure(
        "audit",
        f"{what}, {size}",
        seconds,
        "s",
        least,
        promise,
        None if most is None else seconds <= most * least and memory < MEMORY_LIMIT,
        {
            "memory MB": memory,
            "cpu python s": middle(rounds, "cpu_python"),
            "cpu database s": middle(rounds, "cpu_database"),
            "floor's cpu s": middle(floor, "cpu_database"),
            "ratio by cpu": processor / max(middle(floor, "cpu_database"), 0.01),
            "flags": rounds[-1]["flags_opened"] + rounds[-1]["flags_kept"],
            "floor's flags": floor[0]["flags_opened"],
        },
    )


def measure_sqlite_night(data_dir: Path, size: int, rounds: int) -> Iterator[Figure]:
    """The audit of ten thousand on SQLite."""
    url = f"sqlite:///{data_dir / 'benchmark.sqlite3'}"
    in_child("fill", url, data_dir, size=size)
    first = [in_child("first_night", url, data_dir) for _ in range(rounds)]
    quiet = [in_child("quiet_night", url, data_dir) for _ in range(rounds)]
    for what, taken in (("first night", first), ("quiet night", quiet)):
        seconds = middle(taken, "seconds")
        more = {"cpu python s": middle(taken, "cpu_python"), "memory MB": max(each["memory"] for each in taken)}
        yield Figure("audit", f"{what}, 10k on SQLite", seconds, "s", None, "< 1 s", seconds < 1, more)
