"""Daily counts: projects and flags at each successful audit, for the country and by region, sector, rule and age.

Written with the audit (``counting.py``) and never changed; those of agencies are in ``agency_counts.py``. Projects that
were restricted at the audit are counted in rows of their own.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sqlalchemy import BigInteger, Boolean, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.database import Model

# The member of a group whose projects have no region or sector.
NOT_GIVEN: Final = ""
COUNTRY: Final = "KZ"


class Dimension(StrEnum):
    """What a count is of. ``member`` is the code of the region, sector or rule, or the least age of flags in days."""

    COUNTRY = "country"
    REGION = "region"
    SECTOR = "sector"
    RULE = "rule"
    AGE = "age"


class DailyCount(Model):
    """Projects of one member of a dimension that are alike after an audit, and their budgets in whole tenge.

    ``status`` is the freeze status of projects; by rule and age, whose rows count flags, that of the flags. A project
    has at most one active flag of a rule. ``on_platform``: how many of them claim to be hosted on the platform,
    ``confirmed_on_platform``: of how many that is confirmed; each None for audits before its column.
    """

    __tablename__ = "daily_counts"

    audit_id: Mapped[int] = mapped_column(ForeignKey("audits.id"), primary_key=True, autoincrement=False)
    dimension: Mapped[str] = mapped_column(String(10), primary_key=True)
    member: Mapped[str] = mapped_column(String(40), primary_key=True)
    is_restricted: Mapped[bool] = mapped_column(Boolean, primary_key=True)
    status: Mapped[str] = mapped_column(String(12), primary_key=True)
    severity: Mapped[str] = mapped_column(String(10), primary_key=True)
    counted: Mapped[int]
    on_platform: Mapped[int | None]
    confirmed_on_platform: Mapped[int | None]
    budget_kzt: Mapped[int] = mapped_column(BigInteger)
