"""Parent pages: the page above a URL that accepts only form submissions."""

from __future__ import annotations

from typing import Final

from flask import current_app, request
from werkzeug.exceptions import HTTPException

GET: Final = "GET"
FIRST_PAGE: Final = "/"


def page_address() -> str:
    """Return the URL of this request's page: its own, or that of the nearest page above a form-only URL."""
    path = parent_page(request.path)
    query = request.query_string.decode("ascii", "replace")
    return f"{path}?{query}" if query and path != FIRST_PAGE else path


def parent_page(path: str) -> str:
    """Return the path if it can be opened with GET, else the nearest parent that can."""
    addresses = current_app.create_url_adapter(request)
    while addresses is not None and path.strip("/"):
        try:
            addresses.match(path, method=GET)
        except HTTPException:
            path = path.rstrip("/").rpartition("/")[0]
        else:
            return path
    return FIRST_PAGE
