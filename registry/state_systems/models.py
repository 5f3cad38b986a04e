"""The table of confirmations from other state systems, as their signed files last stated them."""

from datetime import date, datetime
from typing import Final

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.accounts.models import Account
from registry.agencies.models import Agency
from registry.core.database import Instant, Model, require_transaction, table_of
from registry.core.fields import EntriesText
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices
from registry.projects.models import Project

MAX_NAME: Final = 500


class ExternalKind(Choices, field="external_kind"):
    """What a state system issued."""

    OBJECT_PASSPORT = "object_passport", lazy_text("Object passport")
    PROTOCOL = "protocol", lazy_text("Test protocol")
    CONCLUSION = "conclusion", lazy_text("Conclusion")
    OTHER = "other", lazy_text("Other document")


class ExternalState(Choices, field="external_state"):
    """How a confirmation compares with the record, in the order in which somebody has to look at it."""

    TO_CHECK = "to_check", lazy_text("Project to check")
    DIFFERS = "differs", lazy_text("Record differs")
    TO_CONFIRM = "to_confirm", lazy_text("Not yet confirmed")
    UNMATCHED = "unmatched", lazy_text("No project known")
    CONFIRMED = "confirmed", lazy_text("Facts confirmed")
    REVOKED = "revoked", lazy_text("Revoked by the source")


class ExternalConfirmation(Model):
    """What a state system confirms of an object.

    ``reference``: its id there. ``sequence``, ``issued_at``, ``sha256``: of the last file with it. ``agency_id``:
    the agency with the BIN, or its last successor. ``project``, ``platform_key``, names: how the source names the
    object. ``facts``: values as text, by name. ``match_state``: a code of ``MatchState``; only a certain match
    (``matched``) has facts that were confirmed without a person. ``rejected``: ids of projects that are others.
    """

    __tablename__ = "external_confirmations"

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(40))
    reference: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    sequence: Mapped[int] = mapped_column(BigInteger)
    issued_at: Mapped[datetime] = mapped_column(Instant)
    sha256: Mapped[str] = mapped_column(String(64))
    agency_bin: Mapped[str] = mapped_column(String(12))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"), index=True)
    project_number: Mapped[str | None] = mapped_column(String(200))
    platform_key: Mapped[str | None] = mapped_column(String(200))
    name_kk: Mapped[str | None] = mapped_column(String(MAX_NAME))
    name_ru: Mapped[str | None] = mapped_column(String(MAX_NAME))
    document_number: Mapped[str] = mapped_column(String(200))
    document_on: Mapped[date]
    facts: Mapped[dict[str, str]] = mapped_column(JSON)
    is_revoked: Mapped[bool]
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id"))
    match_state: Mapped[str | None] = mapped_column(String(10))
    rejected: Mapped[list[str] | None] = mapped_column(EntriesText)
    decided_account_id: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    remark: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(Instant)

    agency: Mapped[Agency] = relationship(lazy="raise")
    project: Mapped[Project | None] = relationship(lazy="raise")

    __table_args__ = (UniqueConstraint("source", "reference"), Index(None, "project_id"))


EXTERNAL: Final = table_of(ExternalConfirmation)


def pass_on_external_confirmations(former_id: int, successor_id: int) -> None:
    """Let confirmations of an agency's objects be those of its successor, in the open transaction."""
    moved = update(ExternalConfirmation).where(ExternalConfirmation.agency_id == former_id)
    options = {"synchronize_session": False}
    require_transaction().execute(moved.values(agency_id=successor_id), execution_options=options)
