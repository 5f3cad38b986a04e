"""Notices that an operation will be removed: ``Deprecation`` (RFC 9745) and ``Sunset`` (RFC 8594)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from flask import Response
from werkzeug.http import http_date

# The key of the notice in the documentation of a view.
DEPRECATION: Final = "deprecation"
SHORTEST: Final = timedelta(days=365)
POLICY: Final = "/help/api#versions"


@dataclass(frozen=True, slots=True)
class Deprecation:
    """From which day an operation is deprecated, the first day on which it may be gone, and what to use in its place.

    ``successor``: its address, such as ``/api/v1/projects``. Raises ValueError for less than a year between the days.
    """

    since: date
    sunset: date
    successor: str

    def __post_init__(self) -> None:
        if self.sunset - self.since < SHORTEST:
            raise ValueError(f"an operation stays for a year: {self.since} to {self.sunset} is less")

    def add_headers(self, response: Response) -> Response:
        """Add the notice to a response."""
        response.headers["Deprecation"] = f"@{int(_midnight(self.since).timestamp())}"
        response.headers["Sunset"] = http_date(_midnight(self.sunset))
        response.headers.add("Link", f'<{self.successor}>; rel="successor-version"')
        response.headers.add("Link", f'<{POLICY}>; rel="deprecation"; type="text/html"')
        return response


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
