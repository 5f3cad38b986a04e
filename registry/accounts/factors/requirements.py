"""What the settings say: which roles must have a second factor, and at which address people use passkeys."""

from __future__ import annotations

from typing import Final

from flask import current_app

# Keys of Flask's configuration.
SECOND_FACTOR_ROLES: Final = "SECOND_FACTOR_ROLES"
"""The codes of the roles that must have a second factor, None for ``off``."""
PUBLIC_URL: Final = "PUBLIC_URL"
"""The address that people use, or None."""


def is_required_of(role: str) -> bool:
    """True when accounts with the role must have a second factor."""
    return role in (current_app.config.get(SECOND_FACTOR_ROLES) or ())


def step_up_applies(role: str, *, has_factor: bool) -> bool:
    """True when sensitive actions require a step-up: not with ``off``, and not without a factor that is required."""
    return current_app.config.get(SECOND_FACTOR_ROLES) is not None and (has_factor or is_required_of(role))


def public_url() -> str | None:
    """The address that people use, None when it is not set."""
    url: str | None = current_app.config.get(PUBLIC_URL)
    return url
