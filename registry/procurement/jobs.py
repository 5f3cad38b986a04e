"""Jobs of procurement contracts: fetch those of the portal."""

from __future__ import annotations

from registry.accounts.roles import SCHEDULE
from registry.procurement.portal import fetch_due_contracts
from registry.settings import Settings


def fetch_when_due(settings: Settings) -> None:
    """Fetch what is due from the portal; nothing without a token."""
    if settings.procurement is not None:
        fetch_due_contracts(settings.procurement, SCHEDULE)
