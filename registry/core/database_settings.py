"""The settings of the database, as ``settings.py`` has them read: its address, its owner, and limits on every wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

POSTGRES = "postgresql+psycopg://"
# In seconds; PostgreSQL takes them in milliseconds as a 32-bit number.
LONGEST_TIMEOUT = 1_000_000
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


def database_url(env: Mapping[str, str], embedded: str, problems: list[str]) -> str:
    """``REGISTRY_DATABASE_URL``, or the embedded default."""
    url = env.get("REGISTRY_DATABASE_URL") or embedded
    if url.startswith(POSTGRES):
        if not _readable(url):
            problems.append(f"REGISTRY_DATABASE_URL: expected {EXPECTED_POSTGRES}")
    elif not url.startswith("sqlite:///") or url in ("sqlite:///", "sqlite:///:memory:"):
        problems.append(f"REGISTRY_DATABASE_URL: expected sqlite:////path/to/file or {EXPECTED_POSTGRES}")
    return url


def owner_url(env: Mapping[str, str], service_url: str, problems: list[str]) -> str | None:
    """``REGISTRY_DATABASE_OWNER_URL``: another role in the same database as the service's."""
    url = env.get("REGISTRY_DATABASE_OWNER_URL")
    if not url:
        return None
    if not (url.startswith(POSTGRES) and _readable(url)):
        problems.append(f"REGISTRY_DATABASE_OWNER_URL: expected {EXPECTED_POSTGRES}")
    elif not (service_url.startswith(POSTGRES) and _readable(service_url)):
        problems.append("REGISTRY_DATABASE_OWNER_URL: only with a REGISTRY_DATABASE_URL of PostgreSQL")
    else:
        owner, service = make_url(url), make_url(service_url)
        if not service.username or owner.username == service.username:
            problems.append("REGISTRY_DATABASE_OWNER_URL: expected another user than that of REGISTRY_DATABASE_URL")
        elif owner.database != service.database:
            problems.append("REGISTRY_DATABASE_OWNER_URL: expected the database of REGISTRY_DATABASE_URL")
    return url


def limits(env: Mapping[str, str], problems: list[str]) -> DatabaseLimits:
    """The limits, each with its default."""
    usual = DatabaseLimits()

    def number(name: str, default: int, least: int, most: int) -> int:
        text = env.get(name) or str(default)
        if text.isascii() and text.isdigit() and len(text) < 9 and least <= int(text) <= most:
            return int(text)
        problems.append(f"{name}: expected a whole number from {least} to {most}, got {text!r}")
        return default

    return DatabaseLimits(
        pool=number("REGISTRY_DATABASE_POOL", usual.pool, 1, 1000),
        statement_timeout=number("REGISTRY_STATEMENT_TIMEOUT", usual.statement_timeout, 0, LONGEST_TIMEOUT),
        lock_timeout=number("REGISTRY_LOCK_TIMEOUT", usual.lock_timeout, 0, LONGEST_TIMEOUT),
        idle_timeout=number("REGISTRY_IDLE_TIMEOUT", usual.idle_timeout, 0, LONGEST_TIMEOUT),
        long_timeout=number("REGISTRY_LONG_TIMEOUT", usual.long_timeout, 0, LONGEST_TIMEOUT),
    )


def _readable(url: str) -> bool:
    try:
        return bool(make_url(url).database)
    except (ArgumentError, ValueError):
        return False
