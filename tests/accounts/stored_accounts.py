"""Accounts as they are stored, and their sessions."""

from __future__ import annotations

from sqlalchemy import select

from registry.accounts.models import Account, account_named
from registry.accounts.roles import Actor
from registry.accounts.service import person_named
from registry.accounts.sessions import find_session_user, start_session
from registry.core.database import db, transaction


def id_of(name: str) -> int:
    """The id of the account of this name, which exists."""
    account = account_named(name)
    assert account is not None
    return account.id


def name_of(account_id: int) -> str:
    """The present name of an account."""
    return db.session.scalars(select(Account.name).where(Account.id == account_id)).one()


def session_of(name: str) -> Actor | None:
    """The session of a person whose password is known."""
    person = person_named(name)
    if person is None:
        return None
    with transaction():
        secret = start_session(person.id, "10.0.0.1")
    signed_in = find_session_user(secret, "10.0.0.1", "")
    return None if signed_in is None else signed_in.actor
