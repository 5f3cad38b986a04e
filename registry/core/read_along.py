"""Values that a query for something else reads along, so that they cost a request no statement of their own.

``registry/hooks.py`` registers them. A request reads them with its caller and uses them to its end; a transaction that
writes uses only what it has read itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import g, has_request_context
from sqlalchemy import ColumnElement

from registry.core.database import TRANSACTION_OPEN, db

_values: Final[dict[str, ColumnElement[Any]]] = {}
_READ: Final = "registry.read_along"
_OF_REQUEST: Final = "values_read_along"


def read_along(name: str, value: ColumnElement[Any]) -> None:
    """Have a value read along under this name. Called while modules are imported."""
    _values[name] = value


def columns_read_along() -> list[ColumnElement[Any]]:
    """The columns for a query of one row."""
    return [value.label(name) for name, value in _values.items()]


def keep_read_along(row: Mapping[Any, Any]) -> None:
    """Keep the values of a row that was just read, for this session transaction and the rest of the request."""
    session = db.session()
    values = {name: row[name] for name in _values}
    session.info[_READ] = (session.get_transaction(), values)
    if has_request_context():
        setattr(g, _OF_REQUEST, values)


def value_read_along(name: str) -> Any:
    """A value that was read along; None when it has to be read."""
    session = db.session()
    known = session.info.get(_READ)
    if known is not None and known[0] is session.get_transaction():
        return known[1].get(name)
    if session.info.get(TRANSACTION_OPEN) or not has_request_context():
        return None
    values: Mapping[str, Any] = g.get(_OF_REQUEST, {})
    return values.get(name)


def forget_read_along() -> None:
    """Forget the values, also in the same transaction and request."""
    db.session().info.pop(_READ, None)
    if has_request_context():
        g.pop(_OF_REQUEST, None)
