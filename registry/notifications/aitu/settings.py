"""Settings of the bot in the Aitu messenger: ``REGISTRY_AITU_BOT_TOKEN``, ``_NAME``, ``_URL``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from environs import ValidationError

from registry.accounts.oidc.settings import is_provider_address

TOKEN: Final = "REGISTRY_AITU_BOT_TOKEN"  # noqa: S105 - a variable's name
NAME: Final = "REGISTRY_AITU_BOT_NAME"
# https://btsdigital.github.io/bot-api-contract/endpoints.html
PUBLIC_API: Final = "https://botapi.aitu.io/bot/v1"
MAX_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class AituBot:
    """The bot and its API. ``name``: how people find it in Aitu. ``public_url``: where links lead, without a slash."""

    token: str = field(repr=False)
    name: str
    api_url: str
    public_url: str


def aitu_bot(env: Any, public_url: str | None) -> AituBot | None:
    """Read the variables; None without a token. ``env`` is the environs environment of the settings."""
    token = env.aitu_token("REGISTRY_AITU_BOT_TOKEN", "", public_url=public_url)
    name = env.aitu_name("REGISTRY_AITU_BOT_NAME", "", token=token)
    api_url = env.aitu_url("REGISTRY_AITU_BOT_URL", PUBLIC_API)
    if not (token and name and api_url and public_url):
        return None
    return AituBot(token, name, api_url.rstrip("/"), public_url.rstrip("/"))


def aitu_token(text: str, public_url: str | None) -> str:
    """The token. An error does not repeat it."""
    if text and not (text.isascii() and text.isprintable() and " " not in text and len(text) <= MAX_LENGTH):
        raise ValidationError("expected the token that Aitu gave for the bot, without spaces")
    if text and public_url is None:
        raise ValidationError("REGISTRY_PUBLIC_URL is required with it, because notices lead people to the pages")
    return text


def aitu_name(text: str, token: str | None) -> str:
    """The bot's name in Aitu."""
    if token and not text:
        raise ValidationError(f"required with {TOKEN}; people search for the bot by its name")
    if not text.isprintable() or len(text) > MAX_LENGTH:
        raise ValidationError(f"expected at most {MAX_LENGTH} printable characters")
    return text


def aitu_url(text: str) -> str:
    """The address of the bot API: https, or http on the machine itself, which trials use."""
    if not is_provider_address(text) or "?" in text:
        raise ValidationError("expected an address such as https://host/bot/v1, without user; http on localhost only")
    return text


PARSERS: Final[dict[str, Callable[..., object]]] = {
    "aitu_token": aitu_token,
    "aitu_name": aitu_name,
    "aitu_url": aitu_url,
}
