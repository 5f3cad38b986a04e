"""Demo calendar: dates relative to the day of loading, and the rows of the demo's files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import date, time, timedelta
from pathlib import Path
from typing import Final

from registry.core.working_days import national_calendar
from registry.freeze.vocabulary import AgencyKind

MORNING: Final = time(9, 10)
AUDIT_TIME: Final = time(2)
BETWEEN_ACTS: Final = timedelta(minutes=13)
DATA: Final = Path(__file__).with_name("data")
# The demo's events lie under the freeze, however early in 2026 it is loaded.
FREEZE_START: Final = date(2026, 1, 5)
DAYS_FROM_NOW: Final = re.compile(r"@(-?[0-9]{1,4})")
# Working days before the loading on which agencies register their projects, in three parts. The first part is old
# enough for a review deadline of 20 working days to have passed.
PARTS: Final = (24, 12, 5)
SECOND: Final = {AgencyKind.LOCAL_EXECUTIVE, AgencyKind.STATE_LEGAL_ENTITY}
THIRD: Final = {AgencyKind.QUASI_PUBLIC, AgencyKind.SUBSIDIARY, AgencyKind.NATIONAL_SECURITY, AgencyKind.PRIVATE}
HEALTH: Final = "990340900110"


def working_day(day: date, before: int) -> date:
    """Return the date so many working days before a day; after it when negative."""
    return national_calendar().after(day, -before)


def rows_of(name: str, day: date) -> list[dict[str, str]]:
    """Return the rows of a file; ``@-45`` becomes the date 45 days before ``day``, at the earliest FREEZE_START."""
    return [{column: _dated(cell, day) for column, cell in row.items()} for row in _cells(name)]


def projects_of(part: int, day: date) -> list[dict[str, str]]:
    """Return the rows of the projects registered ``part`` working days before the day of loading."""
    kinds = {row["bin"]: row["kind"] for row in _cells("agencies.csv")}
    rows = zip(_cells("projects.csv"), rows_of("projects.csv", day), strict=True)
    return [row for cells, row in rows if _part(cells, row, kinds[row["agency"]], day) == part]


def as_csv(rows: Sequence[dict[str, str]]) -> bytes:
    """Encode the rows as a CSV file for import."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _part(cells: dict[str, str], row: dict[str, str], kind: str, day: date) -> int:
    """Return the agency's part, or the first later one that follows every date in the row."""
    first, second, third = PARTS
    own = third if kind in THIRD else second if kind in SECOND or row["agency"] == HEALTH else first
    happened = max((row[name] for name, cell in cells.items() if cell.startswith("@-")), default="")
    return next((part for part in PARTS if part <= own and happened <= str(working_day(day, part))), third)


def _cells(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _dated(cell: str, day: date) -> str:
    match = DAYS_FROM_NOW.fullmatch(cell)
    return max(day + timedelta(days=int(match[1])), FREEZE_START).isoformat() if match else cell
