"""Tables of reports to the Government, and their closed sets."""

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint, case, func, select
from sqlalchemy.orm import Mapped, column_property, mapped_column
from sqlalchemy.orm.attributes import set_committed_value

from registry.accounts.account_names import MAX_NAME_LENGTH
from registry.accounts.models import Account
from registry.core.clock import today
from registry.core.database import Instant, Model, table_of
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices

# Closed vocabularies of reports to the Government, and the names of their text sections.


class GovernmentReportStatus(Choices, field="report_status"):
    """Statuses of one version of a report."""

    DRAFT = "draft", lazy_text("Being prepared")
    IN_REVIEW = "in_review", lazy_text("Under review")
    RETURNED = "returned", lazy_text("Returned for changes")
    ISSUED = "issued", lazy_text("Issued")


class Section(Choices, field="report_section"):
    """The sections that people write, in the order of the document."""

    INTRODUCTION = "introduction", lazy_text("Introduction")
    FINDINGS = "findings", lazy_text("Findings")
    MEASURES = "measures", lazy_text("Measures")
    CONCLUSIONS = "conclusions", lazy_text("Conclusions")


# The languages in which a report is written and issued.
WRITTEN_IN: Final = ("kk", "ru")
TEXTS: Final = tuple(f"{section}_{language}" for section in Section for language in WRITTEN_IN)
# Ends the number of what readers without restricted records get, where it differs from the report.
OPEN_SUFFIX: Final = "-open"
CHANGEABLE: Final = (GovernmentReportStatus.DRAFT.value, GovernmentReportStatus.RETURNED.value)


# Table of reports to the Government: one row for each version of a report.


RESPONSIBLE: Final = table_of(Account).alias("responsible")


class GovernmentReport(Model):
    """One version of the report ``year-ordinal``. Nothing of an issued version changes.

    ``responsible``: the present name of the account; of an issued version the name at its issue, which is stored.
    ``authors``: everybody who wrote, froze or submitted it; none of them approves it. ``audit_id`` and what follows are
    set when the figures are frozen: ``figures`` is canonical JSON over all projects, ``open_figures`` the same without
    restricted projects, under ``open_number``, each with the SHA-256 (hex) of its UTF-8 bytes. Both are the same where
    no restricted project counts. ``correction_reason`` is set from version 2 on. ``revision`` rises with every change.
    """

    __tablename__ = "government_reports"

    id: Mapped[int] = mapped_column(primary_key=True)
    year: Mapped[int]
    ordinal: Mapped[int]
    version: Mapped[int]
    status: Mapped[str] = mapped_column(String(10))
    period_end: Mapped[date]
    due_on: Mapped[date]
    responsible_account_id: Mapped[int | None] = mapped_column(ForeignKey(Account.id), index=True)
    responsible_name: Mapped[str] = mapped_column("responsible", String(MAX_NAME_LENGTH))
    introduction_kk: Mapped[str | None] = mapped_column(Text)
    introduction_ru: Mapped[str | None] = mapped_column(Text)
    findings_kk: Mapped[str | None] = mapped_column(Text)
    findings_ru: Mapped[str | None] = mapped_column(Text)
    measures_kk: Mapped[str | None] = mapped_column(Text)
    measures_ru: Mapped[str | None] = mapped_column(Text)
    conclusions_kk: Mapped[str | None] = mapped_column(Text)
    conclusions_ru: Mapped[str | None] = mapped_column(Text)
    audit_id: Mapped[int | None] = mapped_column(ForeignKey("audits.id"), index=True)
    policy_version: Mapped[str | None] = mapped_column(String(200))
    frozen_at: Mapped[datetime | None] = mapped_column(Instant)
    figures: Mapped[str | None] = mapped_column(Text)
    figures_sha256: Mapped[str | None] = mapped_column(String(64))
    open_figures: Mapped[str | None] = mapped_column(Text)
    open_figures_sha256: Mapped[str | None] = mapped_column(String(64))
    correction_reason: Mapped[str | None] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    created_at: Mapped[datetime] = mapped_column(Instant)
    authors: Mapped[list[Any]] = mapped_column(JSON)
    author_accounts: Mapped[list[int | str]] = mapped_column(JSON)
    submitted_by: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    submitted_at: Mapped[datetime | None] = mapped_column(Instant)
    first_approved_by: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    first_approved_account_id: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    first_approved_at: Mapped[datetime | None] = mapped_column(Instant)
    second_approved_by: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    issued_at: Mapped[datetime | None] = mapped_column(Instant)
    returned_by: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    returned_at: Mapped[datetime | None] = mapped_column(Instant)
    remark: Mapped[str | None] = mapped_column(Text)
    revision: Mapped[int]

    __table_args__ = (UniqueConstraint("year", "ordinal", "version"),)

    responsible: Mapped[str] = column_property(
        case(
            (status == GovernmentReportStatus.ISSUED.value, responsible_name),
            else_=func.coalesce(
                select(RESPONSIBLE.c.name)
                .where(RESPONSIBLE.c.id == responsible_account_id)
                .correlate_except(RESPONSIBLE)
                .scalar_subquery(),
                responsible_name,
            ),
        ),
        expire_on_flush=False,
    )

    def make_responsible(self, account_id: int | None, name: str) -> None:
        """Let an account with that name be responsible."""
        self.responsible_account_id, self.responsible_name = account_id, name
        set_committed_value(self, "responsible", name)

    @property
    def number(self) -> str:
        """The number that all versions have: ``2026-1``."""
        return f"{self.year}-{self.ordinal}"

    @property
    def open_number(self) -> str:
        """The number of the version for readers without restricted records: ``2026-1-open``."""
        return f"{self.number}{OPEN_SUFFIX}"

    @property
    def approved_by(self) -> list[str]:
        """Who approved the version, at most two people."""
        return [name for name in (self.first_approved_by, self.second_approved_by) if name is not None]

    @property
    def leaves_restricted_out(self) -> bool:
        """True when the version for readers without restricted records says something else than the report."""
        return self.figures_sha256 != self.open_figures_sha256

    @property
    def is_changeable(self) -> bool:
        """True while its texts can be changed and its figures frozen."""
        return self.status in CHANGEABLE

    @property
    def is_overdue(self) -> bool:
        """True when it was to be issued before today and is not."""
        return self.status != GovernmentReportStatus.ISSUED and self.due_on < today()
