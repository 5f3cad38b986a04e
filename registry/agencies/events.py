"""Events of agencies, published inside the transaction of the change."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from registry.core.events import Event

# The agency's id: it, and all below it, will get another agency above them.
agency_moving: Final[Event[[int]]] = Event("agency_moving")
# The agency's id, the names of the fields that changed, and when.
agency_changed: Final[Event[[int, frozenset[str], datetime]]] = Event("agency_changed")
