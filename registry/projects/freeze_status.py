"""The freeze status of a project that no audit has seen. Later ones are written by ``flags/freeze_status.py``."""

from __future__ import annotations

from registry.freeze.current import policy_in_force
from registry.projects.vocabulary import FreezeStatus


def status_at_registration(agency_kind: str) -> str:
    """Where a new project of an agency of that kind stands."""
    return FreezeStatus.UNAUDITED.value if agency_kind in policy_in_force().scope else FreezeStatus.OUT_OF_SCOPE.value
