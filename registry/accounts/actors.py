"""The actor: who acts, with which role, for which agency, from where. Every service takes one."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import Final

from registry.accounts.roles import PERMISSIONS, Permission, Role
from registry.core.errors import NotAllowed

LOCAL: Final = "local"
"""The credential of whoever runs a command on the machine itself, and of the machine's own work."""


class RoleNotAllowed(NotAllowed):
    """The role does not have the permission that the act needs."""


@dataclass(frozen=True, slots=True)
class Actor:
    """``agency_id`` is the agency that the two agency roles are bound to, None for oversight.

    ``credential`` is what the account came in with: ``token:<key id>``, ``session:<hash>`` or ``local``.
    ``request_id`` is the service's own; ``client_request_id`` is what the caller sent as X-Request-ID.
    """

    principal: str
    role: Role
    agency_id: int | None = None
    source: str = ""
    request_id: str = ""
    account_id: int | None = None
    is_person: bool = False
    credential: str = ""
    client_request_id: str = ""

    @property
    def is_local(self) -> bool:
        """True for the command line on the machine itself."""
        return self.credential == LOCAL

    def may(self, permission: Permission) -> bool:
        """True when the role has the permission."""
        return permission in PERMISSIONS[self.role]

    def require(self, permission: Permission) -> None:
        """Raise RoleNotAllowed unless the role has the permission."""
        if not self.may(permission):
            raise RoleNotAllowed(role=self.role.value, permission=permission.value)


def local_actor(role: Role) -> Actor:
    """Who runs a command on the machine itself: ``local:<user>``, with the role that the command needs."""
    return Actor(principal=f"local:{getpass.getuser()}", role=role, source="cli", credential=LOCAL)


SCHEDULE = Actor(principal="service:schedule", role=Role.OPERATOR, source="schedule", credential=LOCAL)
