"""Calls of the project service by usual actors, and what they left in the journal."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.core.database import db, transaction
from registry.core.errors import Invalid, Problem
from registry.journal.service import JournalEntry
from registry.projects.service import change_project, find_project_to_change, restrict_project
from tests.factories import ADMINISTRATOR, an_actor

SUPERVISOR = an_actor(Role.SUPERVISOR, name="saule")
AUDITOR = an_actor(Role.AUDITOR, name="askar")
REVIEWER = an_actor(Role.REVIEWER, name="aigerim")
VALUES = {
    "external_id": "T-1",
    "name_ru": "Портал услуг",
    "object_kind": "system",
    "work_type": "creation",
    "stage": "creation",
    "placement": "off_platform",
    "contract_signed_on": date(2026, 1, 20),
}
NINE = datetime(2026, 3, 2, 4, tzinfo=UTC)


def change(number: str, changes: dict[str, Any], known: tuple[Problem, ...] = ()) -> list[dict[str, Any]]:
    """Change a project as the administrator."""
    with transaction():
        return change_project(ADMINISTRATOR, find_project_to_change(ADMINISTRATOR, number), changes, known)


def restrict(number: str, is_restricted: bool = True) -> list[dict[str, Any]]:
    """Restrict a project as a supervisor, or end it."""
    with transaction():
        project = find_project_to_change(SUPERVISOR, number)
        return restrict_project(SUPERVISOR, project, is_restricted, "State secret")


def problems_of(error: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str, dict[str, object]]]:
    """(pointer, code, parameters) of each problem."""
    return [(each.pointer, each.code, each.params) for each in error.value.problems]


def last_entry() -> tuple[str, str, str, dict[str, Any]]:
    """(action, principal, subject, details) of the last entry of the journal."""
    entry = db.session.scalars(select(JournalEntry).order_by(JournalEntry.seq.desc()).limit(1)).one()
    details = json.loads(entry.details)
    details.pop("written_rows", None)
    return entry.action, entry.principal, entry.subject, details
