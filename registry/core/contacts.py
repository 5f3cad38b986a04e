"""Contacts that the operator names: for reports of vulnerabilities, and for people who need help."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from environs import ValidationError

# One plain ASCII address at a domain.
ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
TELEPHONE: Final = re.compile(r"\+?[0-9][0-9 ()-]{2,30}[0-9]")


def security_contact(text: str) -> str | None:
    """The URI for security.txt (RFC 9116): ``mailto:`` of an e-mail address, ``tel:``, or an address of https."""
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
    """An e-mail address or a telephone number, as it is displayed."""
    if text and support_uri(text) is None:
        raise ValidationError("expected an e-mail address or a telephone number")
    return text or None


def support_uri(text: str) -> str | None:
    """The address of a link to the contact; None when it is neither an e-mail address nor a telephone number."""
    if ADDRESS.fullmatch(text):
        return f"mailto:{text}"
    if TELEPHONE.fullmatch(text):
        return f"tel:{re.sub('[^0-9+]', '', text)}"
    return None
