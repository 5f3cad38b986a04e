"""Settings of outbound notices: the mail server, and the bot in the Aitu messenger."""

from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import getaddresses
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from environs import ValidationError

from registry.accounts.oidc_configuration import is_provider_address
from registry.core.settings import ADDRESS

# Settings of the bot in the Aitu messenger: ``REGISTRY_AITU_BOT_TOKEN``, ``_NAME``, ``_URL``.

TOKEN: Final = "REGISTRY_AITU_BOT_TOKEN"  # noqa: S105 - a variable's name
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
    """Return the token. An error does not repeat it."""
    if text and not (text.isascii() and text.isprintable() and " " not in text and len(text) <= MAX_LENGTH):
        raise ValidationError("expected the token that Aitu gave for the bot, without spaces")
    if text and public_url is None:
        raise ValidationError("REGISTRY_PUBLIC_URL is required with it, because notices lead people to the pages")
    return text


def aitu_name(text: str, token: str | None) -> str:
    """Return the bot's name in Aitu."""
    if token and not text:
        raise ValidationError(f"required with {TOKEN}; people search for the bot by its name")
    if not text.isprintable() or len(text) > MAX_LENGTH:
        raise ValidationError(f"expected at most {MAX_LENGTH} printable characters")
    return text


def aitu_url(text: str) -> str:
    """Return the address of the bot API: https, or http on the machine itself, which trials use."""
    if not is_provider_address(text) or "?" in text:
        raise ValidationError("expected an address such as https://host/bot/v1, without user; http on localhost only")
    return text


PARSERS: Final[dict[str, Callable[..., object]]] = {
    "aitu_token": aitu_token,
    "aitu_name": aitu_name,
    "aitu_url": aitu_url,
}


# Settings of the mail server: ``REGISTRY_SMTP_URL`` and ``REGISTRY_MAIL_FROM``.

SMTP_PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Mail:
    """How mails leave. ``tls``: from the first byte (smtps); otherwise STARTTLS, which a ``user`` makes a must.

    ``public_url``: where links lead, without a slash at the end. ``support_contact``: whom readers ask, or None.
    """

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None = field(repr=False)
    sender: str
    sender_name: str
    public_url: str
    support_contact: str | None = None


def smtp_server(text: str) -> tuple[str, int, bool, str | None, str | None] | None:
    """Host, port, TLS, user and password. An error does not repeat the address, which may hold a password."""
    if not text:
        return None
    wrong = ValidationError("expected smtp://host, smtps://host or smtps://user:password@host:port")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise wrong from error
    user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
    plain = parts.path in ("", "/") and not parts.query and not parts.fragment
    if not host or port == 0 or parts.scheme not in SMTP_PORTS or not plain or bool(user) != bool(password):
        raise wrong
    if not host.isascii() or not f"{host}{user or ''}{password or ''}".isprintable():
        raise wrong
    return host, port or SMTP_PORTS[parts.scheme], parts.scheme == "smtps", user or None, password or None


def mail_sender(text: str, public_url: str) -> tuple[str, str]:
    """Return the address and the name of the sender; by default ``registry`` at the domain of the pages."""
    if text:
        # Of several, parseaddr takes the first without a word before Python 3.11.10.
        addresses = getaddresses([text])
        name, address = addresses[0] if len(addresses) == 1 else ("", "")
        if not ADDRESS.fullmatch(address) or not text.isprintable():
            raise ValidationError(f"expected address@domain or Name <address@domain>, got {text!r}")
        return address, name
    address = f"registry@{public_url.partition('://')[2].partition('/')[0].partition(':')[0]}"
    if not ADDRESS.fullmatch(address) or address.rpartition(".")[2].isdigit():
        raise ValidationError("required, because REGISTRY_PUBLIC_URL has no domain to send mails from")
    return address, ""
