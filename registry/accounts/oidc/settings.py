"""Settings of single sign-on: ``REGISTRY_OIDC_ISSUER``, ``_CLIENT_ID``, ``_CLIENT_SECRET``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from environs import ValidationError

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
    """The issuer's address: https, or http on the machine itself, which trials use. Raises ValidationError."""
    if not text:
        if with_client:
            raise ValidationError("required with REGISTRY_OIDC_CLIENT_ID and REGISTRY_OIDC_CLIENT_SECRET")
        return None
    if not is_provider_address(text) or "?" in text:
        raise ValidationError("expected https://host/path, as the provider writes its issuer; http on localhost only")
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
    """The client id or secret. Raises ValidationError when it is missing."""
    if issuer and not text:
        raise ValidationError("required with REGISTRY_OIDC_ISSUER; the provider gives it when the client is registered")
    return text
