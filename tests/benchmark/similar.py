"""Likely duplicates: how long a search takes, and how many are found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from registry.settings import CHECKOUT
from tests.benchmark.child import in_child
from tests.benchmark.figures import Figure

PROMISE: Final = "< 100 ms at 100k"
ACCURACY: Final = "precision ≥ 0.95 and recall ≥ 0.97 for renamed ones"
LEAST: Final = {"precision": 0.95, "recall": 0.97}
REAL_RECORDS: Final = CHECKOUT / "tests" / "data"


def measure_similar(name: str, url: str, folder: Path) -> Iterator[Figure]:
    """Searches for each of projects all over the table."""
    figures = in_child("similar", url, folder)
    more = {"python": figures["cpu"], "slowest": figures["slowest"], "named": figures["named"]}
    taken = figures["milliseconds"]
    yield Figure(
        "similar", f"likely duplicates of a project, {name}", taken, "ms wall", None, PROMISE, taken < 100, more
    )


def measure_accuracy(folder: Path) -> Iterator[Figure]:
    """Precision and recall for duplicates planted among the real records."""
    url = f"sqlite:///{folder / 'real.sqlite'}"
    for kind, figures in in_child("planted_duplicates", url, folder, folder=str(REAL_RECORDS)).items():
        kept = kind != "renamed" or all(figures[name] >= least for name, least in LEAST.items())
        more = {"recall": figures["recall"], "planted": figures["planted"]}
        promise = ACCURACY if kind == "renamed" else ""
        yield Figure(
            "similar", f"planted duplicates, {kind}: precision", figures["precision"], "", None, promise, kept, more
        )
