"""Columns of lists, stored as the text that exports and forms have (``fields.py``)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

from registry.core.fields import entries_text, split_entries, years_from_text, years_text


class YearlyAmountsText(TypeDecorator[list[dict[str, int]]]):
    """Amounts by year: a list of ``{year, amount_kzt}`` in Python."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """The text to store."""
        return None if value is None else years_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> list[dict[str, int]] | None:  # noqa: ARG002 - SQLAlchemy's
        """The list that was stored."""
        return None if value is None else years_from_text(value)


class EntriesText(TypeDecorator[list[str]]):
    """A list of texts."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """The text to store."""
        return None if value is None else entries_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> list[str] | None:  # noqa: ARG002 - SQLAlchemy's
        """The list that was stored."""
        return None if value is None else split_entries(value)
