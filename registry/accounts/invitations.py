"""Invitations: a link by e-mail, valid for 72 hours and once, with which a person sets the first password.

The key of the link is derived from the service's secret key when the e-mail is written, so no table, outbox message or
e-mail in the queue holds it. The database has its hash.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Final

from flask import current_app
from sqlalchemy import ForeignKey, Select, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.models import MAX_EMAIL_LENGTH, Account, Person, account_details
from registry.accounts.roles import Actor
from registry.core.clock import now
from registry.core.database import Instant, Model, db, require_transaction
from registry.core.errors import NotFound
from registry.core.installation import derived_key
from registry.journal import service as journal

VALID_FOR: Final = timedelta(hours=72)
INVITATIONS: Final = b"qaztech-registry: keys of invitations"
BY_EMAIL: Final = "INVITATIONS_BY_EMAIL"
"""Key of Flask's configuration: True when there is a mail server."""
SALT_BYTES: Final = 24


class InvitationNotFound(NotFound):
    """The invitation does not exist, has expired, was used, or was replaced by another one."""


class Invitation(Model):
    """The open invitation of an account. It is valid only while the person's address is still ``email``."""

    __tablename__ = "invitations"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), unique=True)
    email: Mapped[str] = mapped_column(String(MAX_EMAIL_LENGTH))
    salt: Mapped[str] = mapped_column(String(32))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)


def can_be_invited(email: str | None) -> bool:
    """True for a person with an e-mail address, when there is a mail server."""
    return bool(email) and bool(current_app.config.get(BY_EMAIL))


def send_invitation(actor: Actor, account: Account, email: str) -> None:
    """Invite the person in the open transaction. An earlier invitation no longer works."""
    session = require_transaction()
    delete_invitation(account.id)
    salt, at = secrets.token_urlsafe(SALT_BYTES), now()
    invitation = Invitation(
        account_id=account.id,
        email=email,
        salt=salt,
        key_hash=_hash(_key(salt)),
        created_at=at,
        expires_at=at + VALID_FOR,
    )
    session.add(invitation)
    account.invited_at = at
    session.flush()
    journal.record(actor, "account.invited", f"account:{account.name}", account_details(account))


def delete_invitation(account_id: int) -> None:
    """Make the invitation of an account unusable, in the open transaction."""
    require_transaction().execute(delete(Invitation).where(Invitation.account_id == account_id))


def open_invitations(ids: list[int]) -> dict[int, int]:
    """Of these invitations those that can be used now, each with the id of its person."""
    columns = (Invitation.id.label("invitation_id"), Person.id.label("person_id"))
    rows = db.session.execute(_usable().where(Invitation.id.in_(ids)).with_only_columns(*columns))
    return {row.invitation_id: row.person_id for row in rows}


def invitation_key(invitation_id: int) -> str:
    """Return the key of the link. Raises InvitationNotFound."""
    salt = db.session.scalar(select(Invitation.salt).where(Invitation.id == invitation_id))
    if salt is None:
        raise InvitationNotFound
    return _key(salt)


def find_invitation(key: str) -> Invitation:
    """Return the usable invitation with that key. Raises InvitationNotFound."""
    statement = _usable().where(Invitation.key_hash == _hash(key)).execution_options(populate_existing=True)
    invitation = db.session.scalars(statement).one_or_none()
    if not isinstance(invitation, Invitation):
        raise InvitationNotFound
    return invitation


def _usable() -> Select[Invitation]:
    return (
        select(Invitation)
        .join(Account, Account.id == Invitation.account_id)
        .join(Person, Person.account_id == Account.id)
        .where(
            Invitation.expires_at > now(),
            Person.email == Invitation.email,
            Account.invited_at.is_not(None),
            Account.pending_since.is_(None),
            Account.disabled_at.is_(None),
        )
    )


def _key(salt: str) -> str:
    return hmac.new(derived_key(INVITATIONS), salt.encode(), hashlib.sha256).hexdigest()


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
