"""Columns that slices above add to what is shown of a flag, such as its case. ``registry/hooks.py`` does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import ColumnElement

OfFlag = Callable[[ColumnElement[int]], ColumnElement[Any]]
_columns: Final[dict[str, OfFlag]] = {}


def link_column(name: str, of_flag: OfFlag) -> None:
    """Let every list of flags show the value of this function of a flag's id, under that name."""
    _columns[name] = of_flag


def linked_columns(flag_id: ColumnElement[int]) -> list[ColumnElement[Any]]:
    """All of them for a flag, labelled with their names."""
    return [of_flag(flag_id).label(name) for name, of_flag in _columns.items()]
