"""Lists whose filters stand in the address: what was asked, and the addresses of other pages of the same list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

from flask import request

from registry.core.pagination import Page
from registry.web.parent_links import parent_page

SHOWN: Final = 25
LONGEST: Final = 1000


def requested_filters(names: Iterable[str]) -> dict[str, str]:
    """The filters that have a value; a form sends its empty fields too, and a choice several times."""
    found = {}
    for name in names:
        value = ",".join(part.strip() for part in request.args.getlist(name) if part.strip())[:LONGEST]
        if value:
            found[name] = value
    return found


def requested_page(limit: int = SHOWN) -> Page:
    """The page of the list that the address names."""
    return Page(limit, request.args.get("cursor") or None, request.args.get("sort") or None)


def next_address(cursor: str | None) -> str | None:
    """Where the next page is, None on the last."""
    return None if cursor is None else _same_list(cursor=cursor)


def first_address() -> str | None:
    """Where the list begins, None when this is the beginning."""
    return _same_list() if "cursor" in request.args else None


def _same_list(**more: str) -> str:
    kept = [(name, value) for name, value in request.args.items(multi=True) if name != "cursor" and value]
    # A list that a form displays again is still found at the list's own address.
    return f"{parent_page(request.path)}?{urlencode([*kept, *more.items()])}"
