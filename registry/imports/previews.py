"""Previews of dry runs: what each row would do, and which rules would flag it then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from registry.audits.forecasts import ProposedProject, rules_that_would_flag
from registry.core.spreadsheets.row_errors import ImportRow
from registry.freeze.facts import EarlierRevision
from registry.projects.revisions import differences

NAMES: Final = ("name_ru", "name_kk", "name_en")
NOTHING: Final[Mapping[str, Any]] = {"is_restricted": False}


def row_preview(
    row: int,
    outcome: str,
    record: str | None,
    values: Mapping[str, Any],
    changes: Sequence[Mapping[str, Any]],
    question: str | None = None,
) -> dict[str, Any]:
    """A previewed row as it is stored."""
    name = next((values[each] for each in NAMES if values.get(each)), None)
    return {
        "row": row,
        "outcome": outcome,
        "record": record,
        "name": name,
        "changes": list(changes),
        "would_flag": [],
        "question": question,
    }


def rejected_rows(errors: Iterable[Mapping[str, Any]], chunk: Sequence[ImportRow]) -> list[dict[str, Any]]:
    """The previews of the rows with errors."""
    wrong = {error["row"] for error in errors}
    return [row_preview(row.row, "rejected", None, row.values, ()) for row in chunk if row.row in wrong]


class ProjectPreview:
    """Collects the rows of a chunk when the import is a dry run."""

    def __init__(self, is_dry_run: bool) -> None:
        self._is_dry_run = is_dry_run
        self._rows: list[dict[str, Any]] = []
        self._proposed: list[ProposedProject] = []

    def add(
        self,
        row: ImportRow,
        outcome: str,
        agency_id: int,
        record: Mapping[str, Any],
        before: Mapping[str, Any] | None,
        former: tuple[tuple[EarlierRevision, ...], ...] = (),
    ) -> None:
        """Add a row that would be written, with the values that it would have; ``former``: of its former records."""
        self._add(row, outcome, agency_id, record, before, None, former)

    def ask(
        self,
        row: ImportRow,
        agency_id: int,
        record: Mapping[str, Any],
        before: Mapping[str, Any] | None,
        question: str,
    ) -> None:
        """Add a row that asks whether it is the project ``before``, with the values that this would have then."""
        self._add(row, "question", agency_id, record, before, question)

    def _add(
        self,
        row: ImportRow,
        outcome: str,
        agency_id: int,
        record: Mapping[str, Any],
        before: Mapping[str, Any] | None,
        question: str | None,
        former: tuple[tuple[EarlierRevision, ...], ...] = (),
    ) -> None:
        if not self._is_dry_run:
            return
        number = None if before is None else before["number"]
        changes = differences(before or NOTHING, record)
        self._rows.append(row_preview(row.row, outcome, number, record, changes, question))
        self._proposed.append(ProposedProject(agency_id, None if before is None else before["id"], record, former))

    def rows(self, errors: Iterable[Mapping[str, Any]], chunk: Sequence[ImportRow]) -> list[dict[str, Any]]:
        """All rows of the chunk in the order of the file, with the rules that would flag them."""
        for row, rules in zip(self._rows, rules_that_would_flag(self._proposed), strict=True):
            row["would_flag"] = rules
        asked = {row["row"] for row in self._rows}
        rejected = [row for row in rejected_rows(errors, chunk) if row["row"] not in asked]
        return sorted([*self._rows, *rejected], key=lambda row: row["row"])
