"""The service's settings, read once from the environment and refused with the variable's name when wrong."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from email.utils import getaddresses
from pathlib import Path
from urllib.parse import unquote, urlsplit

from registry.core import database_settings
from registry.core.database_settings import DatabaseLimits
from registry.core.shipped_files import CONFIG

CHECKOUT = Path(__file__).resolve().parent.parent
SECRET_KEY_FILE = "secret_key"  # noqa: S105 - a file's name
SHORTEST_SECRET_KEY = 16
# One plain ASCII address at a domain, for the From of mails.
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
SMTP_PORTS = {"smtp": 25, "smtps": 465}
# 1,000 a second without end: more than a script that waits for its answers gets out of one process.
USUAL_RATE_LIMIT = 60_000


class SettingsInvalid(Exception):
    """One or more environment variables are wrong; the message names each and says what is expected."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Mail:
    """How mails leave. ``tls``: from the first byte (smtps); otherwise STARTTLS, which a ``user`` makes a must.

    ``public_url``: where links lead, without a slash at the end.
    """

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None = field(repr=False)
    sender: str
    sender_name: str
    public_url: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose. ``audit_at`` and ``digest_at`` are local times of Asia/Almaty, None for off.

    ``mail`` is None when no mails are sent. ``rate_limit``: the requests a minute of one principal, None for any
    number. ``trusted_proxies``: how many proxies stand before the service, whose word on the caller's address and
    scheme is taken.
    ``health_port``: where ``/healthz`` is answered beside the web server, None for nowhere else.
    ``database_owner_url``: the role that owns the schema, when the service's own may not change it.
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
    calendar_file: Path
    public_url: str | None
    mail: Mail | None
    digest_at: time | None
    rate_limit: int | None = None
    trusted_proxies: int = 0
    health_port: int | None = None

    @property
    def embedded(self) -> bool:
        """True when the database is a SQLite file."""
        return self.database_url.startswith("sqlite:")


def read_settings(environ: Mapping[str, str] | None = None, *, read_only: bool = False) -> Settings:
    """Read ``REGISTRY_*``. Makes the data folder and, in the embedded default, the secret key.

    With ``read_only`` nothing is made, and the secret key is empty where there is none. Raises SettingsInvalid with
    every wrong variable, not only the first.
    """
    env = os.environ if environ is None else environ
    problems: list[str] = []
    data_dir = Path(env.get("REGISTRY_DATA_DIR") or "var").absolute()
    database_url = database_settings.database_url(env, f"sqlite:///{data_dir / 'registry.sqlite3'}", problems)
    if not read_only:
        _make_data_dir(data_dir, problems)
    settings = Settings(
        database_url=database_url,
        database_owner_url=database_settings.owner_url(env, database_url, problems),
        database_limits=database_settings.limits(env, problems),
        data_dir=data_dir,
        secret_key=""
        if read_only and database_url.startswith("sqlite:")
        else _secret_key(env, data_dir, database_url, problems),
        host=env.get("REGISTRY_HOST") or "127.0.0.1",
        port=_port(env, "REGISTRY_PORT", "8000", problems),
        audit_at=_local_time(env, "REGISTRY_AUDIT_AT", "02:00", problems),
        policy_file=_config_file(env, "REGISTRY_POLICY_FILE", "freeze_policy.toml", "a policy file", problems),
        calendar_file=_config_file(env, "REGISTRY_CALENDAR_FILE", "calendar.toml", "a calendar file", problems),
        public_url=_public_url(env, problems),
        mail=_mail(env, problems),
        digest_at=_local_time(env, "REGISTRY_DIGEST_AT", "09:00", problems),
        rate_limit=_rate_limit(env, problems),
        trusted_proxies=_trusted_proxies(env, problems),
        health_port=_port(env, "REGISTRY_HEALTH_PORT", "0", problems) or None,
    )
    problems += [
        f"{name}: people sign in with passwords; OpenID Connect is not part of this version, so remove the variable"
        for name in sorted(env)
        if name.startswith("REGISTRY_OIDC_")
    ]
    if problems:
        raise SettingsInvalid(problems)
    return settings


def _make_data_dir(data_dir: Path, problems: list[str]) -> None:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        problems.append(
            f"REGISTRY_DATA_DIR: the folder {data_dir} cannot be made ({error.strerror}); name a writable one"
        )
    else:
        if not os.access(data_dir, os.W_OK | os.X_OK):
            problems.append(f"REGISTRY_DATA_DIR: the folder {data_dir} cannot be written; name a writable one")


def _secret_key(env: Mapping[str, str], data_dir: Path, database_url: str, problems: list[str]) -> str:
    given = env.get("REGISTRY_SECRET_KEY")
    if given is not None:
        if len(given) < SHORTEST_SECRET_KEY:
            problems.append(f"REGISTRY_SECRET_KEY: expected at least {SHORTEST_SECRET_KEY} characters, better 32")
        return given
    if not database_url.startswith("sqlite:"):
        problems.append("REGISTRY_SECRET_KEY: required with this database; set a random text of 32 characters")
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


def _port(env: Mapping[str, str], name: str, default: str, problems: list[str]) -> int:
    text = env.get(name) or default
    if text == default or (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        return int(text)
    problems.append(f"{name}: expected a port from 1 to 65535, got {text!r}")
    return 0


def _local_time(env: Mapping[str, str], name: str, default: str, problems: list[str]) -> time | None:
    text = env.get(name) or default
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
    problems.append(f"{name}: expected HH:MM (Asia/Almaty) or off, got {text!r}")
    return None


def _rate_limit(env: Mapping[str, str], problems: list[str]) -> int | None:
    text = env.get("REGISTRY_RATE_LIMIT") or str(USUAL_RATE_LIMIT)
    if text == "off":
        return None
    if text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0:
        return int(text)
    problems.append(f"REGISTRY_RATE_LIMIT: expected a number of requests a minute or off, got {text!r}")
    return None


def _trusted_proxies(env: Mapping[str, str], problems: list[str]) -> int:
    text = env.get("REGISTRY_TRUSTED_PROXIES") or "0"
    if text.isascii() and text.isdigit() and len(text) == 1:
        return int(text)
    problems.append(f"REGISTRY_TRUSTED_PROXIES: expected how many proxies stand before the service, got {text!r}")
    return 0


def _config_file(env: Mapping[str, str], name: str, shipped: str, expected: str, problems: list[str]) -> Path:
    path = Path(env.get(name) or CONFIG / shipped).absolute()
    if not path.is_file():
        problems.append(f"{name}: there is no file {path}; name {expected}")
    return path


def _public_url(env: Mapping[str, str], problems: list[str]) -> str | None:
    text = env.get("REGISTRY_PUBLIC_URL")
    if not text:
        return None
    try:
        parts = urlsplit(text)
        valid = (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
        )
    except ValueError:
        valid = False
    if not valid or not (text.isascii() and text.isprintable()) or " " in text:
        # What was given may hold a password.
        problems.append("REGISTRY_PUBLIC_URL: expected an address such as https://host, without user or password")
    return text


def _mail(env: Mapping[str, str], problems: list[str]) -> Mail | None:
    """How mails leave, None when they do not. What is wrong is told without the address, which may hold a password."""
    text = env.get("REGISTRY_SMTP_URL")
    if not text:
        return None
    server = _smtp_server(text)
    if server is None:
        problems.append("REGISTRY_SMTP_URL: expected smtp://host, smtps://host or smtps://user:password@host:port")
        return None
    public_url = env.get("REGISTRY_PUBLIC_URL")
    if not public_url:
        problems.append("REGISTRY_PUBLIC_URL: required with REGISTRY_SMTP_URL, because mails lead people to the pages")
        return None
    sender_name, sender = _sender(env, public_url, problems)
    return Mail(*server, sender, sender_name, public_url.rstrip("/"))


def _smtp_server(text: str) -> tuple[str, int, bool, str | None, str | None] | None:
    """Host, port, TLS, user and password; None when the address is none."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
    plain = parts.path in ("", "/") and not parts.query and not parts.fragment
    if not host or port == 0 or parts.scheme not in SMTP_PORTS or not plain or bool(user) != bool(password):
        return None
    if not host.isascii() or not f"{host}{user or ''}{password or ''}".isprintable():
        return None
    return host, port or SMTP_PORTS[parts.scheme], parts.scheme == "smtps", user or None, password or None


def _sender(env: Mapping[str, str], public_url: str, problems: list[str]) -> tuple[str, str]:
    text = env.get("REGISTRY_MAIL_FROM")
    if text:
        # Of several, parseaddr takes the first without a word before Python 3.11.10.
        found = getaddresses([text])
        name, address = found[0] if len(found) == 1 else ("", "")
        if not ADDRESS.fullmatch(address) or not text.isprintable():
            problems.append(f"REGISTRY_MAIL_FROM: expected address@domain or Name <address@domain>, got {text!r}")
        return name, address
    address = f"registry@{public_url.partition('://')[2].partition('/')[0].partition(':')[0]}"
    if not ADDRESS.fullmatch(address) or address.rpartition(".")[2].isdigit():
        problems.append("REGISTRY_MAIL_FROM: required, because REGISTRY_PUBLIC_URL has no domain to send mails from")
    return "", address
