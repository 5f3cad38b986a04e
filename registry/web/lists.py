"""List pages with filters in the query string: requested filters, and links to other pages of the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from flask import Response, render_template, request

from registry.core.lists import Listing, Page, every_page
from registry.core.spreadsheets.writer import Cell, Rows, table_as_csv, table_as_xlsx
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


def render_list(template: str, listing: Listing, **context: Any) -> str:
    """Render the page of a list: its ``items``, and the links to the first and the next page."""
    links = {"next_address": next_address(listing.next), "first_address": first_address()}
    return render_template(template, items=listing.items, **links, **context)


def list_address(**changed: str) -> str:
    """Return the URL of the first page of this list, with some parameters changed; an empty one is left out."""
    left_out = {"cursor", *changed}
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in left_out]
    parameters = [(name, value) for name, value in (*kept, *changed.items()) if value]
    # When a list page is displayed again for an invalid form, its links use the list's own URL.
    return f"{parent_page(request.path)}?{urlencode(parameters)}"


# List downloads: all rows of a list page as CSV or XLSX, in the same order.

ENDINGS: Final = "any(csv, xlsx)"


TableColumn = tuple[str, Callable[[Any], Cell]]


def download_list(
    ending: str,
    name: str,
    columns: Sequence[TableColumn],
    page_of: Callable[[Page], Listing],
    prepared: Callable[[list[Any]], list[Any]] = list,
) -> Response:
    """Stream the requested list as CSV or XLSX: each column with its heading and its value of an item.

    Errors of the first page are raised before the response starts. ``page_of`` reads a page of the list; ``prepared``
    makes of its items what the columns take.
    """
    use_read_replica(for_export=True)
    header = [heading for heading, _ in columns]
    pages: Iterator[Rows] = every_page(
        page_of,
        lambda items: [[value(item) for _, value in columns] for item in prepared(items)],
        request.args.get("sort") or None,
    )
    if ending == "csv":
        return csv_download(name, table_as_csv(header, pages))
    return xlsx_download(name, lambda path: table_as_xlsx(path, name, header, pages))
