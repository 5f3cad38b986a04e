"""The policy that this process serves: read once at the start, asked by whatever needs the law's settings."""

from __future__ import annotations

from registry.freeze.policy import Policy

_served: list[Policy] = []


class NoPolicy(RuntimeError):
    """The policy was asked for before the application was made: a mistake of the program."""


def serve_policy(policy: Policy) -> None:
    """Make this the policy of the process."""
    _served[:] = [policy]


def policy_in_force() -> Policy:
    """The policy of the process. Raises NoPolicy before serve_policy."""
    if not _served:
        raise NoPolicy
    return _served[0]
