"""Covering arrays: few rows in which each value of each factor occurs, or meets each value of every other factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

Place = tuple[str, int]


def pairwise_rows(factors: Mapping[str, Sequence[str | None]]) -> list[dict[str, str]]:
    """Rows of values by factor; None means that the row leaves the factor out.

    Greedy: each row starts from a pair that no row has yet, and each further factor takes the value that makes the
    most new pairs. The same factors always give the same rows.
    """
    uncovered = {
        frozenset(((a, i), (b, j))): None
        for a, b in combinations(factors, 2)
        for i in range(len(factors[a]))
        for j in range(len(factors[b]))
    }
    rows = []
    while uncovered:
        chosen: dict[str, int] = dict(sorted(next(iter(uncovered))))
        for name, values in factors.items():
            if name not in chosen:
                chosen[name] = max(range(len(values)), key=lambda place: _new(uncovered, chosen, (name, place)))
        for pair in combinations(chosen.items(), 2):
            uncovered.pop(frozenset(pair), None)
        row = {name: factors[name][place] for name, place in chosen.items()}
        rows.append({name: value for name, value in row.items() if value is not None})
    return rows


def single_rows(factors: Mapping[str, Sequence[str | None]]) -> list[dict[str, str]]:
    """Rows in which each value of each factor occurs; None means that the row leaves the factor out."""
    longest = max(map(len, factors.values()))
    rows = [
        {name: values[(row + place) % len(values)] for place, (name, values) in enumerate(factors.items())}
        for row in range(longest)
    ]
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def _new(uncovered: Mapping[frozenset[Place], None], chosen: Mapping[str, int], place: Place) -> int:
    return sum(frozenset((place, other)) in uncovered for other in chosen.items())
