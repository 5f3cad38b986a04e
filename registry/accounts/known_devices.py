"""Device cookies: a signed cookie marks a browser from which a person signed in with the current password.

Failed sign-ins of such a browser are counted separately, so that an attacker who guesses passwords cannot lock the
person out (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from itsdangerous import BadData, URLSafeTimedSerializer

from registry.accounts.models import Person
from registry.accounts.people import person_named

DEVICE_MAX_AGE: Final = timedelta(days=365)
SALT: Final = "known-device"
DEVICE_BYTES: Final = 12


def known_device(secret_key: str, cookie: str, name: str) -> str | None:
    """The id of the device; None unless the person signed in from it with the current password."""
    try:
        content = _serializer(secret_key).loads(cookie, max_age=int(DEVICE_MAX_AGE.total_seconds()))
    except BadData:
        return None
    person = _person(name)
    if person is None or content[1:] != [_password_fingerprint(person)]:
        return None
    return str(content[0])


def device_cookie(secret_key: str, name: str, device: str | None) -> str | None:
    """The cookie to set after a sign-in; ``device`` keeps a known device's id. None when the person does not exist."""
    person = _person(name)
    if person is None:
        return None
    return str(
        _serializer(secret_key).dumps([device or secrets.token_urlsafe(DEVICE_BYTES), _password_fingerprint(person)])
    )


def cookie_suffix(name: str) -> str:
    """A suffix of the cookie's name, so that several people can use one browser."""
    return hashlib.sha256(name.strip().casefold().encode("utf-8", "replace")).hexdigest()[:16]


def _person(name: str) -> Person | None:
    # sign_in() drops unprintable characters; PostgreSQL rejects NUL.
    return person_named(name) if name.isprintable() else None


def _password_fingerprint(person: Person) -> str:
    """A hash that identifies the person and the current password without revealing the name."""
    return hashlib.sha256(f"{person.password_set_at.isoformat()} {person.name}".encode()).hexdigest()


def _serializer(secret_key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret_key, salt=SALT, signer_kwargs={"digest_method": hashlib.sha256})
