"""Configuration of single sign-on: variables of the environment, and the file ``config/sign_in.toml``."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from environs import ValidationError as SettingInvalid
from marshmallow import Schema, ValidationError, fields, validate

from registry.accounts.roles import Role

# Settings of single sign-on: ``REGISTRY_OIDC_ISSUER``, ``_CLIENT_ID``, ``_CLIENT_SECRET``.

CLIENT: Final = ("REGISTRY_OIDC_CLIENT_ID", "REGISTRY_OIDC_CLIENT_SECRET")


@dataclass(frozen=True, slots=True)
class OidcClient:
    """This service as a client of the OpenID Connect provider."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)


def oidc_client(env: Any) -> OidcClient | None:
    """Read the three variables: all of them or none. ``env`` is the environs environment of the settings."""
    issuer = env.oidc_issuer("REGISTRY_OIDC_ISSUER", "", with_client=any(env.variables.get(name) for name in CLIENT))
    client_id, client_secret = (env.oidc_value(name, "", issuer=issuer) for name in CLIENT)
    return OidcClient(issuer, client_id, client_secret) if issuer and client_id and client_secret else None


def oidc_issuer(text: str, with_client: bool) -> str | None:
    """Return the issuer's address: https, or http on the machine itself, which trials use. Raises ValidationError."""
    if not text:
        if with_client:
            raise SettingInvalid("required with REGISTRY_OIDC_CLIENT_ID and REGISTRY_OIDC_CLIENT_SECRET")
        return None
    if not is_provider_address(text) or "?" in text:
        raise SettingInvalid("expected https://host/path, as the provider writes its issuer; http on localhost only")
    return text


def is_provider_address(text: str) -> bool:
    """True for an address of https, or of http on the machine itself, without user, fragment and invisible letters."""
    try:
        parts = urlsplit(text)
        loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
        valid = parts.hostname and "@" not in parts.netloc and "#" not in text and parts.port != 0
    except ValueError:
        return False
    trusted = parts.scheme == "https" or (parts.scheme == "http" and loopback)
    return bool(valid) and trusted and text.isascii() and text.isprintable() and " " not in text


def oidc_value(text: str, issuer: str | None) -> str:
    """Return the client id or secret. Raises ValidationError when it is missing."""
    if issuer and not text:
        raise SettingInvalid("required with REGISTRY_OIDC_ISSUER; the provider gives it when the client is registered")
    return text


# The file ``config/sign_in.toml``: what the claims of the OpenID Connect provider mean in this register.

Match = Literal["sub", "email"]
MATCHES: Final = ("sub", "email")


class SignInFileInvalid(Exception):
    """The file cannot be used; the message names the file, the key and what is expected."""


@dataclass(frozen=True, slots=True)
class ClaimPaths:
    """Where each value stands in the claims; a dot descends. ``match``: how a first sign-in finds an account."""

    name: str = "name"
    email: str = "email"
    role: str = "roles"
    agency: str = "organization_bin"
    match: Match = "sub"


@dataclass(frozen=True, slots=True)
class SignInConfiguration:
    """``roles``: role → values of the role claim. ``acr``, ``amr``: values that count as a second factor.

    ``break_glass``: names of the accounts that may use a password when ``passwords`` is False.
    """

    claims: ClaimPaths = field(default_factory=ClaimPaths)
    roles: Mapping[Role, frozenset[str]] = field(default_factory=dict)
    acr: Sequence[str] = ()
    amr: frozenset[str] = frozenset()
    passwords: bool = True
    break_glass: frozenset[str] = frozenset()

    def allows_password(self, name: str) -> bool:
        """Return True when the named account may sign in with a password."""
        return self.passwords or name in self.break_glass


FILLED: Final = validate.Length(min=1)


class _Claims(Schema):
    name = fields.String(validate=FILLED)
    email = fields.String(validate=FILLED)
    role = fields.String(validate=FILLED)
    agency = fields.String(validate=FILLED)
    match = fields.String(validate=validate.OneOf(MATCHES))


class _SignInFile(Schema):
    """What the file may have. What it does not has the defaults of ``ClaimPaths`` and ``SignInConfiguration``."""

    claims = fields.Nested(_Claims, load_default=dict)
    roles = fields.Dict(
        fields.String(validate=validate.OneOf(Role.codes())), fields.List(fields.String(validate=FILLED))
    )
    second_factor = fields.Nested({name: fields.List(fields.String()) for name in ("acr", "amr")}, load_default=dict)
    password = fields.Nested(
        {"enabled": fields.Boolean(truthy={True}, falsy={False}), "break_glass": fields.List(fields.String())},
        load_default=dict,
    )


def load_sign_in_file(path: Path) -> SignInConfiguration:
    """Load the file. Raises SignInFileInvalid."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SignInFileInvalid(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SignInFileInvalid(f"{path}: not valid TOML in UTF-8: {error}") from error
    try:
        values = _SignInFile().load(document)
    except ValidationError as error:
        raise SignInFileInvalid(f"{path}: {_first(error.messages)}") from error
    factor, password = values["second_factor"], values["password"]
    configuration = SignInConfiguration(
        claims=ClaimPaths(**values["claims"]),
        roles={Role(role): frozenset(names) for role, names in values.get("roles", {}).items()},
        acr=tuple(factor.get("acr", ())),
        amr=frozenset(factor.get("amr", ())),
        passwords=password.get("enabled", True),
        break_glass=frozenset(password.get("break_glass", ())),
    )
    if not configuration.passwords and not configuration.break_glass:
        raise SignInFileInvalid(
            f"{path}: password.break_glass: name at least one account that can sign in while the provider is down"
        )
    return configuration


_current: list[SignInConfiguration] = [SignInConfiguration()]


def set_sign_in_configuration(configuration: SignInConfiguration) -> None:
    """Set the configuration of the process."""
    _current[:] = [configuration]


def sign_in_configuration() -> SignInConfiguration:
    """Return the configuration of the process; without single sign-on the default, which allows passwords."""
    return _current[0]


def _first(messages: Any, path: str = "") -> str:
    """Return the first message of marshmallow's nested ones, with its dotted path."""
    while isinstance(messages, Mapping):
        key, messages = next(iter(messages.items()))
        path = f"{path}.{key}" if path else str(key)
    return f"{path}: {messages[0]}"
