"""List pages with filters in the query string: requested filters, and links to other pages of the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from flask import Response, request

from registry.core.lists import MAX_LIMIT, Listing, Page
from registry.core.spreadsheets.writer import Rows, table_as_csv, table_as_xlsx
from registry.http.responses import csv_download, xlsx_download
from registry.journal.read_replica import use_read_replica
from registry.web.blueprint import parent_page

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


# List downloads: all rows of a list page as CSV or XLSX, in the same order.

ENDINGS: Final = "any(csv, xlsx)"


def download_list(
    ending: str,
    name: str,
    header: Sequence[str],
    page_of: Callable[[Page], Listing],
    rows_of: Callable[[list[Any]], Rows],
) -> Response:
    """Stream the requested list as CSV or XLSX. Errors of its first page are raised before the response starts.

    ``page_of`` reads a page of the list, ``rows_of`` converts its items to rows; memory holds one page at a time.
    """
    use_read_replica(for_export=True)
    # Loaded objects belong to the view's session, so each page is converted to rows as soon as it is read.
    first = page_of(_page())
    pages = _pages(rows_of(first.items), first.next, lambda page: _read(page_of(page), rows_of))
    if ending == "csv":
        return csv_download(name, table_as_csv(header, pages))
    return xlsx_download(name, lambda path: table_as_xlsx(path, name, header, pages))


def _pages(rows: Rows, following: str | None, read: Callable[[Page], tuple[Rows, str | None]]) -> Iterator[Rows]:
    yield rows
    while following is not None:
        rows, following = read(_page(following))
        yield rows


def _read(listing: Listing, rows_of: Callable[[list[Any]], Rows]) -> tuple[Rows, str | None]:
    return rows_of(listing.items), listing.next


def _page(cursor: str | None = None) -> Page:
    return Page(MAX_LIMIT, cursor, request.args.get("sort") or None)
