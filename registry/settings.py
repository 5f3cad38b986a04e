"""The service's settings, read once from the environment and refused with the variable's name when wrong."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

CHECKOUT = Path(__file__).resolve().parent.parent
SECRET_KEY_FILE = "secret_key"  # noqa: S105 - a file's name
SHORTEST_SECRET_KEY = 16
POSTGRES = "postgresql+psycopg://"
# In seconds; PostgreSQL takes them in milliseconds as a 32-bit number.
LONGEST_TIMEOUT = 1_000_000


class SettingsInvalid(Exception):
    """One or more environment variables are wrong; the message names each and says what is expected."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


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


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose. ``audit_at`` is a local time of Asia/Almaty, None when the nightly audit is off.

    ``database_owner_url``: the role that owns the schema, when the service's own role may not change it.
    """

    database_url: str
    database_owner_url: str | None
    database_limits: DatabaseLimits
    data_dir: Path
    secret_key: str
    host: str
    port: int
    audit_at: time | None
    policy_file: Path
    public_url: str | None
    smtp_url: str | None

    @property
    def embedded(self) -> bool:
        """True when the database is a SQLite file."""
        return self.database_url.startswith("sqlite:")


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read ``REGISTRY_*``. Makes the data folder and, in the embedded default, the secret key.

    Raises SettingsInvalid with every wrong variable, not only the first.
    """
    env = os.environ if environ is None else environ
    problems: list[str] = []
    data_dir = Path(env.get("REGISTRY_DATA_DIR") or "var").absolute()
    database_url = _database_url(env, data_dir, problems)
    settings = Settings(
        database_url=database_url,
        database_owner_url=_owner_url(env, database_url, problems),
        database_limits=_limits(env, problems),
        data_dir=data_dir,
        secret_key=_secret_key(env, data_dir, database_url, problems),
        host=env.get("REGISTRY_HOST") or "127.0.0.1",
        port=_port(env, problems),
        audit_at=_audit_at(env, problems),
        policy_file=_policy_file(env, problems),
        public_url=_url(env, "REGISTRY_PUBLIC_URL", ("http", "https"), problems),
        smtp_url=_url(env, "REGISTRY_SMTP_URL", ("smtp", "smtps"), problems),
    )
    if problems:
        raise SettingsInvalid(problems)
    return settings


def _database_url(env: Mapping[str, str], data_dir: Path, problems: list[str]) -> str:
    url = env.get("REGISTRY_DATABASE_URL") or f"sqlite:///{data_dir / 'registry.sqlite3'}"
    if url.startswith(POSTGRES):
        if not _readable(url):
            problems.append(f"REGISTRY_DATABASE_URL: {EXPECTED_POSTGRES}")
    elif not url.startswith("sqlite:///") or url in ("sqlite:///", "sqlite:///:memory:"):
        problems.append(f"REGISTRY_DATABASE_URL: expected sqlite:////path/to/file or {EXPECTED_POSTGRES[9:]}")
    try:
        data_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        problems.append(
            f"REGISTRY_DATA_DIR: the folder {data_dir} cannot be made ({error.strerror}); name a writable one"
        )
    else:
        if not os.access(data_dir, os.W_OK | os.X_OK):
            problems.append(f"REGISTRY_DATA_DIR: the folder {data_dir} cannot be written; name a writable one")
    return url


def _owner_url(env: Mapping[str, str], database_url: str, problems: list[str]) -> str | None:
    url = env.get("REGISTRY_DATABASE_OWNER_URL")
    if not url:
        return None
    if not (url.startswith(POSTGRES) and _readable(url)):
        problems.append(f"REGISTRY_DATABASE_OWNER_URL: {EXPECTED_POSTGRES}")
    elif not (database_url.startswith(POSTGRES) and _readable(database_url)):
        problems.append("REGISTRY_DATABASE_OWNER_URL: only with a REGISTRY_DATABASE_URL of PostgreSQL")
    else:
        owner, service = make_url(url), make_url(database_url)
        if not service.username or owner.username == service.username:
            problems.append("REGISTRY_DATABASE_OWNER_URL: expected another user than that of REGISTRY_DATABASE_URL")
        elif owner.database != service.database:
            problems.append("REGISTRY_DATABASE_OWNER_URL: expected the database of REGISTRY_DATABASE_URL")
    return url


EXPECTED_POSTGRES = (
    f"expected {POSTGRES}user:password@host/name, or with a standby {POSTGRES}user:password@/name?host=one&host=two"
)


def _readable(url: str) -> bool:
    try:
        return bool(make_url(url).database)
    except (ArgumentError, ValueError):
        return False


def _limits(env: Mapping[str, str], problems: list[str]) -> DatabaseLimits:
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


def _secret_key(env: Mapping[str, str], data_dir: Path, database_url: str, problems: list[str]) -> str:
    given = env.get("REGISTRY_SECRET_KEY")
    if given is not None:
        if len(given) < SHORTEST_SECRET_KEY:
            problems.append(f"REGISTRY_SECRET_KEY: expected at least {SHORTEST_SECRET_KEY} characters")
        return given
    if not database_url.startswith("sqlite:"):
        problems.append("REGISTRY_SECRET_KEY: required with this database; set a random text of 32 characters or more")
        return ""
    if problems:
        return ""
    path = data_dir / SECRET_KEY_FILE
    try:
        if not path.exists():
            _make_secret_key(path)
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"REGISTRY_DATA_DIR: the secret key in {path} cannot be made or read ({error})")
        return ""
    if len(key) < SHORTEST_SECRET_KEY:
        problems.append(f"REGISTRY_DATA_DIR: {path} holds no secret key; delete the file and a new one is made")
    return key


def _make_secret_key(path: Path) -> None:
    """Write a new key, whole or not at all: of several processes that start at once the first gives the key to all."""
    handle, written = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # of mode 600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(handle)
        with contextlib.suppress(FileExistsError):
            os.link(written, path)
    finally:
        os.unlink(written)


def _port(env: Mapping[str, str], problems: list[str]) -> int:
    text = env.get("REGISTRY_PORT") or "8000"
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 65535:
        return int(text)
    problems.append(f"REGISTRY_PORT: expected a port from 1 to 65535, got {text!r}")
    return 0


def _audit_at(env: Mapping[str, str], problems: list[str]) -> time | None:
    text = env.get("REGISTRY_AUDIT_AT") or "02:00"
    if text == "off":
        return None
    hour, _, minute = text.partition(":")
    if (
        text.isascii()
        and len(text) == 5
        and hour.isdigit()
        and minute.isdigit()
        and int(hour) < 24
        and int(minute) < 60
    ):
        return time(int(hour), int(minute))
    problems.append(f"REGISTRY_AUDIT_AT: expected HH:MM (Asia/Almaty) or off, got {text!r}")
    return None


def _policy_file(env: Mapping[str, str], problems: list[str]) -> Path:
    path = Path(env.get("REGISTRY_POLICY_FILE") or CHECKOUT / "config" / "freeze_policy.toml").absolute()
    if not path.is_file():
        problems.append(f"REGISTRY_POLICY_FILE: there is no file {path}; name a policy file")
    return path


def _url(env: Mapping[str, str], name: str, schemes: tuple[str, ...], problems: list[str]) -> str | None:
    text = env.get(name)
    if not text:
        return None
    try:
        parts = urlsplit(text)
        valid = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        problems.append(f"{name}: expected an address such as {schemes[-1]}://host, got {text!r}")
    return text
