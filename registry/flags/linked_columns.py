"""Columns that slices above add to what is shown of a flag, such as the case that covers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import ColumnElement

OfFlag = Callable[[ColumnElement[int]], ColumnElement[Any]]
_columns: Final[dict[str, OfFlag]] = {}


def linked_column(name: str) -> Callable[[OfFlag], OfFlag]:
    """Let every list of flags show the value of this function of a flag's id, under that name. A decorator."""

    def add(of_flag: OfFlag) -> OfFlag:
        _columns[name] = of_flag
        return of_flag

    return add


def linked_columns(flag_id: ColumnElement[int]) -> list[ColumnElement[Any]]:
    """All of them for a flag, labelled with their names."""
    return [of_flag(flag_id).label(name) for name, of_flag in _columns.items()]
