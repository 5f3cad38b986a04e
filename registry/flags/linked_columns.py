"""Columns that slices above add to what is shown of a flag, such as its case. ``registry/hooks.py`` does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import ColumnElement

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission

OfFlag = Callable[[ColumnElement[int]], ColumnElement[Any]]
_columns: Final[dict[str, tuple[OfFlag, Permission]]] = {}


def link_column(name: str, of_flag: OfFlag, permission: Permission) -> None:
    """Let every list of flags show the value of this function of a flag's id, under that name.

    Without the permission it shows null.
    """
    _columns[name] = of_flag, permission


def linked_columns(flag_id: ColumnElement[int]) -> list[ColumnElement[Any]]:
    """All of them for a flag, labelled with their names."""
    return [of_flag(flag_id).label(name) for name, (of_flag, _) in _columns.items()]


def hidden_columns(actor: Actor) -> dict[str, None]:
    """Nulls for the columns that the actor may not read."""
    return {name: None for name, (_, permission) in _columns.items() if not actor.may(permission)}
