"""A figure: what was measured, its floor from the same run, and whether the promise was kept; as table and as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from statistics import median
from typing import Any, Final

PACKAGES: Final = ("Flask", "SQLAlchemy", "psycopg", "marshmallow", "flask-smorest", "granian")


@dataclass(frozen=True, slots=True)
class Figure:
    """``value`` in ``unit``, of processor unless it says otherwise; ``ratio``: to the floor, the median of pairs;
    ``kept`` None where nothing was promised.
    """

    row: str
    what: str
    value: float
    unit: str
    floor: float | None = None
    promise: str = ""
    kept: bool | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    ratio: float | None = None


def middle(rounds: Sequence[Mapping[str, float]], name: str) -> float:
    """The median of one value over the rounds."""
    return median(each[name] for each in rounds)


def median_of_pairs(values: Sequence[float], floors: Sequence[float]) -> tuple[float, float]:
    """The median of the values, and that of their ratios to the floors of the same rounds."""
    # A floor of 10 ms is one tick of the clock.
    return median(values), median(value / max(floor, 0.01) for value, floor in zip(values, floors, strict=True))


def both(rounds: Sequence[Mapping[str, float]]) -> list[float]:
    """The processor time of Python and the database's process together, of each round."""
    return [each["cpu_python"] + each["cpu_database"] for each in rounds]


def as_table(figures: Iterable[Figure]) -> str:
    """Markdown."""
    lines = ["| work | figure | floor | ratio | promise | kept | besides |", "|---|---:|---:|---:|---|---|---|"]
    for each in figures:
        kept = {True: "yes", False: "**no**", None: ""}[each.kept]
        floor = "" if each.floor is None else f"{short(each.floor)} {each.unit}"
        ratio = "" if each.ratio is None else short(each.ratio)
        besides = ", ".join(f"{name} {short(value)}" for name, value in each.more.items())
        figure = f"{short(each.value)} {each.unit}"
        lines.append(f"| {each.what} | {figure} | {floor} | {ratio} | {each.promise} | {kept} | {besides} |")
    return "\n".join(lines)


def as_json(figures: Iterable[Figure], about: Mapping[str, Any]) -> dict[str, Any]:
    """What a program reads."""
    return {"about": about, "figures": [asdict(each) for each in figures]}


def short(value: object) -> str:
    """Three figures that count."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return str(value)
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def machine() -> dict[str, Any]:
    """What it was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    load = os.getloadavg()[0]
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_mib": memory,
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_at_start": round(load, 2),
        **{name: version(name) for name in PACKAGES},
    }


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
