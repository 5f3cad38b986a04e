"""Signing in with name and password, throttled by name and by source; a known device has a count of its own."""

from __future__ import annotations

from registry.accounts.account_names import LONGEST_NAME, clean_name
from registry.accounts.actors import Actor
from registry.accounts.attempts import begin_sign_in, mark_succeeded
from registry.accounts.passwords import hash_password, needs_rehash, verify_password
from registry.accounts.people import person_named
from registry.accounts.roles import Role
from registry.accounts.sessions import end_session, secret_hash_of, session_credential, start_session
from registry.core.errors import NotAllowed, RegistryError
from registry.core.transactions import transaction
from registry.journal import service as journal


class PasswordNotAccepted(RegistryError):
    """Name or password is wrong, or the person is disabled: never told which."""


class AccountNotConfirmed(NotAllowed):
    """The password is right; a second person has to confirm the account first."""


def sign_in(
    name: str,
    password: str,
    source: str,
    request_id: str,
    client_request_id: str = "",
    *,
    device: str | None = None,
) -> str:
    """Start a session; the secret for the cookie. ``device`` is the id of a known device.

    Raises PasswordNotAccepted, AccountNotConfirmed, TooManyAttempts, SignInBusy.
    """
    name = "".join(letter for letter in name.strip()[:LONGEST_NAME] if letter.isprintable())
    attempt = begin_sign_in(clean_name(name), source, device)
    person = person_named(name)
    kept = None if person is None else person.password_hash
    right = verify_password(kept, password)
    if person is None or kept is None or not right or person.is_disabled:
        raise PasswordNotAccepted
    if person.is_pending:
        raise AccountNotConfirmed
    rehashed = hash_password(password) if needs_rehash(kept) else kept
    with transaction() as session:
        session.refresh(person, with_for_update=True)
        if person.password_hash != kept or person.is_disabled or person.is_pending:
            raise PasswordNotAccepted
        mark_succeeded(attempt)
        person.password_hash = rehashed
        secret = start_session(person.id, source)
        actor = Actor(
            person.name,
            Role(person.role),
            person.agency_id,
            source,
            request_id,
            account_id=person.account_id,
            is_person=True,
            credential=session_credential(secret_hash_of(secret)),
            client_request_id=client_request_id,
        )
        journal.record(actor, "person.signed-in", f"person:{person.name}")
    return secret


def sign_out(actor: Actor, secret: str) -> None:
    """End the session."""
    with transaction():
        end_session(secret)
        journal.record(actor, "person.signed-out", f"person:{actor.principal}")
