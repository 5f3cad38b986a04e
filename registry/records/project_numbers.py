"""Project numbers: ``QT-<year>-<7 digits>-<check digit>``, the check by ISO 7064 mod 11,10 over year and serial.

The year's row is locked from the first number taken to the commit, so serials and project ids follow the order of
commits: an audit can say with one id which projects it has judged.
"""

from __future__ import annotations

import re

from sqlalchemy import update
from sqlalchemy.orm import Mapped, mapped_column
from stdnum.iso7064 import mod_11_10

from registry.store.clock import today
from registry.store.database import Model, insert_unless_there
from registry.store.transaction import require_transaction

SHAPE = re.compile(r"QT-([0-9]{4})-([0-9]{7})-([0-9])")


class NumberSeries(Model):
    """The last serial given in a year."""

    __tablename__ = "number_series"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


def take_numbers(count: int) -> list[str]:
    """The next ``count`` numbers of this year, inside the open transaction."""
    session = require_transaction()
    year = today().year
    taken = update(NumberSeries).where(NumberSeries.year == year).values(last=NumberSeries.last + count)
    last = session.scalar(taken.returning(NumberSeries.last))
    if last is None:
        session.execute(insert_unless_there(NumberSeries).values(year=year, last=0).on_conflict_do_nothing())
        last = session.scalar(taken.returning(NumberSeries.last)) or count
    return [project_number(year, serial) for serial in range(last - count + 1, last + 1)]


def project_number(year: int, serial: int) -> str:
    """The number of a year and serial."""
    digits = f"{year:04}{serial:07}"
    return f"QT-{year:04}-{serial:07}-{mod_11_10.calc_check_digit(digits)}"


def is_project_number(text: str) -> bool:
    """True for a number of the right shape whose check digit holds."""
    shape = SHAPE.fullmatch(text)
    return shape is not None and mod_11_10.calc_check_digit(shape[1] + shape[2]) == shape[3]
