"""What a route outside the API declares of itself: the permission that it needs, or why it is open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from registry.accounts.roles import Permission

NEEDS: Final = "registry_needs"


@dataclass(frozen=True, slots=True)
class Open:
    """A route that answers without signing in, with the reason."""

    because: str


Needs = Permission | Open
