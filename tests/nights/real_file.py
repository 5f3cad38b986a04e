"""The real records of tests/data, registered by the services in one transaction, with the platform's list applied."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select

from registry.records.agencies import Agency, accept_agency_fields, register_agency
from registry.records.confirmations import verify_placement
from registry.records.project_fields import FIELDS, accept_fields
from registry.records.project_table import Project
from registry.records.projects import find_project_to_change, register_project
from registry.records.values import Whole, YesNo
from registry.store.database import db
from registry.store.transaction import transaction
from tests.factories import ADMINISTRATOR
from tests.nights.steps import OPERATOR

DATA = Path(__file__).resolve().parent.parent / "data"
REGISTERED_ON = date(2026, 9, 20)
LISTED_ON = date(2026, 10, 1)
# Six weeks after the registration the grace is over; the migration's deadline has passed too.
AUDITED_ON = date(2026, 11, 2)


def rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of a file of tests/data, without their empty cells."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {column: cell for column, cell in row.items() if cell}


def register_agencies() -> None:
    """The agencies of the file."""
    with transaction():
        for row in rows("agencies.csv"):
            accepted, problems = accept_agency_fields(row)
            if problems:
                raise ValueError(problems)
            register_agency(ADMINISTRATOR, accepted)


def register_projects(name: str, *external_ids: str) -> None:
    """The projects of a file, or some of them."""
    with transaction():
        for row in rows(name):
            if external_ids and row["external_id"] not in external_ids:
                continue
            agency = row.pop("agency")
            accepted, problems = accept_fields({column: _typed(column, cell) for column, cell in row.items()})
            if problems:
                raise ValueError((row["external_id"], problems))
            register_project(ADMINISTRATOR, agency, accepted)


def apply_platform_list() -> None:
    """Verify what the platform's list has and a record of its agency claims, as of the list's date."""
    with transaction():
        for row in rows("platform-inventory.csv"):
            number = db.session.scalar(
                select(Project.number)
                .join(Agency, Agency.id == Project.agency_id)
                .where(
                    Agency.bin == row["agency"],
                    Project.platform_key == row["platform_key"],
                    Project.placement == "on_platform",
                )
            )
            if number is not None:
                project = find_project_to_change(OPERATOR, number)
                verified_on = date.fromisoformat(row["verified_on"])
                verify_placement(OPERATOR, project, row["platform_key"], verified_on, "platform-inventory.csv")


def record(external_id: str) -> Project:
    """The registered project of that external id."""
    return db.session.scalars(select(Project).where(Project.external_id == external_id)).one()


def external_ids() -> Mapping[str, str]:
    """Project number → external id."""
    found = db.session.execute(select(Project.number, Project.external_id))
    return {row.number: row.external_id for row in found}


def _typed(column: str, cell: str) -> Any:
    kind = FIELDS[column]
    if isinstance(kind, Whole):
        return int(cell)
    return cell == "true" if isinstance(kind, YesNo) else cell
