"""Signatures of acts, and whose certificates sign for which account."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.account_names import MAX_NAME_LENGTH
from registry.accounts.models import Account
from registry.core.database import Instant, Model
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices


class SignableAct(Choices):
    """What can be signed: its name when it was signed, and the button that signs it."""

    PROPOSAL = "case.propose", lazy_text("Decision proposed"), lazy_text("Propose with an electronic signature")
    DECISION = "case.approve", lazy_text("Decision approved"), lazy_text("Approve with an electronic signature")
    APPEAL = "case.appeal", lazy_text("Appealed"), lazy_text("Appeal with an electronic signature")
    REGISTRATION = "project.register", lazy_text("Registration"), lazy_text("Register with an electronic signature")
    APPROVAL = "approval.approve", lazy_text("Approval"), lazy_text("Approve with an electronic signature")
    REPORT = (
        "government-report.approve",
        lazy_text("Report approved"),
        lazy_text("Approve with an electronic signature"),
    )

    @property
    def button(self) -> str:
        """The English text of the button."""
        return self.labels[1]


class Signature(Model):
    """A signature with the act that it belongs to. ``act`` and ``subject``: as in the journal.

    ``content``: the text whose UTF-8 bytes were signed. ``cms``: the signature, base64, encrypted; its certificate has
    the IIN. ``cms_digest``, ``content_digest``: SHA-256 (hex); the same content is signed once. ``revocation``: good,
    or unknown where it need not be known. ``signed_at``: when it was received; ``stamped_at``: when its time stamp
    proves that it existed. ``certificate_issuer``: the centre; ``method``: what verified it, python or ncanode; both
    are None for what was signed before they were recorded.
    """

    __tablename__ = "signatures"

    id: Mapped[int] = mapped_column(primary_key=True)
    act: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(Text)
    account_id: Mapped[int] = mapped_column(ForeignKey(Account.id))
    signed_by: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    signed_at: Mapped[datetime] = mapped_column(Instant)
    content: Mapped[str] = mapped_column(Text)
    content_digest: Mapped[str] = mapped_column(String(64), unique=True)
    cms: Mapped[str] = mapped_column(Text)
    cms_digest: Mapped[str] = mapped_column(String(64))
    certificate_serial: Mapped[str] = mapped_column(String(64))
    certificate_subject: Mapped[str] = mapped_column(Text)
    certificate_from: Mapped[datetime] = mapped_column(Instant)
    certificate_to: Mapped[datetime] = mapped_column(Instant)
    revocation: Mapped[str] = mapped_column(String(10))
    certificate_issuer: Mapped[str | None] = mapped_column(Text)
    method: Mapped[str | None] = mapped_column(String(10))
    stamped_at: Mapped[datetime | None] = mapped_column(Instant)

    __table_args__ = (Index(None, "subject"),)


class Signer(Model):
    """The person whose certificates sign for an account, from the first signature on. ``iin_hash``: keyed."""

    __tablename__ = "signers"

    account_id: Mapped[int] = mapped_column(ForeignKey(Account.id), primary_key=True, autoincrement=False)
    iin_hash: Mapped[str] = mapped_column(String(64), unique=True)
    registered_at: Mapped[datetime] = mapped_column(Instant)
