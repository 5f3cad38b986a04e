"""Project numbers: ``QT-<year>-<7 digits>-<check digit>``, the check by ISO 7064 mod 11,10 over year and serial.

The year's row is locked from the first reservation to the commit, so serials and project ids follow the order of
commits: a single id tells which projects an audit has evaluated.
"""

from __future__ import annotations

import re
from typing import Any, Final

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.dml import ReturningUpdate
from stdnum.iso7064 import mod_11_10

from registry.core.bulk import next_id, reserve_ids
from registry.core.clock import today
from registry.core.database import Model, table_of
from registry.core.dialects import has_sequences, insert_or_ignore
from registry.core.transactions import require_transaction
from registry.projects.models import Project

NUMBER_PATTERN = re.compile(r"QT-([0-9]{4})-([0-9]{7})-([0-9])")


class NumberSeries(Model):
    """The last serial used in a year."""

    __tablename__ = "number_series"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


SERIES: Final = table_of(NumberSeries).c
# Built once at import: other registrations wait for this statement.
RESERVE_SERIALS: Final = (
    update(table_of(NumberSeries))
    .where(SERIES.year == bindparam("this_year"))
    .values(last=SERIES.last + bindparam("count"))
    .returning(SERIES.last)
)
RESERVE_SERIAL_WITH_ID: Final[ReturningUpdate[*tuple[Any, ...]]] = RESERVE_SERIALS.returning(next_id(Project))


def reserve_numbers(count: int) -> list[str]:
    """Reserve the next ``count`` numbers of this year, in the open transaction."""
    session = require_transaction()
    year = today().year
    parameters = {"this_year": year, "count": count}
    last = session.scalar(RESERVE_SERIALS, parameters)
    if last is None:
        session.execute(insert_or_ignore(NumberSeries).values(year=year, last=0).on_conflict_do_nothing())
        last = session.scalar(RESERVE_SERIALS, parameters) or count
    return [project_number(year, serial) for serial in range(last - count + 1, last + 1)]


def reserve_number() -> tuple[str, int]:
    """Reserve the next number of this year and the id of its project, in the open transaction."""
    session = require_transaction()
    year = today().year
    if has_sequences():
        reserved = session.execute(RESERVE_SERIAL_WITH_ID, {"this_year": year, "count": 1}).one_or_none()
        if reserved is not None:
            serial, project_id = reserved
            return project_number(year, serial), project_id
    return reserve_numbers(1)[0], reserve_ids(session, Project, 1)[0]


def project_number(year: int, serial: int) -> str:
    """The project number for a year and serial."""
    digits = f"{year:04}{serial:07}"
    return f"QT-{year:04}-{serial:07}-{mod_11_10.calc_check_digit(digits)}"


def is_project_number(text: str) -> bool:
    """True for a well-formed number with a correct check digit."""
    match = NUMBER_PATTERN.fullmatch(text)
    return match is not None and mod_11_10.calc_check_digit(match[1] + match[2]) == match[3]
