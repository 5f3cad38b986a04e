"""Tables of procurement contracts as the state portal has them, of their matches with projects, and of fetches."""

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.accounts.models import Account
from registry.agencies.models import Agency
from registry.core.database import Instant, Model, require_transaction, table_of
from registry.core.fields import EntriesText
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices
from registry.projects.models import Project

MAX_TEXT: Final = 5000


class MatchState(Choices, field="match_state"):
    """Whether a contract is that of a project."""

    MATCHED = "matched", lazy_text("Matched by number")
    TO_CHECK = "to_check", lazy_text("To check")
    CONFIRMED = "confirmed", lazy_text("Match confirmed")
    REJECTED = "rejected", lazy_text("Match rejected")
    # The row stays for what was known before: nobody is shown it.
    ENDED = "ended", lazy_text("Match ended")


class ContractMatch(Choices, field="match"):
    """Whether a project is known for a contract."""

    MATCHED = "matched", lazy_text("Matched")
    TO_CHECK = "to_check", lazy_text("To check")
    UNMATCHED = "unmatched", lazy_text("Without a project")
    NO_PROJECT = "no_project", lazy_text("Belongs to no project")


class NoProject(Choices, field="no_project"):
    """Why a contract that counts as IT belongs to no project, as its agency says and oversight has confirmed."""

    NOT_IT = "not_it", lazy_text("It is not about information technology")
    NOT_A_PROJECT = "not_a_project", lazy_text("What it buys is not a project of the register")


class ContractSource(Choices, field="contract_source"):
    """Where a contract was last read."""

    FILE = "file", lazy_text("File")
    PORTAL = "portal", lazy_text("Procurement portal")


class ContractValues:
    """What the portal says of a contract. Sums are in whole tenge, VAT included; dates are local.

    ``sum_kzt``: as first signed; ``current_sum_kzt``: by the last amendment. ``amendments``: each with ``number``,
    ``signed_on`` and ``sum_kzt``, by their numbers. ``signed_on`` is None where only
    amendments are known, a sum where it is in another currency.
    """

    contract_number: Mapped[str | None] = mapped_column(String(200))
    signed_on: Mapped[date | None]
    sum_kzt: Mapped[int | None] = mapped_column(BigInteger)
    current_sum_kzt: Mapped[int | None] = mapped_column(BigInteger)
    description_kk: Mapped[str | None] = mapped_column(Text)
    description_ru: Mapped[str | None] = mapped_column(Text)
    supplier_bin: Mapped[str | None] = mapped_column(String(12))
    supplier_name: Mapped[str | None] = mapped_column(String(500))
    contract_status: Mapped[str | None] = mapped_column(String(200))
    procurement_codes: Mapped[list[str] | None] = mapped_column(EntriesText)
    amendments: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    source: Mapped[str] = mapped_column(String(10))
    source_sha256: Mapped[str | None] = mapped_column(String(64))


class Contract(ContractValues, Model):
    """A contract of an agency. ``number_sys`` is the portal's number without that of an amendment.

    ``agency_id``: the customer, or its last successor. ``is_it``, ``it_reason``: whether it is about information
    technology by the operator's list, and the entry that decided. ``words``: what ``q`` searches. ``no_project``,
    ``no_project_reason``: why it belongs to none, until its terms change.
    """

    __tablename__ = "procurement_contracts"

    id: Mapped[int] = mapped_column(primary_key=True)
    number_sys: Mapped[str] = mapped_column(String(200), unique=True)
    customer_bin: Mapped[str] = mapped_column(String(12))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    is_it: Mapped[bool]
    it_reason: Mapped[str | None] = mapped_column(String(200))
    words: Mapped[str] = mapped_column(Text)
    no_project: Mapped[str | None] = mapped_column(String(20))
    no_project_reason: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(Instant)

    agency: Mapped[Agency] = relationship(lazy="raise")

    __table_args__ = (Index(None, "agency_id", "is_it"),)


VALUES: Final = tuple(ContractValues.__annotations__)
# What decides whose project a contract is, besides its amendments.
TERMS: Final = (
    *("customer_bin", "contract_number", "signed_on", "sum_kzt", "supplier_bin"),
    *("description_kk", "description_ru"),
)


class FormerContract(ContractValues, Model):
    """What the portal said of a contract until then. A trigger writes it (``registry/core/change_triggers.py``)."""

    __tablename__ = "former_contracts"

    id: Mapped[int] = mapped_column(primary_key=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("procurement_contracts.id"), index=True)
    until: Mapped[datetime] = mapped_column(Instant)


class Match(Model):
    """A contract and a project that are, may be, or are not about the same work.

    ``reasons``: what is equal or similar. ``decided_account_id``, ``decided_at``, ``remark``: of a person's decision,
    which stays when the records change. ``changed_at``: since when it has been in this state; no row is ever deleted.
    """

    __tablename__ = "procurement_matches"

    id: Mapped[int] = mapped_column(primary_key=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("procurement_contracts.id"))
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    match_state: Mapped[str] = mapped_column(String(10))
    score: Mapped[int]
    reasons: Mapped[list[str] | None] = mapped_column(EntriesText)
    decided_account_id: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    remark: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(Instant)

    project: Mapped[Project] = relationship(lazy="raise")

    __table_args__ = (UniqueConstraint("contract_id", "project_id"),)


class FormerMatch(Model):
    """A former state of a match, and its period. A trigger writes it (``registry/core/change_triggers.py``)."""

    __tablename__ = "former_matches"

    id: Mapped[int] = mapped_column(primary_key=True)
    match_id: Mapped[int] = mapped_column(ForeignKey("procurement_matches.id"), index=True)
    since: Mapped[datetime] = mapped_column(Instant)
    until: Mapped[datetime] = mapped_column(Instant)
    match_state: Mapped[str] = mapped_column(String(10))


class PortalFetch(Model):
    """How far the contracts of an agency were fetched: a queue, by ``next_try_at``.

    ``after_id``: where an unfinished fetch goes on. ``began_on``: the day on which it began, ``fetched_on``: on which
    the last finished one did; what changed since is fetched next.
    """

    __tablename__ = "procurement_fetches"

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"), unique=True)
    after_id: Mapped[int | None] = mapped_column(BigInteger)
    began_on: Mapped[date | None]
    fetched_on: Mapped[date | None]
    next_try_at: Mapped[datetime] = mapped_column(Instant)
    tries: Mapped[int]
    error: Mapped[str | None] = mapped_column(Text)


CONTRACT: Final = table_of(Contract)
MATCH: Final = table_of(Match)
# States in which a contract is that of a project, and in which a match is shown.
COUNTED: Final = (MatchState.MATCHED.value, MatchState.CONFIRMED.value)
SHOWN_STATES: Final = tuple(code for code in MatchState.codes() if code != MatchState.ENDED)


def pass_on_contracts(former_id: int, successor_id: int) -> None:
    """Let an agency's contracts be those of its successor, in the open transaction; the next night matches them."""
    moved = update(Contract).where(Contract.agency_id == former_id).values(agency_id=successor_id)
    require_transaction().execute(moved, execution_options={"synchronize_session": False})
