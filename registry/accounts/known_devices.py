"""Known devices: a signed cookie says that a person signed in from this browser before, with the present password.

Such a browser has a count of failed sign-ins of its own, so that strangers who guess cannot lock the person out
(OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from itsdangerous import BadData, URLSafeTimedSerializer

from registry.accounts.models import Person
from registry.accounts.people import person_named

KNOWN_FOR: Final = timedelta(days=365)
SALT: Final = "known-device"
DEVICE_BYTES: Final = 12


def known_device(secret_key: str, cookie: str, name: str) -> str | None:
    """The id of the device, None unless the person of that name signed in from it with the present password."""
    try:
        kept = _serializer(secret_key).loads(cookie, max_age=int(KNOWN_FOR.total_seconds()))
    except BadData:
        return None
    person = _person(name)
    if person is None or kept[1:] != [_password_of(person)]:
        return None
    return str(kept[0])


def device_cookie(secret_key: str, name: str, device: str | None) -> str | None:
    """The cookie after a sign-in; the device keeps its id and count. None when the person is gone meanwhile."""
    person = _person(name)
    if person is None:
        return None
    return str(_serializer(secret_key).dumps([device or secrets.token_urlsafe(DEVICE_BYTES), _password_of(person)]))


def cookie_suffix(name: str) -> str:
    """Tells the cookies of several people at one browser apart."""
    return hashlib.sha256(name.strip().casefold().encode("utf-8", "replace")).hexdigest()[:16]


def _person(name: str) -> Person | None:
    # Signing in passes over what cannot be printed; PostgreSQL refuses a NUL.
    return person_named(name) if name.isprintable() else None


def _password_of(person: Person) -> str:
    """Stands for the person and the present password; nobody reads a name out of the cookie."""
    return hashlib.sha256(f"{person.password_set_at.isoformat()} {person.name}".encode()).hexdigest()


def _serializer(secret_key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret_key, salt=SALT, signer_kwargs={"digest_method": hashlib.sha256})
