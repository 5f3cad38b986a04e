"""Step-up: sensitive actions in a browser require a second factor that was verified a short time ago."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from registry.accounts.roles import Permission
from registry.core.errors import NotAllowed

STEP_UP_MAX_AGE: Final = timedelta(minutes=15)
# Decisions, and administration of people and tokens. Reading never requires a step-up.
STEP_UP_PERMISSIONS: Final = frozenset(
    {
        Permission.CASES_APPROVE,
        Permission.AUDITS_CONFIRM,
        Permission.AUDITS_VOID,
        Permission.EXEMPTIONS_RECORD,
        Permission.PEOPLE_MANAGE,
        Permission.ACCOUNTS_CONFIRM,
        Permission.TOKENS_MANAGE,
    }
)
SESSION_CREDENTIAL: Final = "session:"


class StepUpRequired(NotAllowed):
    """The second factor was not verified in the last 15 minutes; verify it and try again."""


def needs_step_up(
    permission: Permission, credential: str, factor_at: datetime | None, at: datetime, *, second_factor_required: bool
) -> bool:
    """True when the permission requires a step-up that the actor has not done.

    Only browser sessions of accounts with a second factor are asked: not tokens, scheduled jobs or the command line.
    """
    return (
        permission in STEP_UP_PERMISSIONS
        and second_factor_required
        and credential.startswith(SESSION_CREDENTIAL)
        and not is_fresh(factor_at, at)
    )


def is_fresh(verified_at: datetime | None, at: datetime) -> bool:
    """True when something was verified in the last 15 minutes."""
    return verified_at is not None and at - verified_at <= STEP_UP_MAX_AGE
