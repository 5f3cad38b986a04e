"""Which constraint refused a row: an IntegrityError is a known conflict only when it is of that constraint."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.exc import IntegrityError

from registry.core.database import Base


def violates(error: IntegrityError, *names: str) -> bool:
    """True when a unique constraint or unique index of one of these names refused the row."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return diagnosis.constraint_name in names
    # SQLite names the columns instead.
    return str(error.orig) in {f"UNIQUE constraint failed: {_columns()[name]}" for name in names}


@cache
def _columns() -> dict[str, str]:
    """The columns of each unique constraint and index by its name, as SQLite lists them."""
    unique: list[UniqueConstraint | Index] = []
    for table in Base.metadata.tables.values():
        unique += [each for each in table.constraints if isinstance(each, UniqueConstraint)]
        unique += [index for index in table.indexes if index.unique]
    return {
        str(each.name): ", ".join(f"{column.table.name}.{column.name}" for column in each.columns) for each in unique
    }
