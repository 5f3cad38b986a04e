"""The current policy of the process, loaded once at startup."""

from __future__ import annotations

from registry.freeze.policy import Policy

_current: list[Policy] = []


class PolicyNotSet(RuntimeError):
    """The policy was requested before the application was created: a programming error."""


def set_policy(policy: Policy) -> None:
    """Set the policy of the process."""
    _current[:] = [policy]


def policy_in_force() -> Policy:
    """The policy of the process. Raises PolicyNotSet before set_policy."""
    if not _current:
        raise PolicyNotSet
    return _current[0]
