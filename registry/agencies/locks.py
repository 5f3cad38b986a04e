"""Locks of agencies: who registers something of an agency shares its lock, who changes or closes it has it alone.

Row locks do not queue: of registrations that overlap without a gap, each shares the row with the one before, and a
merger would wait for ever. Advisory locks of PostgreSQL queue, so that whoever comes after the merger waits for it.
They are taken before the row locks, by rising ids. SQLite has one writer at a time.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, select

from registry.agencies.models import Agency
from registry.core.bulk import table_of
from registry.core.dialects import advisory_row_locks
from registry.core.transactions import require_transaction

# In the upper half of the number, above the ids: no other lock has it.
AGENCY_LOCKS: Final = 742_004 << 32
AGENCY: Final = table_of(Agency).c


def share_agencies(*which: ColumnElement[bool]) -> None:
    """Keep the agencies that fit from being changed or closed until the open transaction ends."""
    _lock(*which, shared=True)


def hold_agencies(*which: ColumnElement[bool]) -> None:
    """Wait for whoever registers something of the agencies that fit, and keep others from it."""
    _lock(*which, shared=False)


def _lock(*which: Any, shared: bool) -> None:
    ids = select(AGENCY.id).where(*which).order_by(AGENCY.id)
    advisory_row_locks(require_transaction(), AGENCY_LOCKS, ids, shared=shared)
