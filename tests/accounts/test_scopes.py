"""Scopes of tokens, and the step-up that acts of consequence need in a session."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from registry.accounts.roles import (
    PERMISSIONS,
    SCHEDULE,
    Actor,
    Permission,
    Role,
    RoleNotAllowed,
    Scope,
    ScopeNotGranted,
    StepUpRequired,
    default_scopes,
    is_fresh,
    local_actor,
    needs_step_up,
    scopes_of_role,
    stored_scopes,
)
from registry.core.clock import now
from tests.factories import an_actor
from tests.present import Present

P = Permission
SUPERVISOR = replace(an_actor(Role.SUPERVISOR), second_factor_required=True)


def test_every_scope_grants_something() -> None:
    assert {permission.scope for permission in Permission} == set(Scope)


def test_scope_read_changes_nothing() -> None:
    verbs = {permission.value.split(".")[1] for permission in Permission if permission.scope is Scope.READ}
    assert verbs == {"read", "read-all", "read-drafts", "verify"}


@pytest.mark.parametrize(
    ("role", "scopes"),
    [
        (Role.AGENCY_VIEWER, {"read"}),
        (Role.AGENCY_EDITOR, {"read", "projects:write", "cases:write", "imports:run"}),
        (Role.AGENCY_ADMINISTRATOR, {"read", "projects:write", "cases:write", "imports:run", "accounts:write"}),
        (Role.REVIEWER, {"read", "projects:write", "cases:write"}),
        (Role.SUPERVISOR, {"read", "projects:write", "cases:write", "audits:run"}),
        (Role.AUDITOR, {"read"}),
        (Role.OPERATOR, {"read", "projects:write", "audits:run"}),
        (Role.ADMINISTRATOR, {"read", "projects:write", "imports:run", "accounts:write"}),
    ],
)
def test_default_scopes_are_those_of_the_role_without_approving_and_own_tokens(role: Role, scopes: set[str]) -> None:
    assert default_scopes(role) == scopes
    deciding = {Role.AGENCY_ADMINISTRATOR, Role.REVIEWER, Role.SUPERVISOR, Role.OPERATOR, Role.ADMINISTRATOR}
    left_out = {"decisions:approve"} if role in deciding else set()
    left_out |= {"exemptions:write"} if role in {Role.REVIEWER, Role.SUPERVISOR} else set()
    managing = {Role.ADMINISTRATOR, Role.AGENCY_ADMINISTRATOR}
    left_out |= set() if role in managing else {"accounts:write"}
    assert scopes_of_role(role) - default_scopes(role) == left_out


def test_scope_grants_no_permission_that_the_role_lacks() -> None:
    for role in Role:
        actor = replace(Actor("x", role), scopes=frozenset(Scope))
        assert {permission for permission in Permission if actor.may(permission)} == PERMISSIONS[role]


def test_token_without_the_scope_is_refused_by_the_scopes_name() -> None:
    actor = replace(SUPERVISOR, credential="token:0123456789", scopes=frozenset({Scope.READ}))
    assert actor.may(P.CASES_READ) and not actor.may(P.CASES_APPROVE)
    with pytest.raises(ScopeNotGranted) as refused:
        actor.require(P.CASES_APPROVE)
    assert (refused.value.code, refused.value.params) == ("scope-not-granted", {"scope": "decisions:approve"})
    with pytest.raises(RoleNotAllowed):
        actor.require(P.PEOPLE_MANAGE)


def test_scope_of_a_newer_version_grants_nothing() -> None:
    assert stored_scopes(["read", "moon:write"]) == {Scope.READ}
    assert stored_scopes(None) is None


@pytest.mark.parametrize("permission", sorted(each for each in PERMISSIONS[Role.SUPERVISOR] if each.needs_step_up))
def test_act_of_consequence_needs_a_factor_of_the_last_15_minutes(present: Present, permission: Permission) -> None:
    at = present.set(now())
    for age, fresh in ((timedelta(minutes=15), True), (timedelta(minutes=15, microseconds=1), False)):
        actor = replace(SUPERVISOR, factor_at=at - age)
        if fresh:
            actor.require(permission)
        else:
            with pytest.raises(StepUpRequired) as refused:
                actor.require(permission)
            assert (refused.value.code, refused.value.params) == ("step-up-required", {"minutes": 15})
    with pytest.raises(StepUpRequired):
        SUPERVISOR.require(permission)
    SUPERVISOR.require(permission, step_up=False)
    assert SUPERVISOR.may(permission)


def test_other_acts_and_reading_need_no_step_up() -> None:
    for permission in PERMISSIONS[Role.SUPERVISOR]:
        if not permission.needs_step_up:
            SUPERVISOR.require(permission)
    assert not P.PEOPLE_READ.needs_step_up
    assert not P.TOKENS_READ.needs_step_up


def test_step_up_is_asked_of_sessions_with_a_second_factor_only() -> None:
    for actor in (
        replace(SUPERVISOR, second_factor_required=False),
        replace(SUPERVISOR, credential="token:0123456789"),
        replace(local_actor(Role.SUPERVISOR), second_factor_required=True),
    ):
        actor.require(P.CASES_APPROVE)
    replace(SCHEDULE, second_factor_required=True).require(P.AUDITS_VOID)


def test_factor_of_the_future_is_not_fresh() -> None:
    at = now()
    assert is_fresh(at, at) and not is_fresh(at + timedelta(seconds=1), at) and not is_fresh(None, at)


def test_scopes_that_stand_for_a_step_up_are_known_by_role() -> None:
    assert needs_step_up(Role.SUPERVISOR, {Scope.DECISIONS_APPROVE})
    assert needs_step_up(Role.SUPERVISOR, {Scope.EXEMPTIONS_WRITE})
    assert needs_step_up(Role.ADMINISTRATOR, {Scope.ACCOUNTS_WRITE})
    assert not needs_step_up(Role.SUPERVISOR, {Scope.READ, Scope.PROJECTS_WRITE, Scope.CASES_WRITE, Scope.AUDITS_RUN})
    assert not needs_step_up(Role.REVIEWER, frozenset(Scope) - {Scope.DECISIONS_APPROVE})
    assert not needs_step_up(Role.AUDITOR, frozenset(Scope))


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
    assert sorted(permission.value for permission in Permission if permission.needs_step_up) == [
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
