"""Roles, their permissions, scopes of tokens, and the step-up of acts of consequence, as in docs/reference/api.md."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

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
    is_within,
    local_actor,
    needs_step_up,
    roles_within,
    scopes_of_role,
    stored_scopes,
)
from registry.core.clock import now
from tests.factories import an_actor
from tests.present import Present

P = Permission


EVERYONE = (
    "agencies.read cases.read contracts.read orders.read exemptions.read projects.read reports.read requests.read "
    "own-account.read own-account.manage"
)


OVERSIGHT_READS = f"{EVERYONE} audits.read policies.read overview.read approvals.read"


CONTRACT = {
    "agency_viewer": f"{EVERYONE} restricted.read",
    "agency_editor": f"{EVERYONE} restricted.read projects.write projects.attest documents.write imports.run "
    "cases.answer cases.comment",
    "agency_administrator": f"{EVERYONE} restricted.read projects.write projects.attest documents.write imports.run "
    "cases.answer cases.comment people.read people.manage tokens.read tokens.manage shared-views.delete "
    "approvals.read approvals.decide restricted.admit",
    "reviewer": f"{OVERSIGHT_READS} contracts.import contracts.match projects.link "
    "placements.confirm onboarding.extend "
    "documents.write cases.review cases.comment exemptions.propose withdrawals.decide government-reports.read "
    "government-reports.read-drafts government-reports.write government-reports.approve approvals.decide",
    "supervisor": f"{OVERSIGHT_READS} restricted.read restricted.admit projects.restrict projects.link "
    "contracts.import contracts.match "
    "documents.write placements.confirm onboarding.extend audits.run audits.confirm audits.void cases.review "
    "cases.lead team.read cases.approve cases.comment exemptions.propose exemptions.record "
    "policies.write policies.activate journal.read "
    "accounts.confirm organisations.confirm withdrawals.decide government-reports.read government-reports.write "
    "government-reports.read-drafts government-reports.approve government-reports.issue shared-views.delete "
    "approvals.decide",
    "auditor": f"{OVERSIGHT_READS} restricted.read journal.read people.read tokens.read audits.verify "
    "government-reports.read government-reports.read-drafts",
    "operator": f"{OVERSIGHT_READS} contracts.import placements.confirm products.write "
    "documents.write audits.run audits.void "
    "audits.verify approvals.decide",
    "administrator": f"{OVERSIGHT_READS} contracts.import agencies.write projects.write documents.write imports.run "
    "imports.read-all journal.read people.read people.manage accounts.confirm tokens.read tokens.manage "
    "organisations.propose approvals.decide",
    "leader": "agencies.read contracts.read orders.read exemptions.read projects.read reports.read "
    "policies.read overview.read own-account.read own-account.manage government-reports.read",
}


def test_roles_are_those_of_the_contract() -> None:
    assert [role.value for role in Role] == list(CONTRACT)
    assert set(PERMISSIONS) == set(Role)


@pytest.mark.parametrize("role", CONTRACT)
def test_role_has_exactly_the_permissions_of_the_contract(role: str) -> None:
    assert {permission.value for permission in PERMISSIONS[Role(role)]} == set(CONTRACT[role].split())


@pytest.mark.parametrize("role", list(Role))
def test_token_has_the_role_of_its_account_or_a_narrower_one(role: Role) -> None:
    narrower = {
        "agency_editor": ["agency_viewer"],
        "agency_administrator": ["agency_viewer", "agency_editor"],
        "supervisor": ["reviewer", "auditor", "operator"],
    }
    expected = [role.value, *narrower.get(role.value, [])]
    assert [each.value for each in roles_within(role)] == expected
    assert {other.value for other in Role if is_within(other, 7, role, 7)} == set(expected)


def test_token_of_another_agency_is_not_within_its_account() -> None:
    assert not is_within(Role.AGENCY_VIEWER, 8, Role.AGENCY_EDITOR, 7)
    assert not is_within(Role.AGENCY_EDITOR, None, Role.AGENCY_EDITOR, 7)


def test_every_permission_belongs_to_a_role() -> None:
    assert set().union(*PERMISSIONS.values()) == set(Permission)


def test_role_not_allowed_contains_role_and_permission() -> None:
    with pytest.raises(RoleNotAllowed) as refused:
        Actor("Somebody", Role.AUDITOR).require(P.AUDITS_RUN)
    assert refused.value.params == {"role": "auditor", "permission": "audits.run"}


def test_command_line_acts_as_its_user() -> None:
    actor = local_actor(Role.AUDITOR)
    assert actor.principal.startswith("local:")
    assert (actor.role, actor.source, actor.credential, actor.agency_id) == ("auditor", "cli", "local", None)
    assert actor.is_local and not actor.is_person


def test_schedule_acts_as_an_operator() -> None:
    assert (SCHEDULE.principal, SCHEDULE.role, SCHEDULE.source) == ("service:schedule", "operator", "schedule")
    assert SCHEDULE.is_local and not Actor("x", Role.OPERATOR, credential="session:local").is_local


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
