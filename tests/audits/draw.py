"""Seeded sample of the manually judged flags: evenly distributed over the rules that match."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

DRAWN = 60
SEED = "judged by hand"


def draw(flags: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return 60 pairs of (external id, rule), one of each rule in turn until a rule is exhausted.

    Each rule's flags are ordered by a hash, so that a few more or fewer flags change little of the sample.
    """
    of_rule: dict[str, list[tuple[str, str]]] = {}
    for flag in sorted(flags, key=_place):
        of_rule.setdefault(flag[1], []).append(flag)
    turns = max(map(len, of_rule.values()), default=0)
    in_turn = [each[turn] for turn in range(turns) for _, each in sorted(of_rule.items()) if turn < len(each)]
    return set(in_turn[:DRAWN])


def _place(flag: tuple[str, str]) -> str:
    return sha256(f"{SEED} {flag[0]} {flag[1]}".encode()).hexdigest()
