"""Accounts as they are stored, and their sessions."""

from __future__ import annotations

from registry.accounts.models import account_named
from registry.accounts.roles import Actor
from registry.accounts.service import person_named
from registry.accounts.sessions import find_session_user, start_session
from registry.core.database import transaction


def id_of(name: str) -> int:
    """The id of the account of this name, which exists."""
    account = account_named(name)
    return account.id


def session_of(name: str) -> Actor | None:
    """The session of a person whose password is known."""
    person = person_named(name)
    if person is None:
        return None
    with transaction():
        secret = start_session(person.id, "10.0.0.1")
    signed_in = find_session_user(secret, "10.0.0.1", "")
    return None if signed_in is None else signed_in.actor
