"""Rows of an import and their results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from registry.core.errors import Problem
from registry.core.spreadsheets.table_child import NO_VALUE

MAX_SHOWN_LENGTH = 200


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A validated row: its accepted values and the problems found so far.

    ``key`` identifies the record: the BIN, or agency, external id and number. ``cells`` are the texts of the file.
    """

    row: int
    key: tuple[str | None, ...]
    values: dict[str, Any]
    problems: list[Problem]
    cells: Sequence[str] = ()


@dataclass(slots=True)
class ImportResult:
    """Counts of created, updated, unchanged and rejected rows, and the errors of the rejected ones.

    ``unanswered``: of the rejected rows, those that ask whether they are a registered project or a new one.
    ``preview``: what a dry run would do with each row.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    unanswered: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    preview: list[dict[str, Any]] = field(default_factory=list)

    def reject(self, row: int, problems: Iterable[Problem], cells: Mapping[str, str] | None = None) -> None:
        """Count a row as rejected and add its errors. ``cells``: the texts of the row by column."""
        self.rejected += 1
        self.errors += [row_error(row, problem, (cells or {}).get(problem.pointer[1:])) for problem in problems]

    @property
    def processed(self) -> int:
        """The total number of rows."""
        return self.created + self.updated + self.unchanged + self.rejected


def row_error(row: int, problem: Problem, cell: str | None = None) -> dict[str, Any]:
    """``{row, column, code, params, value}``; ``column`` is None when the problem concerns the whole row."""
    return {
        "row": row,
        "column": problem.pointer[1:] or None,
        "code": problem.code,
        "params": problem.params,
        "value": None if cell is None else shown_value(cell),
    }


def shown_value(cell: str) -> str | None:
    """The text of a cell as errors display it: shortened, without control characters; None for an empty one."""
    if not cell or cell == NO_VALUE:
        return None
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for letter in cell[:MAX_SHOWN_LENGTH]
    )
