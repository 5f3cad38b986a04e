"""A list of pages as a table to take along: the same rows in the same order, all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from flask import Response, request

from registry.http.downloads import csv_download, xlsx_download
from registry.records.sheet_writing import Rows, table_as_csv, table_as_xlsx
from registry.store.paging import LARGEST_LIMIT, Listing, Page

ENDINGS: Final = "any(csv, xlsx)"


def download_list(
    ending: str,
    name: str,
    header: Sequence[str],
    page_of: Callable[[Page], Listing],
    rows_of: Callable[[list[Any]], Rows],
) -> Response:
    """The list that the address asks for, as CSV or XLSX. What its first page raises is raised before anything is sent.

    ``page_of`` reads a page of the list, ``rows_of`` makes rows of its items; neither sees more than a page at a time.
    """
    pages = _pages(page_of(_page()), page_of, rows_of)
    if ending == "csv":
        return csv_download(name, table_as_csv(header, pages))
    return xlsx_download(name, lambda path: table_as_xlsx(path, name, header, pages))


def _pages(
    listing: Listing, page_of: Callable[[Page], Listing], rows_of: Callable[[list[Any]], Rows]
) -> Iterator[Rows]:
    yield rows_of(listing.items)
    while listing.next is not None:
        listing = page_of(_page(listing.next))
        yield rows_of(listing.items)


def _page(cursor: str | None = None) -> Page:
    return Page(LARGEST_LIMIT, cursor, request.args.get("sort") or None)
