"""List pages with filters in the query string: requested filters, and links to other pages of the list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

from flask import request

from registry.core.pagination import Page
from registry.web.parent_links import parent_page

SHOWN: Final = 25
MAX_FILTER_LENGTH: Final = 1000


def requested_filters(names: Iterable[str]) -> dict[str, str]:
    """Return the non-empty filters. Browsers send empty fields too, and repeat fields with several values."""
    filters = {}
    for name in names:
        value = ",".join(part.strip() for part in request.args.getlist(name) if part.strip())[:MAX_FILTER_LENGTH]
        if value:
            filters[name] = value
    return filters


def requested_page(limit: int = SHOWN) -> Page:
    """Return the requested page of the list."""
    return Page(limit, request.args.get("cursor") or None, request.args.get("sort") or None)


def next_address(cursor: str | None) -> str | None:
    """Return the URL of the next page, None on the last."""
    return None if cursor is None else list_address(cursor=cursor)


def first_address() -> str | None:
    """Return the URL of the first page, None on the first."""
    return list_address() if "cursor" in request.args else None


def list_address(**changed: str) -> str:
    """Return the URL of the first page of this list, with some parameters changed."""
    left_out = {"cursor", *changed}
    parameters = [(name, value) for name, value in request.args.items(multi=True) if name not in left_out and value]
    # When a list page is displayed again for an invalid form, its links use the list's own URL.
    return f"{parent_page(request.path)}?{urlencode([*parameters, *changed.items()])}"
