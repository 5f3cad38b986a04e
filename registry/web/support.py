"""Whom to ask for help: the contact of REGISTRY_SUPPORT_CONTACT, on the sign-in page and on error pages."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from registry.core.contacts import support_uri


@dataclass(frozen=True, slots=True)
class Support:
    """The contact as text, and the address of a link to it."""

    text: str
    address: str


def support() -> Support | None:
    """The contact, None when the operator named none."""
    text: str | None = current_app.config.get("SUPPORT_CONTACT")
    return None if text is None else Support(text, support_uri(text) or "")
