"""Signatures of acts, and whose certificates sign for which account."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.account_names import MAX_NAME_LENGTH
from registry.accounts.models import Account
from registry.core.database import Instant, Model


class Signature(Model):
    """A signature with the act that it belongs to. ``act`` and ``subject``: as in the journal.

    ``content``: the text whose UTF-8 bytes were signed. ``cms``: the signature, base64, encrypted; its certificate has
    the IIN. ``cms_digest``, ``content_digest``: SHA-256 (hex); the same content is signed once. ``revocation``: good,
    or unknown where it need not be known.
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

    __table_args__ = (Index(None, "subject"),)


class Signer(Model):
    """The person whose certificates sign for an account, from the first signature on. ``iin_hash``: keyed."""

    __tablename__ = "signers"

    account_id: Mapped[int] = mapped_column(ForeignKey(Account.id), primary_key=True, autoincrement=False)
    iin_hash: Mapped[str] = mapped_column(String(64), unique=True)
    registered_at: Mapped[datetime] = mapped_column(Instant)
