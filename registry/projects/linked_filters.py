"""Filters of projects by what slices above know of them, such as their flags. ``registry/hooks.py`` attaches them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import ColumnElement

Condition = Callable[[str], ColumnElement[bool]]
_conditions: Final[dict[str, Condition]] = {}


def link_filter(name: str, condition: Condition) -> None:
    """Let the filter of that name be this condition on the table of projects, made of the parameter's value."""
    _conditions[name] = condition


def linked_condition(name: str, value: str) -> ColumnElement[bool]:
    """The condition of a filter. Raises InvalidValue for a value that the filter does not take."""
    return _conditions[name](value)
