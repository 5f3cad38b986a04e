"""Tables of audits: counts of projects and flags at each successful one, and texts of the policies that they used."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sqlalchemy import BigInteger, Boolean, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.database import Model

# Counts of each agency's projects at each successful audit: reports of former dates, whoever has the projects now.
#
# Written with the audit (``counting.py``) and never changed. Projects that were restricted at the audit are counted
# in rows of their own.

NO_SEVERITY = ""


class AgencyCount(Model):
    """Projects of one agency with the same freeze status and severity after an audit, and their budgets.

    ``on_platform``: how many of them claim to be hosted on the platform, ``confirmed_on_platform``: of how many that
    is confirmed; each None for audits before its column. Audits and agencies are never deleted, so the ids are no
    foreign keys: PostgreSQL checks these row by row, 0.1 s for 10,000 rows, while others wait.
    """

    __tablename__ = "agency_counts"

    audit_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    agency_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, index=True)
    is_restricted: Mapped[bool] = mapped_column(Boolean, primary_key=True)
    freeze_status: Mapped[str] = mapped_column(String(12), primary_key=True)
    severity: Mapped[str] = mapped_column(String(10), primary_key=True)
    projects: Mapped[int]
    budget_kzt: Mapped[int] = mapped_column(BigInteger)
    on_platform: Mapped[int | None]
    confirmed_on_platform: Mapped[int | None]


# Daily counts: projects and flags at each successful audit, for the country and by region, sector, rule and age.
#
# Written with the audit (``counting.py``) and never changed. Projects that were restricted at the audit are counted in
# rows of their own.

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


class AuditInput(Model):
    """What an audit read, so that the next one can continue it and it can be repeated; none for earlier versions.

    ``changes``: the number of the last change that it knew (``registry/changes/service.py``). ``counted``: what each
    project counted of others, as a digest by id; only of the last good audit. ``judged``: the ids of the projects that
    it judged, of one that continued another; None for all. ``program``: the version of the service.
    """

    __tablename__ = "audit_inputs"

    audit_id: Mapped[int] = mapped_column(ForeignKey("audits.id"), primary_key=True, autoincrement=False)
    program: Mapped[str] = mapped_column(String(40))
    changes: Mapped[int] = mapped_column(BigInteger)
    counted: Mapped[bytes | None] = mapped_column(LargeBinary)
    judged: Mapped[bytes | None] = mapped_column(LargeBinary)


# Texts of the policies that audits used, by their digest: a later policy does not make a past audit unreadable.


class PolicyText(Model):
    """A policy as its TOML file; ``digest`` is the SHA-256 of the text."""

    __tablename__ = "policy_texts"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
