"""Roles and permissions, as in docs/reference/api.md."""

from __future__ import annotations

import pytest

from registry.accounts.roles import (
    AGENCY_ROLES,
    OVERSIGHT,
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
EDITORS = {Role.AGENCY_EDITOR, Role.AGENCY_ADMINISTRATOR}
WRITES = frozenset(
    {
        P.AGENCIES_WRITE,
        P.PROJECTS_WRITE,
        P.PROJECTS_RESTRICT,
        P.PROJECTS_LINK,
        P.PLACEMENTS_CONFIRM,
        P.ONBOARDING_EXTEND,
        P.DOCUMENTS_WRITE,
        P.IMPORTS_RUN,
        P.AUDITS_RUN,
        P.AUDITS_CONFIRM,
        P.CASES_REVIEW,
        P.CASES_LEAD,
        P.CASES_APPROVE,
        P.CASES_ANSWER,
        P.CASES_COMMENT,
        P.EXEMPTIONS_PROPOSE,
        P.EXEMPTIONS_RECORD,
        P.GOVERNMENT_REPORTS_WRITE,
        P.GOVERNMENT_REPORTS_APPROVE,
        P.GOVERNMENT_REPORTS_ISSUE,
        P.PEOPLE_MANAGE,
        P.ACCOUNTS_CONFIRM,
        P.TOKENS_MANAGE,
        P.ORGANISATIONS_PROPOSE,
        P.ORGANISATIONS_CONFIRM,
    }
)

EVERYONE = (
    "agencies.read cases.read exemptions.read projects.read reports.read requests.read own-account.read "
    "own-account.manage"
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
    "operator": f"{OVERSIGHT_READS} placements.confirm documents.write audits.run audits.void audits.verify "
    "approvals.decide",
    "administrator": f"{OVERSIGHT_READS} agencies.write projects.write documents.write imports.run "
    "imports.read-all journal.read people.read people.manage accounts.confirm tokens.read tokens.manage "
    "organisations.propose approvals.decide",
    "leader": "agencies.read exemptions.read projects.read reports.read policies.read overview.read own-account.read "
    "own-account.manage government-reports.read",
}


def test_roles_are_those_of_the_contract() -> None:
    assert [role.value for role in Role] == list(CONTRACT)
    assert set(PERMISSIONS) == set(Role)


@pytest.mark.parametrize("role", CONTRACT)
def test_role_has_exactly_the_permissions_of_the_contract(role: str) -> None:
    assert {permission.value for permission in PERMISSIONS[Role(role)]} == set(CONTRACT[role].split())


def test_oversight_roles_need_two_people() -> None:
    assert {role.value for role in Role if role.needs_two_people} == {
        "reviewer",
        "supervisor",
        "auditor",
        "operator",
        "administrator",
        "leader",
    }


def test_agency_roles_are_three() -> None:
    assert {"agency_viewer", "agency_editor", "agency_administrator"} == AGENCY_ROLES


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


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        (P.AGENCIES_WRITE, {Role.ADMINISTRATOR}),
        (P.PROJECTS_WRITE, {*EDITORS, Role.ADMINISTRATOR}),
        (P.PROJECTS_RESTRICT, {Role.SUPERVISOR}),
        (P.PROJECTS_LINK, {Role.REVIEWER, Role.SUPERVISOR}),
        (P.PLACEMENTS_CONFIRM, {Role.REVIEWER, Role.SUPERVISOR, Role.OPERATOR}),
        (P.ONBOARDING_EXTEND, {Role.REVIEWER, Role.SUPERVISOR}),
        (P.IMPORTS_RUN, {*EDITORS, Role.ADMINISTRATOR}),
        (P.IMPORTS_READ_ALL, {Role.ADMINISTRATOR}),
        (P.AUDITS_RUN, {Role.OPERATOR, Role.SUPERVISOR}),
        (P.AUDITS_CONFIRM, {Role.SUPERVISOR}),
        (P.CASES_READ, set(Role) - {Role.LEADER}),
        (P.OVERVIEW_READ, set(Role) - AGENCY_ROLES),
        (P.CASES_REVIEW, {Role.REVIEWER, Role.SUPERVISOR}),
        (P.CASES_LEAD, {Role.SUPERVISOR}),
        (P.TEAM_READ, {Role.SUPERVISOR}),
        (P.CASES_APPROVE, {Role.SUPERVISOR}),
        (P.CASES_ANSWER, EDITORS),
        (P.CASES_COMMENT, {Role.REVIEWER, Role.SUPERVISOR, *EDITORS}),
        (P.EXEMPTIONS_RECORD, {Role.SUPERVISOR}),
        (P.GOVERNMENT_REPORTS_READ, {Role.REVIEWER, Role.SUPERVISOR, Role.AUDITOR, Role.LEADER}),
        (P.GOVERNMENT_REPORTS_READ_DRAFTS, {Role.REVIEWER, Role.SUPERVISOR, Role.AUDITOR}),
        (P.GOVERNMENT_REPORTS_WRITE, {Role.REVIEWER, Role.SUPERVISOR}),
        (P.GOVERNMENT_REPORTS_APPROVE, {Role.REVIEWER, Role.SUPERVISOR}),
        (P.GOVERNMENT_REPORTS_ISSUE, {Role.SUPERVISOR}),
        (P.JOURNAL_READ, {Role.AUDITOR, Role.SUPERVISOR, Role.ADMINISTRATOR}),
        (P.OWN_ACCOUNT_READ, set(Role)),
        (P.OWN_ACCOUNT_MANAGE, set(Role)),
        (P.SHARED_VIEWS_DELETE, {Role.SUPERVISOR, Role.AGENCY_ADMINISTRATOR}),
        (P.PEOPLE_READ, {Role.AGENCY_ADMINISTRATOR, Role.AUDITOR, Role.ADMINISTRATOR}),
        (P.PEOPLE_MANAGE, {Role.AGENCY_ADMINISTRATOR, Role.ADMINISTRATOR}),
        (P.TOKENS_READ, {Role.AGENCY_ADMINISTRATOR, Role.AUDITOR, Role.ADMINISTRATOR}),
        (P.TOKENS_MANAGE, {Role.AGENCY_ADMINISTRATOR, Role.ADMINISTRATOR}),
        (P.ACCOUNTS_CONFIRM, {Role.SUPERVISOR, Role.ADMINISTRATOR}),
        (P.RESTRICTED_READ, {Role.SUPERVISOR, Role.AUDITOR, *AGENCY_ROLES}),
    ],
)
def test_permissions_match_the_contract(permission: Permission, roles: set[Role]) -> None:
    assert {role for role, granted in PERMISSIONS.items() if permission in granted} == roles


def test_auditor_and_a_viewer_change_nothing() -> None:
    for role in (Role.AUDITOR, Role.AGENCY_VIEWER):
        assert not PERMISSIONS[role] & WRITES


def test_supervisor_may_do_all_that_a_reviewer_may() -> None:
    assert PERMISSIONS[Role.REVIEWER] < PERMISSIONS[Role.SUPERVISOR]


def test_agency_never_reads_the_oversights_audits_policies_or_journal() -> None:
    for role in AGENCY_ROLES:
        assert not PERMISSIONS[role] & {P.AUDITS_READ, P.POLICIES_READ, P.JOURNAL_READ}
    for role in set(Role) - AGENCY_ROLES - {Role.LEADER}:
        assert PERMISSIONS[role] >= OVERSIGHT


def test_leader_reads_figures_and_records_and_nothing_of_cases() -> None:
    assert not PERMISSIONS[Role.LEADER] & {P.CASES_READ, P.REQUESTS_READ, P.AUDITS_READ, P.RESTRICTED_READ, *WRITES}


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


def test_agency_administrator_may_all_that_an_editor_may_and_manages_accounts() -> None:
    added = PERMISSIONS[Role.AGENCY_ADMINISTRATOR] - PERMISSIONS[Role.AGENCY_EDITOR]
    assert PERMISSIONS[Role.AGENCY_EDITOR] < PERMISSIONS[Role.AGENCY_ADMINISTRATOR]
    accounts = {P.PEOPLE_READ, P.PEOPLE_MANAGE, P.TOKENS_READ, P.TOKENS_MANAGE}
    assert added == {*accounts, P.SHARED_VIEWS_DELETE, P.APPROVALS_READ, P.APPROVALS_DECIDE, P.RESTRICTED_ADMIT}


def test_every_oversight_role_needs_two_people_and_no_agency_role_does() -> None:
    assert {role for role in Role if role.needs_two_people} == set(Role) - AGENCY_ROLES
    assert {Role.AGENCY_VIEWER, Role.AGENCY_EDITOR, Role.AGENCY_ADMINISTRATOR} == AGENCY_ROLES
