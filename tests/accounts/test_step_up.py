"""When a sensitive action requires a step-up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from registry.accounts.roles import STEP_UP_PERMISSIONS, Actor, Permission, Role, StepUpRequired
from tests.present import Present

SESSION = "session:0123456789abcdef"
AT = datetime(2026, 11, 26, 7, tzinfo=UTC)
JUST_NOW = AT - timedelta(minutes=15)
TOO_OLD = AT - timedelta(minutes=15, microseconds=1)


@pytest.mark.parametrize(
    ("permission", "credential", "factor_at", "required", "expected"),
    [
        pytest.param(Permission.CASES_APPROVE, SESSION, TOO_OLD, True, True, id="factor older than 15 minutes"),
        pytest.param(Permission.CASES_APPROVE, SESSION, None, True, True, id="no factor yet"),
        pytest.param(Permission.CASES_APPROVE, SESSION, AT + timedelta(minutes=1), True, True, id="clock set back"),
        pytest.param(Permission.CASES_APPROVE, SESSION, JUST_NOW, True, False, id="factor of 15 minutes ago"),
        pytest.param(Permission.CASES_REVIEW, SESSION, None, True, False, id="not sensitive"),
        pytest.param(Permission.CASES_APPROVE, SESSION, None, False, False, id="account without a factor"),
        pytest.param(Permission.CASES_APPROVE, "token:abc", None, True, False, id="token"),
        pytest.param(Permission.CASES_APPROVE, "local", None, True, False, id="command line"),
    ],
)
def test_step_up_is_required(
    present: Present,
    permission: Permission,
    credential: str,
    factor_at: datetime | None,
    required: bool,
    expected: bool,
) -> None:
    present.set(AT)
    actor = Actor("a", Role.SUPERVISOR, credential=credential, factor_at=factor_at, second_factor_required=required)
    if expected:
        with pytest.raises(StepUpRequired):
            actor.require(permission)
    else:
        actor.require(permission)
    actor.require(permission, step_up=False)


def test_step_up_binds_decisions_and_administration() -> None:
    assert sorted(permission.value for permission in STEP_UP_PERMISSIONS) == [
        "accounts.confirm",
        "approvals.decide",
        "audits.confirm",
        "audits.void",
        "cases.approve",
        "exemptions.record",
        "government-reports.approve",
        "government-reports.issue",
        "organisations.confirm",
        "people.manage",
        "policies.activate",
        "restricted.admit",
        "tokens.manage",
        "withdrawals.decide",
    ]
