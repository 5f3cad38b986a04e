"""What the table of roles promises: the reading of docs/reference/api.md, and who can never do what."""

from __future__ import annotations

import pytest

from registry.accounts.actors import Actor, RoleNotAllowed, local_actor
from registry.accounts.roles import AGENCY_ROLES, OVERSIGHT, PERMISSIONS, Permission, Role

P = Permission
WRITES = frozenset(
    {
        P.AGENCIES_WRITE,
        P.PROJECTS_WRITE,
        P.PROJECTS_RESTRICT,
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
        P.EXEMPTIONS_RECORD,
    }
)


def test_every_role_has_its_line_in_the_table() -> None:
    assert set(PERMISSIONS) == set(Role)


def test_every_permission_is_somebodys() -> None:
    assert set().union(*PERMISSIONS.values()) == set(Permission)


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        (P.AGENCIES_WRITE, {Role.ADMINISTRATOR}),
        (P.PROJECTS_WRITE, {Role.AGENCY_EDITOR, Role.ADMINISTRATOR}),
        (P.PROJECTS_RESTRICT, {Role.SUPERVISOR}),
        (P.PLACEMENTS_CONFIRM, {Role.REVIEWER, Role.SUPERVISOR, Role.OPERATOR}),
        (P.ONBOARDING_EXTEND, {Role.REVIEWER, Role.SUPERVISOR}),
        (P.IMPORTS_RUN, {Role.AGENCY_EDITOR, Role.ADMINISTRATOR}),
        (P.IMPORTS_READ_ALL, {Role.ADMINISTRATOR}),
        (P.AUDITS_RUN, {Role.OPERATOR, Role.SUPERVISOR}),
        (P.AUDITS_CONFIRM, {Role.SUPERVISOR}),
        (P.CASES_READ, set(Role)),
        (P.CASES_REVIEW, {Role.REVIEWER, Role.SUPERVISOR}),
        (P.CASES_LEAD, {Role.SUPERVISOR}),
        (P.CASES_APPROVE, {Role.SUPERVISOR}),
        (P.CASES_ANSWER, {Role.AGENCY_EDITOR}),
        (P.CASES_COMMENT, {Role.REVIEWER, Role.SUPERVISOR, Role.AGENCY_EDITOR}),
        (P.EXEMPTIONS_RECORD, {Role.SUPERVISOR}),
        (P.JOURNAL_READ, {Role.AUDITOR, Role.SUPERVISOR, Role.ADMINISTRATOR}),
        (P.RESTRICTED_READ, {Role.SUPERVISOR, Role.AUDITOR, *AGENCY_ROLES}),
    ],
)
def test_an_act_is_allowed_to_exactly_the_roles_of_the_contract(permission: Permission, roles: set[Role]) -> None:
    assert {role for role, granted in PERMISSIONS.items() if permission in granted} == roles


def test_an_auditor_and_a_viewer_change_nothing() -> None:
    for role in (Role.AUDITOR, Role.AGENCY_VIEWER):
        assert not PERMISSIONS[role] & WRITES


def test_a_supervisor_may_do_all_that_a_reviewer_may() -> None:
    assert PERMISSIONS[Role.REVIEWER] < PERMISSIONS[Role.SUPERVISOR]


def test_an_agency_never_reads_the_oversights_audits_policies_or_journal() -> None:
    for role in AGENCY_ROLES:
        assert not PERMISSIONS[role] & {P.AUDITS_READ, P.POLICIES_READ, P.JOURNAL_READ}
    for role in set(Role) - AGENCY_ROLES:
        assert PERMISSIONS[role] >= OVERSIGHT


def test_a_refusal_names_role_and_permission() -> None:
    with pytest.raises(RoleNotAllowed) as refused:
        Actor("Somebody", Role.AUDITOR).require(P.AUDITS_RUN)
    assert refused.value.params == {"role": "auditor", "permission": "audits.run"}


def test_the_command_line_acts_as_its_user() -> None:
    assert local_actor(Role.OPERATOR).principal.startswith("local:")
