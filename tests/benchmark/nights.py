"""Audits: the first night, a quiet one, one by another policy, by processor time against the raw pass of one rule."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final

from tests.benchmark.child import in_child
from tests.benchmark.figures import Figure, both, median_of_pairs, middle
from tests.benchmark.floors import one_rule_night

MEMORY_LIMIT: Final = 400
# The night: its task, whether its floor begins without flags, and the most times that it may take.
NIGHTS: Final = {
    "first night": ("first_night", True, 8),
    "quiet night": ("quiet_night", False, 3),
    "night by a policy that changes a fifth": ("policy_night", True, 8),
    "night by the first policy again": ("quiet_night", False, None),
    "policy impact": ("impact", True, None),
}


def measure_nights(name: str, url: str, address: str, folder: Path, rounds: int) -> Iterator[Figure]:
    """The audits of one size, each beside its floor."""
    taken: dict[str, list[dict[str, Any]]] = {what: [] for what in NIGHTS}
    floors: dict[str, list[dict[str, Any]]] = {what: [] for what in NIGHTS}
    for _ in range(rounds):
        for what, (task, is_first, _most) in NIGHTS.items():
            taken[what].append(in_child(task, url, folder))
            floors[what].append(one_rule_night(address, first=is_first))
    for what, (_task, _is_first, most) in NIGHTS.items():
        seconds, ratio = median_of_pairs(both(taken[what]), [each["cpu_database"] for each in floors[what]])
        floor = middle(floors[what], "cpu_database")
        memory = max(each["memory"] for each in taken[what])
        promise = "" if most is None else f"≤ {most} × the raw pass of one rule, < {MEMORY_LIMIT} MB"
        kept = None if most is None else ratio <= most and memory < MEMORY_LIMIT
        yield Figure("audit", f"{what}, {name}", seconds, "s", floor, promise, kept, _more(taken[what]), ratio)


def measure_sqlite_night(folder: Path, size: int, rounds: int) -> Iterator[Figure]:
    """The audit of ten thousand on SQLite."""
    url = f"sqlite:///{folder / 'benchmark.sqlite3'}"
    in_child("fill", url, folder, size=size)
    for what in ("first night", "quiet night"):
        taken = [in_child(NIGHTS[what][0], url, folder) for _ in range(rounds)]
        seconds = median(both(taken))
        yield Figure("sqlite", f"{what}, 10k on SQLite", seconds, "s", None, "< 1 s", seconds < 1, _more(taken))


def _more(taken: list[dict[str, Any]]) -> dict[str, Any]:
    parts = {"python": middle(taken, "cpu_python"), "database": middle(taken, "cpu_database")}
    counted = {name: value for name, value in taken[-1].items() if isinstance(value, int) and name != "memory"}
    return {**parts, "MB": max(each["memory"] for each in taken), "wall": middle(taken, "seconds"), **counted}
