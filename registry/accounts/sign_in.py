"""Sign-in with name or e-mail address and password, throttled per account and per source; known devices are counted
separately.

The session of an account with a second factor, or with a role that requires one, awaits it (``factors.py``).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import select

from registry.accounts.account_names import MAX_NAME_LENGTH, skeleton
from registry.accounts.attempts import begin_sign_in, is_locked, mark_succeeded, records_failures
from registry.accounts.models import Person, has_factor, is_required_of, mark_signed_in, person_actor
from registry.accounts.oidc_configuration import sign_in_configuration
from registry.accounts.passwords import hash_password, needs_rehash, verify_password
from registry.accounts.roles import Actor
from registry.accounts.service import person_named
from registry.accounts.sessions import device_name, end_session, secret_hash_of, session_credential, start_session
from registry.core.database import require_transaction, transaction
from registry.core.errors import NotAllowed, RegistryError
from registry.journal import service as journal


class PasswordNotAccepted(RegistryError):
    """The name or password is wrong, or the account is disabled; the response does not say which."""


class AccountNotConfirmed(NotAllowed):
    """The password is correct, but a second person must confirm the account first."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that has started. ``secret`` is for the cookie; ``awaits_factor``: its second factor is to come."""

    secret: str
    awaits_factor: bool


@records_failures
def sign_in(
    name: str,
    password: str,
    source: str,
    request_id: str,
    client_request_id: str = "",
    *,
    device: str | None = None,
    user_agent: str = "",
) -> SignedIn:
    """Start a session for the person with the name or e-mail address, in whatever case.

    ``device`` is the id of a known device, ``user_agent`` the browser's header.

    Raises PasswordNotAccepted, AccountNotConfirmed, TooManyAttempts, SignInBusy.
    """
    name = "".join(letter for letter in name.strip()[:MAX_NAME_LENGTH] if letter.isprintable())
    # The key of the throttle is folded as the name is: another case is no further guess.
    attempt = begin_sign_in(skeleton(name)[:MAX_NAME_LENGTH], source, device)
    person = person_named(name)
    password_hash = None if person is None else person.password_hash
    names = {name} if person is None else {name, person.name, person.email or name}
    if is_locked({skeleton(each)[:MAX_NAME_LENGTH] for each in names}, source, device):
        password_hash = None
    matches = verify_password(password_hash, password)
    if person is None or password_hash is None or not matches or person.is_disabled:
        raise PasswordNotAccepted
    if not sign_in_configuration().allows_password(person.name):
        raise PasswordNotAccepted
    if person.is_pending:
        raise AccountNotConfirmed
    rehashed = hash_password(password) if needs_rehash(password_hash) else password_hash
    with transaction() as session:
        session.refresh(person, with_for_update=True)
        if person.password_hash != password_hash or person.is_disabled or person.is_pending:
            raise PasswordNotAccepted
        mark_succeeded(attempt)
        person.password_hash = rehashed
        # The first sign-in of a new account is always on a new device, and its person has just chosen the password.
        is_first = person.last_signed_in_at is None
        secret = start_session(person.id, source, device=device_name(user_agent))
        awaits_factor = needs_factor(person.id, person.role)
        credential = session_credential(secret_hash_of(secret))
        actor = person_actor(person.account, credential, source, request_id, client_request_id)
        action = "person.password-accepted" if awaits_factor else "person.signed-in"
        if not awaits_factor:
            mark_signed_in(person.id)
        journal.record(actor, action, f"person:{person.name}")
        if device is None and not is_first:
            journal.record(actor, "account.new-device", f"account:{person.name}")
    return SignedIn(secret, awaits_factor)


def needs_factor(person_id: int, role: str) -> bool:
    """Return True when a session of the person needs a second factor: the role requires one, or the person has one."""
    enrolled = select(has_factor()).select_from(Person).where(Person.id == person_id)
    return is_required_of(role) or bool(require_transaction().scalar(enrolled))


def sign_out(actor: Actor, secret: str) -> None:
    """End the session."""
    with transaction():
        end_session(secret)
        journal.record(actor, "person.signed-out", f"person:{actor.principal}")


# Device cookies: a signed cookie marks a browser from which a person signed in with the current password.
#
# Failed sign-ins of such a browser are counted separately, so that an attacker who guesses passwords cannot lock the
# person out (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").

DEVICE_MAX_AGE: Final = timedelta(days=365)
SALT: Final = "known-device"
DEVICE_BYTES: Final = 12


def known_device(secret_key: str, cookie: str, name: str) -> str | None:
    """Return the id of the device; None unless the person signed in from it with the current password."""
    try:
        content = _serializer(secret_key).loads(cookie, max_age=int(DEVICE_MAX_AGE.total_seconds()))
    except BadData:
        return None
    person = _person(name)
    if person is None or content[1:] != [_password_fingerprint(person)]:
        return None
    return str(content[0])


def device_cookie(secret_key: str, name: str, device: str | None) -> str | None:
    """Return the cookie to set after a sign-in; ``device`` keeps a known device's id. None when the person does not
    exist.
    """
    person = _person(name)
    if person is None:
        return None
    return str(
        _serializer(secret_key).dumps([device or secrets.token_urlsafe(DEVICE_BYTES), _password_fingerprint(person)])
    )


def cookie_suffix(name: str) -> str:
    """Return a suffix of the cookie's name, one for each person, so that several can use one browser."""
    person = _person(name)
    name = name if person is None else person.name
    return hashlib.sha256(name.strip().casefold().encode("utf-8", "replace")).hexdigest()[:16]


def _person(name: str) -> Person | None:
    # sign_in() drops unprintable characters; PostgreSQL rejects NUL.
    return person_named(name) if name.isprintable() else None


def _password_fingerprint(person: Person) -> str:
    """Return a hash that identifies the person and the current password without revealing the name."""
    return hashlib.sha256(f"{person.password_set_at.isoformat()} {person.name}".encode()).hexdigest()


def _serializer(secret_key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret_key, salt=SALT, signer_kwargs={"digest_method": hashlib.sha256})
