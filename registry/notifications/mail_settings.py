"""Settings of the mail server: ``REGISTRY_SMTP_URL`` and ``REGISTRY_MAIL_FROM``."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import getaddresses
from urllib.parse import unquote, urlsplit

from environs import ValidationError

from registry.core.contacts import ADDRESS

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
    """The address and the name of the sender; by default ``registry`` at the domain of the pages."""
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
