"""Models of the peer on FastAPI and SQLAlchemy. The tables are there already."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, DateTime, ForeignKey, Integer, String, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from tests.benchmark.peers import common


class Model(DeclarativeBase):
    """The models."""


class Token(Model):
    __tablename__ = "peer_tokens"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str]


class Agency(Model):
    __tablename__ = "agencies"
    id: Mapped[int] = mapped_column(primary_key=True)
    bin: Mapped[str] = mapped_column(String(12), unique=True)
    closed_on: Mapped[date | None]


class Project(Model):
    __tablename__ = "projects"
    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    version: Mapped[int]
    words: Mapped[str] = mapped_column(Text)
    is_restricted: Mapped[bool]
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    agency: Mapped[Agency] = relationship()

    @property
    def agency_bin(self) -> str:
        return self.agency.bin

    @hybrid_property
    def started_on(self) -> date | None:
        return min((day for day in (self.contract_signed_on, self.work_started_on) if day), default=None)

    @started_on.inplace.expression
    @classmethod
    def _started_on(cls) -> Any:
        return func.least(cls.contract_signed_on, cls.work_started_on)


# What is the same for many columns, as declarations one by one would make them.
COLUMNS: dict[str, Any] = {
    **{name: String(20) for name in (*common.CHOICES, "freeze_status", "severity", "number", "supplier_bin")},
    **{name: String(length) for name, length in common.TEXTS.items()},
    **{name: Date() for name in (*common.DAYS, *common.CONFIRMED)},
    **{name: BigInteger() for name in common.AMOUNTS},
    **{name: Boolean() for name in common.FLAGS_OF_PROJECT},
    **{name: JSONB(none_as_null=True) for name in (*common.JSON_LISTS, "confirmed_facts")},
    **{name: DateTime(timezone=True) for name in common.INSTANTS},
    "object_class": Integer(),
}
for _name, _kind in COLUMNS.items():
    setattr(Project, _name, mapped_column(_kind, nullable=True))


class Audit(Model):
    __tablename__ = "audits"
    id: Mapped[int] = mapped_column(primary_key=True)
    on: Mapped[date]
    status: Mapped[str]


class Flag(Model):
    __tablename__ = "flags"
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    rule: Mapped[str]
    severity: Mapped[str]
    status: Mapped[str]
    observed: Mapped[dict[str, Any]] = mapped_column(JSONB)
    opened_on: Mapped[date]
    last_seen_on: Mapped[date | None]
    cleared_on: Mapped[date | None]
    exemption_id: Mapped[int | None]
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class CaseFlag(Model):
    __tablename__ = "case_flags"
    case_id: Mapped[int] = mapped_column(primary_key=True)
    flag_id: Mapped[int] = mapped_column(primary_key=True)
