"""Audits: the first night, a quiet one, and what another policy would change, against the raw pass of one rule."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmark.child import in_child
from tests.benchmark.figures import Figure, middle
from tests.benchmark.floors import one_rule_night

MEMORY_LIMIT = 500
IMPACT_LIMIT_S = 10


def measure_nights(name: str, url: str, address: str, data_dir: Path, rounds: int) -> Iterator[Figure]:
    """The audits of one size."""
    taken: dict[str, list[dict[str, Any]]] = {
        "first": [],
        "quiet": [],
        "floor first": [],
        "floor quiet": [],
        "impact": [],
    }
    for _ in range(rounds):
        taken["first"].append(in_child("first_night", url, data_dir))
        taken["floor first"].append(one_rule_night(address, first=True))
        taken["quiet"].append(in_child("quiet_night", url, data_dir))
        taken["floor quiet"].append(one_rule_night(address, first=False))
        taken["impact"].append(in_child("impact", url, data_dir))
    yield _night(name, "first night", taken["first"], taken["floor first"], 3)
    yield _night(name, "quiet night", taken["quiet"], taken["floor quiet"], 6)
    yield _impact(name, taken["impact"])


def _night(size: str, what: str, rounds: list[dict[str, Any]], floor: list[dict[str, Any]], most: int) -> Figure:
    seconds, least = middle(rounds, "seconds"), middle(floor, "seconds")
    memory = max(each["memory"] for each in rounds)
    processor = middle(rounds, "cpu_python") + middle(rounds, "cpu_database")
    promise = f"≤ {most} × the raw pass of one rule, < {MEMORY_LIMIT} MB"
    return Figure(
        "audit",
        f"{what}, {size}",
        seconds,
        "s",
        least,
        promise,
        seconds <= most * least and memory < MEMORY_LIMIT,
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


def _impact(size: str, rounds: list[dict[str, Any]]) -> Figure:
    changes = {name: rounds[-1][name] for name in ("newly_flagged", "cleared", "changed_severity", "cases_opened")}
    return Figure(
        "audit",
        f"policy impact, {size}",
        middle(rounds, "seconds"),
        "s",
        None,
        "< 10 s at 100k, writes nothing",
        middle(rounds, "seconds") < IMPACT_LIMIT_S if size == "100k" else None,
        {
            "memory MB": max(each["memory"] for each in rounds),
            "cpu python s": middle(rounds, "cpu_python"),
            "cpu database s": middle(rounds, "cpu_database"),
            **changes,
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
