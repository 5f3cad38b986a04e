"""Real records from tests/data, imported as an operator would, with the platform inventory applied."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from sqlalchemy import select

from registry.core.database import db
from registry.imports.service import import_now
from registry.platform.inventory import apply_inventory
from registry.projects.models import Project
from tests.audits.steps import OPERATOR
from tests.factories import ADMINISTRATOR

DATA = Path(__file__).resolve().parent.parent / "data"
REGISTERED_ON = date(2026, 9, 20)
LISTED_ON = date(2026, 10, 1)
# Six weeks after registration, the grace period and the migration deadline have passed.
AUDITED_ON = date(2026, 11, 2)


def rows(name: str) -> Iterator[dict[str, str]]:
    """Return the rows of a file of tests/data without empty cells."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {column: cell for column, cell in row.items() if cell}


def register_file(kind: str, name: str, *external_ids: str) -> None:
    """Import a file of tests/data; of projects optionally only some rows."""
    lines = (DATA / name).read_text(encoding="utf-8").splitlines(keepends=True)
    if external_ids:
        lines = [line for place, line in enumerate(lines) if place == 0 or line.split(",")[1] in external_ids]
    run = import_now(ADMINISTRATOR, kind, False, name, "".join(lines).encode())
    if (run.state, run.rejected) != ("done", 0):
        raise ValueError(f"{name}: {run.state}, {run.rejected} rows rejected")


def apply_platform_list() -> None:
    """Apply the platform inventory."""
    name = "platform-inventory.csv"
    apply_inventory(OPERATOR, name, (DATA / name).read_bytes(), False)


def record(external_id: str) -> Project:
    """Return the registered project with this external id."""
    return db.session.scalars(select(Project).where(Project.external_id == external_id)).one()


def external_ids() -> Mapping[str, str]:
    """Map project numbers to external ids."""
    statement = db.session.execute(select(Project.number, Project.external_id))
    return {row.number: row.external_id for row in statement}
