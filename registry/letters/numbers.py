"""Letter numbers: ``QL-<year>-<6 digits>``, without gaps in each year.

The year's row is locked from the reservation to the commit. It happens at the end of a transaction, just before the
journal is appended, so that transactions which lock several cases never wait for each other in a circle.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, update

from registry.core.bulk import table_of
from registry.core.dialects import insert_or_ignore
from registry.core.transactions import require_transaction
from registry.letters.models import LetterSeries

SERIES: Final = table_of(LetterSeries).c
NEXT_SERIAL: Final = (
    update(table_of(LetterSeries))
    .where(SERIES.year == bindparam("this_year"))
    .values(last=SERIES.last + 1)
    .returning(SERIES.last)
)


def reserve_letter_number(year: int) -> str:
    """Reserve the next number of the year in the open transaction."""
    session = require_transaction()
    serial = session.scalar(NEXT_SERIAL, {"this_year": year})
    if serial is None:
        session.execute(insert_or_ignore(LetterSeries).values(year=year, last=0).on_conflict_do_nothing())
        serial = session.scalars(NEXT_SERIAL, {"this_year": year}).one()
    return f"QL-{year:04}-{serial:06}"
