"""Events of requests, published inside the transaction of the change."""

from __future__ import annotations

from typing import Final

from registry.core.transactions import Event

agency_succeeded: Final[Event[[int, int]]] = Event("agency_succeeded")
"""The ids of the former agency and of its successor, which has everything by now but what handlers pass on."""
