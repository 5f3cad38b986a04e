"""Readable versions of the policy."""

from __future__ import annotations

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.errors import NotFound
from registry.freeze.current import policy_in_force
from registry.freeze.policy import Policy


class PolicyNotFound(NotFound):
    """No policy has this version."""


def read_policies(actor: Actor) -> list[Policy]:
    """Return every readable policy: the one in force. Raises RoleNotAllowed."""
    actor.require(Permission.POLICIES_READ)
    return [policy_in_force()]


def read_policy_of(actor: Actor, version: str) -> Policy:
    """Return the policy of that version. Raises RoleNotAllowed and PolicyNotFound."""
    for policy in read_policies(actor):
        if policy.version == version:
            return policy
    raise PolicyNotFound(version=version)
