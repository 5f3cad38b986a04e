"""``known_at``: the past moment as of which something is asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from registry.core.clock import now, today
from registry.core.errors import Invalid, Problem
from registry.core.lists import parse_range_edge
from registry.core.values import InvalidValue

NAME = "known_at"


def parse_known_at(text: str) -> datetime:
    """Return the instant of an RFC 3339 timestamp, or the end of a local date; of today's, the present.

    Raises Invalid for another text and for a moment after the present.
    """
    try:
        edge, included = parse_range_edge(text, "to")
    except InvalidValue as error:
        raise Invalid([Problem(NAME, error.code, error.params)]) from error
    if not included and text == today().isoformat():
        return now()
    if edge > now():
        raise Invalid([Problem(NAME, "known-at-in-future")])
    return edge if included else edge - timedelta(microseconds=1)


def known_at_of(query: Mapping[str, Any]) -> datetime | None:
    """Return the instant of the parameter of a query, None without it. Raises Invalid as ``parse_known_at``."""
    text = query.get(NAME)
    return None if text is None else parse_known_at(text)
