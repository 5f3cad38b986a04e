"""Pagination for commands: reads all pages of a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry.core.pagination import LARGEST_LIMIT, Listing, Page


def every_item(read: Callable[[Page], Listing]) -> list[Any]:
    """Return all rows of a list, page by page."""
    rows: list[Any] = []
    cursor = None
    while True:
        listing = read(Page(limit=LARGEST_LIMIT, cursor=cursor))
        rows += listing.items
        if listing.next is None:
            return rows
        cursor = listing.next
