"""Identities of the OpenID Connect provider: an issuer and a subject, which never change."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.actors import Actor
from registry.accounts.models import Account
from registry.accounts.sessions import WebSession
from registry.core.database import Instant, Model
from registry.core.transactions import require_transaction
from registry.journal import service as journal

MAX_SUBJECT_LENGTH: Final = 255


class OidcIdentity(Model):
    """A person at the provider, and the account here. ``created_at`` is the account's when the account came from it."""

    __tablename__ = "oidc_identities"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("principals.id"), index=True)
    issuer: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(String(MAX_SUBJECT_LENGTH))
    created_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (UniqueConstraint("issuer", "subject"),)


def unlink_by_address(actor: Actor, account: Account) -> None:
    """Unlink identities that an e-mail address led to the account, in the open transaction; their sessions end.

    Whoever requests an oversight role for an account may have set an address of their own there before, and linked
    themselves. The confirmed address links the right person at the next sign-in.
    """
    session = require_transaction()
    linked = (OidcIdentity.account_id == account.id, OidcIdentity.created_at != account.created_at)
    for identity in session.scalars(select(OidcIdentity).where(*linked)):
        session.execute(delete(WebSession).where(WebSession.oidc_identity_id == identity.id))
        session.delete(identity)
        details = {"issuer": identity.issuer, "subject": identity.subject}
        journal.record(actor, "account.identity-unlinked", f"account:{account.name}", details)
    session.flush()
