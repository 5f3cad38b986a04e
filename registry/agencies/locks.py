"""Locks of agencies: who registers something of an agency shares its lock, who changes or closes it has it alone.

Row locks do not queue: of registrations that overlap without a gap, each shares the row with the one before, and a
merger would wait for ever. Advisory locks of PostgreSQL queue, so that whoever comes after the merger waits for it.
They are taken before the row locks, by rising ids. SQLite has one writer at a time.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, select

from registry.agencies.models import Agency
from registry.core.bulk import table_of
from registry.core.dialects import advisory_row_locks, has_row_locks
from registry.core.transactions import require_transaction

# In the upper half of the number, above the ids: no other lock has it.
AGENCY_LOCKS: Final = 742_004 << 32
AGENCY: Final = table_of(Agency).c
BINS: Final = "bins"
WITH_BINS: Final = AGENCY.bin.in_(bindparam(BINS, expanding=True))


def share_agencies(*which: ColumnElement[bool]) -> None:
    """Keep the agencies that fit from being changed or closed until the open transaction ends."""
    _lock(*which, shared=True)


def share_agencies_with(bins: Collection[str]) -> None:
    """The same for the agencies with these BINs, by a statement that is built once: every registration executes it."""
    if has_row_locks():
        require_transaction().execute(_shares_with_bins(), {BINS: list(bins)})


def hold_agencies(*which: ColumnElement[bool]) -> None:
    """Wait for whoever registers something of the agencies that fit, and keep others from it."""
    _lock(*which, shared=False)


def _lock(*which: Any, shared: bool) -> None:
    session = require_transaction()
    if has_row_locks():
        session.execute(_locks(*which, shared=shared))


@lru_cache(maxsize=1)
def _shares_with_bins() -> Select[Any]:
    return _locks(WITH_BINS, shared=True)


def _locks(*which: Any, shared: bool) -> Select[Any]:
    return advisory_row_locks(AGENCY_LOCKS, select(AGENCY.id).where(*which).order_by(AGENCY.id), shared=shared)
