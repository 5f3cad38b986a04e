"""What an import of either kind gives back of its rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from registry.core.errors import Problem


@dataclass(frozen=True, slots=True)
class Incoming:
    """One row as it was read: the values that its fields accepted, and what is wrong with it so far.

    ``key`` tells it from all others: BIN, or agency and external id.
    """

    row: int
    key: tuple[str | None, ...]
    values: dict[str, Any]
    problems: list[Problem]


@dataclass(slots=True)
class Outcome:
    """What became of some rows; the four counts add up to their number."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def reject(self, row: int, problems: Iterable[Problem]) -> None:
        """Count a row as rejected and keep what is wrong with it."""
        self.rejected += 1
        self.errors += [row_error(row, problem) for problem in problems]

    @property
    def processed(self) -> int:
        """How many rows it was."""
        return self.created + self.updated + self.unchanged + self.rejected


def row_error(row: int, problem: Problem) -> dict[str, Any]:
    """``{row, column, code, params}``; ``column`` is None when the row as a whole is wrong."""
    return {"row": row, "column": problem.pointer[1:] or None, "code": problem.code, "params": problem.params}
