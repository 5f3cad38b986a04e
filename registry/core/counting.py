"""Totals of lists on request: exact, or as PostgreSQL's planner estimates them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, func, select

from registry.core.bulk import estimated_rows
from registry.core.database import db
from registry.core.dialects import is_sqlite
from registry.core.pagination import ESTIMATED, Listing, Page


def with_count(listing: Listing, ids: Callable[[], Select[Any]], page: Page) -> Listing:
    """The page with the number of rows of the whole list, if it asks for it. ``ids`` makes the query of all their ids.

    SQLite estimates nothing and counts.
    """
    if page.count is None:
        return listing
    if page.count == ESTIMATED and not is_sqlite():
        return replace(listing, count=estimated_rows(db.session(), ids()))
    return replace(listing, count=db.session.scalar(select(func.count()).select_from(ids().subquery())) or 0)
