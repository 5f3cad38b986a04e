"""What a route outside the API declares of itself: the permission that it needs, or why it is open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from registry.accounts.roles import Permission

REQUIRED_PERMISSION: Final = "registry_needs"


@dataclass(frozen=True, slots=True)
class Public:
    """A route that answers without signing in, with the reason."""

    because: str


RequiredPermission = Permission | Public
