"""Roles and permissions, as in docs/reference/api.md."""

from __future__ import annotations

import pytest

from registry.accounts.roles import (
    PERMISSIONS,
    SCHEDULE,
    Actor,
    Permission,
    Role,
    RoleNotAllowed,
    is_within,
    local_actor,
    roles_within,
)

P = Permission

EVERYONE = (
    "agencies.read cases.read orders.read exemptions.read projects.read reports.read requests.read "
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
    "reviewer": f"{OVERSIGHT_READS} projects.link placements.confirm onboarding.extend "
    "documents.write cases.review cases.comment exemptions.propose withdrawals.decide government-reports.read "
    "government-reports.read-drafts government-reports.write government-reports.approve approvals.decide",
    "supervisor": f"{OVERSIGHT_READS} restricted.read restricted.admit projects.restrict projects.link "
    "documents.write placements.confirm onboarding.extend audits.run audits.confirm audits.void cases.review "
    "cases.lead team.read cases.approve cases.comment exemptions.propose exemptions.record "
    "policies.write policies.activate journal.read "
    "accounts.confirm organisations.confirm withdrawals.decide government-reports.read government-reports.write "
    "government-reports.read-drafts government-reports.approve government-reports.issue shared-views.delete "
    "approvals.decide",
    "auditor": f"{OVERSIGHT_READS} restricted.read journal.read people.read tokens.read audits.verify "
    "government-reports.read government-reports.read-drafts",
    "operator": f"{OVERSIGHT_READS} placements.confirm products.write documents.write audits.run audits.void "
    "audits.verify approvals.decide",
    "administrator": f"{OVERSIGHT_READS} agencies.write projects.write documents.write imports.run "
    "imports.read-all journal.read people.read people.manage accounts.confirm tokens.read tokens.manage "
    "organisations.propose approvals.decide",
    "leader": "agencies.read orders.read exemptions.read projects.read reports.read policies.read overview.read "
    "own-account.read own-account.manage government-reports.read",
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
