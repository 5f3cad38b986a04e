"""Settings of the database, with the limits of every wait, and contacts that the operator names."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from environs import Env, ValidationError
from marshmallow.validate import Range
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

# Settings of the database: its address, its owner, and the limits of every wait.

POSTGRES = "postgresql+psycopg://"
# In seconds; PostgreSQL takes them in milliseconds as a 32-bit number.
MAX_TIMEOUT = 1_000_000
EXPECTED_POSTGRES = (
    f"{POSTGRES}user:password@host/name, or with a standby {POSTGRES}user:password@/name?host=one&host=two"
)


@dataclass(frozen=True, slots=True)
class DatabaseLimits:
    """What one process may ask of PostgreSQL: connections that it keeps, and how long it waits, in seconds.

    At peaks a process opens as many connections again. ``long_timeout`` is for the statements of audits, imports,
    exports and reports; 0 is no limit.
    """

    pool: int = 10
    statement_timeout: int = 60
    lock_timeout: int = 30
    idle_timeout: int = 60
    long_timeout: int = 3600


def check_database_url(text: str) -> None:
    """Raise ValidationError when the service cannot use the address, which the error does not repeat: it may hold a
    password.
    """
    if text.startswith(POSTGRES):
        if not _readable(text):
            raise ValidationError(f"expected {EXPECTED_POSTGRES}")
    elif not text.startswith("sqlite:///") or text in ("sqlite:///", "sqlite:///:memory:"):
        raise ValidationError(f"expected sqlite:////path/to/file or {EXPECTED_POSTGRES}")


def owner_url(text: str, service_url: str | None) -> str | None:
    """Return the address of another role in the same database as the service's; empty is None."""
    if not text:
        return None
    owner, service = _beside(text, service_url)
    if not service.username or owner.username == service.username:
        raise ValidationError("expected another user than that of REGISTRY_DATABASE_URL")
    if owner.database != service.database:
        raise ValidationError("expected the database of REGISTRY_DATABASE_URL")
    return text


def read_url(text: str, service_url: str | None) -> str | None:
    """Return the address of standbys to read lists and exports from, in the service's database; empty is None."""
    if not text:
        return None
    standby, service = _beside(text, service_url)
    if standby.database != service.database:
        raise ValidationError("expected the database of REGISTRY_DATABASE_URL")
    return text


def _beside(text: str, service_url: str | None) -> tuple[URL, URL]:
    """Return a second address of PostgreSQL, and the service's. Raises ValidationError."""
    if not (text.startswith(POSTGRES) and _readable(text)):
        raise ValidationError(f"expected {EXPECTED_POSTGRES}")
    if service_url is None or not service_url.startswith(POSTGRES):
        raise ValidationError("only with a REGISTRY_DATABASE_URL of PostgreSQL")
    return make_url(text), make_url(service_url)


def whole_number(least: int, most: int, expected: str = "a whole number from {min} to {max}") -> dict[str, Any]:
    """Return the arguments of ``env.int`` for a number within limits; ``expected`` is what an error says."""
    sentence = f"expected {expected.format(min=least, max=most)}, got {{input!r}}"
    return {"validate": Range(least, most, error=sentence), "error_messages": {"invalid": sentence}}


def database_limits(env: Env) -> DatabaseLimits:
    """Return the limits, each with its default."""
    usual, timeout = DatabaseLimits(), whole_number(0, MAX_TIMEOUT)
    return DatabaseLimits(
        pool=env.int("REGISTRY_DATABASE_POOL", usual.pool, **whole_number(1, 1000)),
        statement_timeout=env.int("REGISTRY_STATEMENT_TIMEOUT", usual.statement_timeout, **timeout),
        lock_timeout=env.int("REGISTRY_LOCK_TIMEOUT", usual.lock_timeout, **timeout),
        idle_timeout=env.int("REGISTRY_IDLE_TIMEOUT", usual.idle_timeout, **timeout),
        long_timeout=env.int("REGISTRY_LONG_TIMEOUT", usual.long_timeout, **timeout),
    )


def _readable(url: str) -> bool:
    try:
        return bool(make_url(url).database)
    except (ArgumentError, ValueError):
        return False


# Parsers of settings that depend on others.
PARSERS: Final[dict[str, Callable[..., object]]] = {"owner_url": owner_url, "read_url": read_url}


# Contacts that the operator names: for reports of vulnerabilities, and for people who need help.

# One plain ASCII address at a domain.
ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
TELEPHONE: Final = re.compile(r"\+?[0-9][0-9 ()-]{2,30}[0-9]")


def security_contact(text: str) -> str | None:
    """Return the URI for security.txt (RFC 9116): ``mailto:`` of an e-mail address, ``tel:``, or an address of
    https.
    """
    if not text:
        return None
    address = support_uri(text)
    if address is not None:
        return address
    try:
        parts = urlsplit(text)
        valid = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc
    except ValueError:
        valid = False
    if not valid or not (text.isascii() and text.isprintable()) or " " in text:
        raise ValidationError("expected an e-mail address, a telephone number or https://host/path")
    return text


def support_contact(text: str) -> str | None:
    """Return an e-mail address or a telephone number, as it is displayed."""
    if text and support_uri(text) is None:
        raise ValidationError("expected an e-mail address or a telephone number")
    return text or None


def support_uri(text: str) -> str | None:
    """Return the address of a link to the contact; None when it is neither an e-mail address nor a telephone number."""
    if ADDRESS.fullmatch(text):
        return f"mailto:{text}"
    if TELEPHONE.fullmatch(text):
        return f"tel:{re.sub('[^0-9+]', '', text)}"
    return None
