"""When a project started, as SQL. ``freeze/started.py`` says the same in Python."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement

from registry.core.bulk import table_of
from registry.core.dialects import least
from registry.freeze.policy import Policy
from registry.projects.models import Project

PROJECT: Final = table_of(Project).c


def started_on(policy: Policy) -> ColumnElement[Any]:
    """The earliest date set among the policy's start clock, NULL for none."""
    columns: list[ColumnElement[Any]] = [PROJECT[name] for name in policy.start_clock]
    return columns[0] if len(columns) == 1 else least(*columns)
