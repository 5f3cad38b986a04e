"""Rows of an import and their results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from registry.core.errors import Problem


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A validated row: its accepted values and the problems found so far.

    ``key`` identifies the record: the BIN, or agency and external id.
    """

    row: int
    key: tuple[str | None, ...]
    values: dict[str, Any]
    problems: list[Problem]


@dataclass(slots=True)
class ImportResult:
    """Counts of created, updated, unchanged and rejected rows, and the errors of the rejected ones."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def reject(self, row: int, problems: Iterable[Problem]) -> None:
        """Count a row as rejected and add its errors."""
        self.rejected += 1
        self.errors += [row_error(row, problem) for problem in problems]

    @property
    def processed(self) -> int:
        """The total number of rows."""
        return self.created + self.updated + self.unchanged + self.rejected


def row_error(row: int, problem: Problem) -> dict[str, Any]:
    """``{row, column, code, params}``; ``column`` is None when the problem concerns the whole row."""
    return {"row": row, "column": problem.pointer[1:] or None, "code": problem.code, "params": problem.params}
