"""The policy in force: the file that the process loaded at startup, or a later version that was activated."""

from collections.abc import Callable
from datetime import date

from registry.freeze.policy import Policy

# The activated version in force on a day, of today for None; None while the file is in force.
LaterVersion = Callable[[date | None], Policy | None]
_current: list[Policy] = []
_later: list[LaterVersion] = []


class PolicyNotSet(RuntimeError):
    """The policy was requested before the application was created: a programming error."""


def set_policy(policy: Policy) -> None:
    """Set the policy of the process: the first version, which is in force until another one is activated."""
    _current[:] = [policy]


def connect_later_versions(find: LaterVersion) -> None:
    """Say where activated versions are found."""
    _later[:] = [find]


def first_policy() -> Policy:
    """Return the policy of the file. Raises PolicyNotSet before set_policy."""
    if not _current:
        raise PolicyNotSet
    return _current[0]


def policy_in_force(on: date | None = None) -> Policy:
    """Return the policy in force on a day, by default today. Raises PolicyNotSet before set_policy."""
    first = first_policy()
    for find in _later:
        later = find(on)
        if later is not None:
            return later
    return first
