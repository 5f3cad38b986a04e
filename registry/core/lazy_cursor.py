"""A psycopg cursor that describes its columns only when they are looked at. Imported on PostgreSQL only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, overload

from psycopg import Column, Cursor


class LazyCursor(Cursor[Any]):
    """SQLAlchemy asks for the description of every result, and reads it only the first time a statement is executed.

    psycopg makes an object of each column, a tenth of a millisecond for the sixty of a request for one project.
    """

    @property
    def description(self) -> Any:
        """As DB-API has it; None for a statement without rows."""
        result = self.pgresult
        if result is None or not result.nfields:
            return super().description
        return Description(result.nfields, lambda: super(LazyCursor, self).description or [])


class Description(Sequence[Column]):
    """The columns of the present result, which ``make`` makes."""

    def __init__(self, count: int, make: Callable[[], list[Column]]) -> None:
        self._count = count
        self._make = make

    @cached_property
    def _columns(self) -> list[Column]:
        return self._make()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Column: ...
    @overload
    def __getitem__(self, index: slice) -> list[Column]: ...
    def __getitem__(self, index: int | slice) -> Column | list[Column]:
        return self._columns[index]
