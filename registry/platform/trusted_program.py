"""The platform's own program: the service account whose inventories are trusted as they are."""

from __future__ import annotations

from typing import Final

from flask import current_app

from registry.accounts.actors import Actor

# The key in ``app.config``: the name of its account, None where nobody is trusted.
PLATFORM_ACCOUNT: Final = "PLATFORM_ACCOUNT"


def is_platform_program(actor: Actor) -> bool:
    """True for the service account of ``REGISTRY_PLATFORM_ACCOUNT``."""
    is_service = not (actor.is_person or actor.is_local)
    return is_service and actor.principal == current_app.config.get(PLATFORM_ACCOUNT)
