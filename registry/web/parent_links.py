"""Where a form was sent from: addresses that take forms only have no page, and lead to the one above them."""

from __future__ import annotations

from typing import Final

from flask import current_app, request
from werkzeug.exceptions import HTTPException

GET: Final = "GET"
FIRST_PAGE: Final = "/"


def page_address() -> str:
    """The address of this request's page: its own, or that of the nearest page above what takes forms only."""
    path = parent_page(request.path)
    query = request.query_string.decode("ascii", "replace")
    return f"{path}?{query}" if query and path != FIRST_PAGE else path


def parent_page(path: str) -> str:
    """The path itself where it can be opened, else the nearest one above it that can."""
    addresses = current_app.create_url_adapter(request)
    while addresses is not None and path.strip("/"):
        try:
            addresses.match(path, method=GET)
        except HTTPException:
            path = path.rstrip("/").rpartition("/")[0]
        else:
            return path
    return FIRST_PAGE
