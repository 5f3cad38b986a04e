"""List downloads: all rows of a list page as CSV or XLSX, in the same order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from flask import Response, request

from registry.core.pagination import MAX_LIMIT, Listing, Page
from registry.core.spreadsheets.writer import Rows, table_as_csv, table_as_xlsx
from registry.http.downloads import csv_download, xlsx_download
from registry.journal.read_replica import use_read_replica

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
