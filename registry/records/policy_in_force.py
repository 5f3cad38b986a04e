"""The policy that this process serves: read once at the start, asked by whatever needs the law's settings."""

from __future__ import annotations

from registry.access.actors import Actor
from registry.access.roles import Permission
from registry.freeze.policy import Policy
from registry.store.errors import NotFound

_served: list[Policy] = []


class NoPolicy(RuntimeError):
    """The policy was asked for before the application was made: a mistake of the program."""


class PolicyNotFound(NotFound):
    """There is no policy of that version."""


def serve_policy(policy: Policy) -> None:
    """Make this the policy of the process."""
    _served[:] = [policy]


def policy_in_force() -> Policy:
    """The policy of the process. Raises NoPolicy before serve_policy."""
    if not _served:
        raise NoPolicy
    return _served[0]


def read_policies(by: Actor) -> list[Policy]:
    """Every policy that can be read: the one in force. Raises RoleNotAllowed."""
    by.require(Permission.POLICIES_READ)
    return [policy_in_force()]


def read_policy_of(by: Actor, version: str) -> Policy:
    """The policy of that version. Raises RoleNotAllowed and PolicyNotFound."""
    for policy in read_policies(by):
        if policy.version == version:
            return policy
    raise PolicyNotFound(version=version)
