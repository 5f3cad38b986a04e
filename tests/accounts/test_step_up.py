"""When a sensitive action requires a step-up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from registry.accounts.roles import Permission
from registry.accounts.step_up import needs_step_up

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
SESSION = "session:0123456789abcdef"
JUST_NOW = AT - timedelta(minutes=15)
TOO_OLD = AT - timedelta(minutes=15, microseconds=1)


@pytest.mark.parametrize(
    ("permission", "credential", "factor_at", "required", "expected"),
    [
        pytest.param(Permission.CASES_APPROVE, SESSION, TOO_OLD, True, True, id="factor older than 15 minutes"),
        pytest.param(Permission.CASES_APPROVE, SESSION, None, True, True, id="no factor yet"),
        pytest.param(Permission.CASES_APPROVE, SESSION, JUST_NOW, True, False, id="factor of 15 minutes ago"),
        pytest.param(Permission.CASES_REVIEW, SESSION, None, True, False, id="not sensitive"),
        pytest.param(Permission.CASES_APPROVE, SESSION, None, False, False, id="account without a factor"),
        pytest.param(Permission.CASES_APPROVE, "token:abc", None, True, False, id="token"),
        pytest.param(Permission.PEOPLE_MANAGE, "local", None, True, False, id="command line"),
    ],
)
def test_step_up_is_required(
    permission: Permission, credential: str, factor_at: datetime | None, required: bool, expected: bool
) -> None:
    assert needs_step_up(permission, credential, factor_at, AT, second_factor_required=required) is expected


def test_step_up_binds_decisions_and_administration() -> None:
    binding = [each.value for each in Permission if needs_step_up(each, SESSION, None, AT, second_factor_required=True)]
    assert binding == [
        "audits.confirm",
        "audits.void",
        "cases.approve",
        "exemptions.record",
        "people.manage",
        "accounts.confirm",
        "tokens.manage",
    ]
