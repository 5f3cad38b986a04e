"""Settings from the environment variables ``REGISTRY_*``, read once with environs; errors name each wrong variable."""

import contextlib
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import time
from pathlib import Path
from shlex import quote
from typing import Any, Final
from urllib.parse import urlsplit

from environs import Env, EnvValidationError, ValidationError
from marshmallow.validate import OneOf, Predicate, Regexp

from registry.accounts.oidc_configuration import OidcClient, oidc_client, oidc_issuer, oidc_value
from registry.accounts.roles import Role
from registry.core.files import CONFIG
from registry.core.settings import (
    PARSERS as DATABASE_PARSERS,
    DatabaseLimits,
    check_database_url,
    database_limits,
    security_contact,
    support_contact,
    whole_number,
)
from registry.http.telemetry import PARSERS as TELEMETRY_PARSERS, read_telemetry
from registry.journal.witnesses import PARSERS as WITNESS_PARSERS
from registry.notifications.settings import PARSERS as AITU_PARSERS, AituBot, Mail, aitu_bot, mail_sender, smtp_server
from registry.open_data.models import PARSERS as OPEN_DATA_PARSERS, Licence
from registry.procurement.classification import PARSERS as WORDS_PARSERS, ItWords
from registry.procurement.portal import PARSERS as PORTAL_PARSERS, URL as PORTAL_URL, Portal
from registry.signatures.verification import PARSERS as SIGNATURE_PARSERS, SignatureSettings
from registry.state_systems.sources import PARSERS as SYSTEMS_PARSERS, StateSystems
from registry.webhooks.sender import PARSERS as WEBHOOK_PARSERS

CHECKOUT = Path(__file__).resolve().parent.parent
SECRET_KEY_FILE = "secret_key"  # noqa: S105 - a file's name
MIN_SECRET_KEY_LENGTH = 16
EXPECTED_PORT = "a port from 1 to 65535"
EXPECTED_PROXIES = "how many proxies stand before the service"
LOCAL_TIME_OR_OFF = Regexp(
    r"(off|([01][0-9]|2[0-3]):[0-5][0-9])\Z", error="expected HH:MM (Asia/Almaty) or off, got {input!r}"
)
NUMBER_OR_OFF = Regexp(r"(off|[1-9][0-9]{0,8})\Z", error="expected a number of requests a minute or off, got {input!r}")
LOG_LEVEL = OneOf(("debug", "info", "warning", "error"), error="expected one of {choices}, got {input!r}")
ROLES_OR_OFF = Regexp(r"(off|[a-z_]+(,[a-z_]+)*)\Z", error="expected off, or roles separated by commas, got {input!r}")
# 1,000 a second without end: more than a script that waits for its answers gets out of one process.
USUAL_RATE_LIMIT = "60000"
ON_OR_OFF = Regexp(r"(on|off)\Z", error="expected on or off, got {input!r}")
SECOND_FACTOR_OFF = "off"
USUAL_SECOND_FACTOR = "reviewer,supervisor,auditor,operator,administrator,leader"  # the roles of oversight


class SettingsInvalid(Exception):
    """One or more environment variables are wrong; the message names each and says what is expected."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose. ``audit_at`` and ``digest_at`` are local times of Asia/Almaty, None for off.

    ``mail`` is None when no mails are sent. ``rate_limit``: the requests a minute of one principal, None for any
    number. ``trusted_proxies``: how many proxies stand before the service, whose word on the caller's address and
    scheme is taken.
    ``health_port``: where ``/healthz`` is answered beside the web server, None for nowhere else.
    ``second_factor_roles``: the codes of the roles that require a second factor, None for off.
    ``database_owner_url``: the role that owns the schema, when the service's own may not change it.
    ``database_read_url``: standbys that web processes read lists and exports from, None for the primary.
    ``security_contact`` is a URI, ``support_contact`` what people read; None for neither.
    ``letterhead``: the lines that name who issues letters, by language.
    ``backup_dir``: where ``registry backup`` writes, None where it is named each time; ``backup_max_age``: in hours.
    ``aitu`` is None when no notices go through the Aitu messenger.
    ``webhook_networks``: address ranges to which webhooks may lead although they are not public.
    ``witnesses``: who gets the checkpoints of the journal.
    ``procurement``: the procurement portal's service, None when contracts come from files alone;
    ``procurement_words``: what of them is information technology.
    ``state_systems``: whose signed confirmations are taken.
    ``platform_account``: the service account whose inventories are trusted as they are, None for no one.
    ``open_data_licence``: under which the open data are published, None when they are off.
    ``signatures``: how electronic signatures are verified, None when acts are not signed.
    ``oidc`` is None when people sign in with passwords only; ``sign_in_file`` says what its claims mean.
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
    second_factor_roles: frozenset[str] | None = None
    oidc: OidcClient | None = None
    sign_in_file: Path = CONFIG / "sign_in.toml"
    open_data_licence: Licence | None = None
    security_contact: str | None = None
    support_contact: str | None = None
    letterhead: Mapping[str, Sequence[str]] = field(default_factory=dict)
    backup_dir: Path | None = None
    backup_max_age: int = 26
    log_level: str = "info"
    aitu: AituBot | None = None
    webhook_networks: tuple[str, ...] = ()
    database_read_url: str | None = None
    platform_account: str | None = None
    witnesses: tuple[str, ...] = ()
    procurement: Portal | None = None
    procurement_words: ItWords | None = None
    state_systems: StateSystems | None = None
    signatures: SignatureSettings | None = None

    @property
    def public(self) -> bool:
        """True when the open data are published."""
        return self.open_data_licence is not None

    @property
    def embedded(self) -> bool:
        """True when the database is a SQLite file."""
        return self.database_url.startswith("sqlite:")

    @property
    def command(self) -> str:
        """The beginning of this installation's commands in any shell: paths, no secrets, and no settings but paths.

        With PostgreSQL the settings have passwords: docs/operations.md has the script ``registry`` that loads them.
        """
        program = Path(sys.executable).with_name("registry")
        if not self.embedded or not program.is_file():
            return "registry"
        paths = {"REGISTRY_DATA_DIR": self.data_dir, "REGISTRY_BACKUP_DIR": self.backup_dir}
        paths |= {"REGISTRY_POLICY_FILE": self.policy_file, "REGISTRY_CALENDAR_FILE": self.calendar_file}
        given = [f"{name}={quote(str(path))}" for name, path in paths.items() if path and path.parent != CONFIG]
        if self.database_url != f"sqlite:///{self.data_dir / 'registry.sqlite3'}":
            given.append(f"REGISTRY_DATABASE_URL={quote(self.database_url)}")
        return " ".join([*given, quote(str(program))])


class Environment(Env):
    """The variables of a mapping, by default of the process. An empty variable counts as one that is not set."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self.variables = variables

    def _get_value(self, env_key: str, default: Any) -> Any:
        return self.variables.get(env_key) or default


def read_settings(environ: Mapping[str, str] | None = None, *, read_only: bool = False) -> Settings:
    """Read ``REGISTRY_*``. Makes the data folder and, in the embedded default, the secret key.

    With ``read_only`` nothing is made, and the secret key is empty where there is none. Raises SettingsInvalid with
    every wrong variable, not only the first.
    """
    env = Environment(os.environ if environ is None else environ)
    for name, parser in PARSERS.items():
        env.add_parser(name, parser)
    data_dir = Path(env.str("REGISTRY_DATA_DIR", "var")).absolute()
    if not read_only:
        env.data_dir("REGISTRY_DATA_DIR", data_dir)
    url = env.str("REGISTRY_DATABASE_URL", f"sqlite:///{data_dir / 'registry.sqlite3'}", validate=check_database_url)
    smtp = env.smtp_server("REGISTRY_SMTP_URL", "")
    is_public = env.str("REGISTRY_PUBLIC", "off", validate=ON_OR_OFF) == "on"
    public_url = env.public_url("REGISTRY_PUBLIC_URL", "", with_mail=smtp is not None, with_open_data=is_public)
    sender = env.sender("REGISTRY_MAIL_FROM", "", public_url=public_url) if smtp and public_url else None
    contact = env.support_contact("REGISTRY_SUPPORT_CONTACT", "")
    licence = env.licence("REGISTRY_PUBLIC_LICENCE", "", public=is_public)
    # Unlike the others, a secret key that is empty is wrong: whoever writes it means to set one.
    given_key = env.variables.get("REGISTRY_SECRET_KEY")
    settings = Settings(
        database_url=url,
        database_owner_url=env.owner_url("REGISTRY_DATABASE_OWNER_URL", "", service_url=url),
        database_limits=database_limits(env),
        data_dir=data_dir,
        secret_key=env.secret_key("REGISTRY_SECRET_KEY", given_key, embedded=url is None or url.startswith("sqlite:")),
        host=env.str("REGISTRY_HOST", "127.0.0.1"),
        port=env.int("REGISTRY_PORT", 8000, **whole_number(1, 65535, EXPECTED_PORT)),
        audit_at=_local_time(env.str("REGISTRY_AUDIT_AT", "02:00", validate=LOCAL_TIME_OR_OFF)),
        policy_file=_config_file(env, "REGISTRY_POLICY_FILE", "freeze_policy.toml", "a policy file"),
        calendar_file=_config_file(env, "REGISTRY_CALENDAR_FILE", "calendar.toml", "a calendar file"),
        public_url=public_url,
        mail=Mail(*(*smtp, *sender, public_url.rstrip("/"), contact)) if smtp and sender else None,
        digest_at=_local_time(env.str("REGISTRY_DIGEST_AT", "09:00", validate=LOCAL_TIME_OR_OFF)),
        rate_limit=_rate_limit(env.str("REGISTRY_RATE_LIMIT", USUAL_RATE_LIMIT, validate=NUMBER_OR_OFF)),
        trusted_proxies=env.int("REGISTRY_TRUSTED_PROXIES", 0, **whole_number(0, 9, EXPECTED_PROXIES)),
        health_port=env.int("REGISTRY_HEALTH_PORT", 0, **whole_number(0, 65535, EXPECTED_PORT)) or None,
        second_factor_roles=env.roles_or_off("REGISTRY_SECOND_FACTOR", USUAL_SECOND_FACTOR),
        oidc=oidc_client(env),
        sign_in_file=_config_file(env, "REGISTRY_SIGN_IN_FILE", "sign_in.toml", "a sign-in file"),
        open_data_licence=licence,
        security_contact=env.security_contact("REGISTRY_SECURITY_CONTACT", ""),
        support_contact=contact,
        letterhead={
            "kk": _lines(env.str("REGISTRY_LETTERHEAD_KK", "")),
            "ru": _lines(env.str("REGISTRY_LETTERHEAD_RU", "")),
        },
        backup_dir=Path(folder).absolute() if (folder := env.str("REGISTRY_BACKUP_DIR", "")) else None,
        backup_max_age=env.int("REGISTRY_BACKUP_MAX_AGE", 26, **whole_number(1, 10_000)),
        log_level=env.str("REGISTRY_LOG_LEVEL", "info", validate=LOG_LEVEL),
        aitu=aitu_bot(env, public_url),
        webhook_networks=env.address_ranges("REGISTRY_WEBHOOK_NETWORKS", ""),
        platform_account=env.str("REGISTRY_PLATFORM_ACCOUNT", "").strip() or None,
        witnesses=env.witness_addresses("REGISTRY_WITNESSES", ""),
        procurement=_portal(env),
        procurement_words=env.it_words("REGISTRY_PROCUREMENT_WORDS_FILE", ""),
        state_systems=env.state_systems("REGISTRY_STATE_SYSTEMS_FILE", ""),
        signatures=_signatures(env),
        database_read_url=env.read_url("REGISTRY_DATABASE_READ_URL", "", service_url=url),
    )
    read_telemetry(env)
    _require_valid(env)
    if not settings.secret_key and ((data_dir / SECRET_KEY_FILE).exists() or not read_only):
        return replace(settings, secret_key=_kept_secret_key(data_dir))
    return settings


def _portal(env: Environment) -> Portal | None:
    url = env.portal_address("REGISTRY_PROCUREMENT_URL", PORTAL_URL)
    token = env.str("REGISTRY_PROCUREMENT_TOKEN", "").strip()
    return Portal(url, token) if token else None


def _signatures(env: Environment) -> SignatureSettings | None:
    settings: SignatureSettings | None = env.signature_settings(
        "REGISTRY_SIGNATURES",
        "off",
        trust=env.str("REGISTRY_SIGNATURES_TRUST", "").strip(),
        url=env.str("REGISTRY_SIGNATURES_URL", "").strip(),
        revocation=env.str("REGISTRY_SIGNATURES_REVOCATION", "required").strip(),
    )
    return settings


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split(";") if line.strip()]


def _config_file(env: Environment, name: str, shipped: str, expected: str) -> Path:
    is_file = Predicate("is_file", error=f"there is no file {{input}}; name {expected}")
    path: Path | None = env.path(name, None, validate=is_file)
    return (path or CONFIG / shipped).absolute()


def _require_valid(env: Environment) -> None:
    problems = []
    try:
        env.seal()
    except EnvValidationError as error:
        messages: Any = error.error_messages
        problems = [f"{name}: {text}" for name, texts in messages.items() for text in texts]
    if problems:
        raise SettingsInvalid(problems)


def _data_dir(text: str | Path) -> Path:
    path = Path(text).absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ValidationError(f"the folder {path} cannot be made ({error.strerror}); name a writable one") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise ValidationError(f"the folder {path} cannot be written; name a writable one")
    return path


def _secret_key(text: str | None, embedded: bool) -> str:
    """Return the key that is set; empty where the embedded database's own key, in the data folder, counts."""
    if text is None:
        if not embedded:
            raise ValidationError("required with this database; set a random text of 32 characters")
        return ""
    if len(text) < MIN_SECRET_KEY_LENGTH:
        raise ValidationError(f"expected at least {MIN_SECRET_KEY_LENGTH} characters, better 32")
    return text


def _kept_secret_key(data_dir: Path) -> str:
    path = data_dir / SECRET_KEY_FILE
    try:
        if not path.exists():
            _make_secret_key(path)
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(
            [f"REGISTRY_DATA_DIR: the secret key in {path} cannot be made or read ({error})"]
        ) from error
    if len(key) < MIN_SECRET_KEY_LENGTH:
        raise SettingsInvalid([f"REGISTRY_DATA_DIR: {path} holds no secret key; delete the file and a new one is made"])
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


def _local_time(text: str | None) -> time | None:
    return None if text in (None, "off") else time.fromisoformat(text)


def _rate_limit(text: str | None) -> int | None:
    return None if text in (None, "off") else int(text)


def _roles_or_off(text: str) -> frozenset[str] | None:
    ROLES_OR_OFF(text)
    roles = frozenset() if text == SECOND_FACTOR_OFF else frozenset(text.split(","))
    if unknown := roles - {role.value for role in Role}:
        raise ValidationError(f"there is no role {', '.join(sorted(unknown))}")
    return roles or None


def _public_url(text: str, with_mail: bool, with_open_data: bool) -> str | None:
    if not text and with_mail:
        raise ValidationError("required with REGISTRY_SMTP_URL, because mails lead people to the pages")
    if not text and with_open_data:
        raise ValidationError("required with REGISTRY_PUBLIC, because the catalogue names full addresses")
    if not text:
        return None
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        valid = False
    if not valid or not (text.isascii() and text.isprintable()) or " " in text:
        # What was given may hold a password.
        raise ValidationError("expected an address such as https://host, without user or password")
    return text


# What takes more than a validator: it depends on other variables, or becomes another type.
PARSERS: Final[dict[str, Callable[..., object]]] = {
    "data_dir": _data_dir,
    "oidc_issuer": oidc_issuer,
    "oidc_value": oidc_value,
    "public_url": _public_url,
    "roles_or_off": _roles_or_off,
    "secret_key": _secret_key,
    "security_contact": security_contact,
    "sender": mail_sender,
    "smtp_server": smtp_server,
    "support_contact": support_contact,
    **AITU_PARSERS,
    **DATABASE_PARSERS,
    **OPEN_DATA_PARSERS,
    **PORTAL_PARSERS,
    **SIGNATURE_PARSERS,
    **TELEMETRY_PARSERS,
    **WEBHOOK_PARSERS,
    **WITNESS_PARSERS,
    **WORDS_PARSERS,
    **SYSTEMS_PARSERS,
}
