"""Links by e-mail, valid once, with which a person sets a password: invitations, and after a forgotten password.

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
from sqlalchemy import ColumnElement, ForeignKey, Select, String, and_, delete, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.models import MAX_EMAIL_LENGTH, Account, Person, account_details, has_factor
from registry.accounts.passwords import NO_PASSWORD
from registry.accounts.roles import TWO_PERSON_ROLES, Actor
from registry.core.clock import now
from registry.core.database import Instant, Model, db, require_transaction
from registry.core.errors import NotFound
from registry.core.installation import derived_key
from registry.journal import service as journal

VALID_FOR: Final = timedelta(hours=72)
FORGOTTEN_VALID_FOR: Final = timedelta(hours=1)
NOT_AGAIN_WITHIN: Final = timedelta(minutes=10)
INVITATIONS: Final = b"qaztech-registry: keys of invitations"
BY_EMAIL: Final = "INVITATIONS_BY_EMAIL"
"""Key of Flask's configuration: True when there is a mail server."""
SALT_BYTES: Final = 24


class InvitationNotFound(NotFound):
    """The link does not exist, has expired, was used, or was replaced by another one."""


class Invitation(Model):
    """The open link of an account. It is valid only while the person's address is still ``email``.

    An invitation while the account is invited; after that, for a forgotten password.
    """

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
    account.invited_at = _replace(account, email, VALID_FOR).created_at
    journal.record(actor, "account.invited", f"account:{account.name}", account_details(account))


def add_password_link(account: Account, email: str) -> int | None:
    """Make a link for a forgotten password in the open transaction, and return its id.

    None for an account that gets none, and while one is younger than ten minutes: nobody may end a person's link, or
    fill the mailbox, by asking all the time.
    """
    session = require_transaction()
    since = now() - NOT_AGAIN_WITHIN
    recent = select(Invitation.id).where(Invitation.account_id == account.id, Invitation.created_at > since)
    if session.scalar(recent) is not None:
        return None
    link = _replace(account, email, FORGOTTEN_VALID_FOR)
    if open_invitations([link.id]):
        return link.id
    delete_invitation(account.id)
    return None


def _replace(account: Account, email: str, valid_for: timedelta) -> Invitation:
    session = require_transaction()
    delete_invitation(account.id)
    salt, at = secrets.token_urlsafe(SALT_BYTES), now()
    invitation = Invitation(
        account_id=account.id,
        email=email,
        salt=salt,
        key_hash=_hash(_key(salt)),
        created_at=at,
        expires_at=at + valid_for,
    )
    session.add(invitation)
    session.flush()
    return invitation


def delete_invitation(account_id: int) -> None:
    """Make the link of an account unusable, in the open transaction."""
    require_transaction().execute(delete(Invitation).where(Invitation.account_id == account_id))


def open_invitations(ids: list[int]) -> dict[int, int]:
    """Of these links those that can be used now, each with the id of its person."""
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
    """Return the usable link with that key. Raises InvitationNotFound."""
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
            or_(Account.invited_at.is_not(None), _may_be_forgotten()),
            Account.pending_since.is_(None),
            Account.disabled_at.is_(None),
        )
    )


def _may_be_forgotten() -> ColumnElement[bool]:
    """For accounts with the password that they had when the link was made; of oversight with a second factor only."""
    is_same = and_(Person.password_hash != NO_PASSWORD, Person.password_set_at <= Invitation.created_at)
    return and_(is_same, or_(Account.role.not_in(TWO_PERSON_ROLES), has_factor()))


def _key(salt: str) -> str:
    return hmac.new(derived_key(INVITATIONS), salt.encode(), hashlib.sha256).hexdigest()


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
