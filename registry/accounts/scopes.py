"""Scopes of tokens: each grants permissions, and never one that the role lacks. Every permission has one scope."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from registry.accounts.roles import PERMISSIONS, STEP_UP_PERMISSIONS, Permission, Role
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices


class Scope(Choices):
    """What a token may be used for (docs/reference/api.md)."""

    READ = "read", lazy_text("Read everything that the role may read")
    PROJECTS_WRITE = "projects:write", lazy_text("Change projects, agencies and documents")
    CASES_WRITE = "cases:write", lazy_text("Work on cases")
    IMPORTS_RUN = "imports:run", lazy_text("Import tables")
    AUDITS_RUN = "audits:run", lazy_text("Run audits, prepare policies")
    EXEMPTIONS_WRITE = "exemptions:write", lazy_text("Record decisions of the Commission")
    ACCOUNTS_WRITE = "accounts:write", lazy_text("Manage accounts and tokens")
    DECISIONS_APPROVE = (
        "decisions:approve",
        lazy_text("Approve decisions; confirm audits, accounts and tokens"),
    )


P = Permission
SCOPES: Final[dict[Scope, frozenset[Permission]]] = {
    Scope.READ: frozenset(
        {
            P.AGENCIES_READ,
            P.PROJECTS_READ,
            P.RESTRICTED_READ,
            P.IMPORTS_READ_ALL,
            P.AUDITS_READ,
            P.AUDITS_VERIFY,
            P.CASES_READ,
            P.EXEMPTIONS_READ,
            P.POLICIES_READ,
            P.REPORTS_READ,
            P.OVERVIEW_READ,
            P.GOVERNMENT_REPORTS_READ,
            P.GOVERNMENT_REPORTS_READ_DRAFTS,
            P.TEAM_READ,
            P.JOURNAL_READ,
            P.OWN_ACCOUNT_READ,
            P.PEOPLE_READ,
            P.TOKENS_READ,
            P.REQUESTS_READ,
            P.APPROVALS_READ,
        }
    ),
    Scope.PROJECTS_WRITE: frozenset(
        {
            P.AGENCIES_WRITE,
            P.PROJECTS_WRITE,
            P.PROJECTS_ATTEST,
            P.PROJECTS_RESTRICT,
            P.PROJECTS_LINK,
            P.PLACEMENTS_CONFIRM,
            P.ONBOARDING_EXTEND,
            P.DOCUMENTS_WRITE,
            P.ORGANISATIONS_PROPOSE,
        }
    ),
    Scope.CASES_WRITE: frozenset(
        {P.CASES_REVIEW, P.CASES_LEAD, P.CASES_ANSWER, P.CASES_COMMENT, P.GOVERNMENT_REPORTS_WRITE}
    ),
    Scope.IMPORTS_RUN: frozenset({P.IMPORTS_RUN}),
    Scope.AUDITS_RUN: frozenset({P.AUDITS_RUN, P.POLICIES_WRITE}),
    Scope.EXEMPTIONS_WRITE: frozenset({P.EXEMPTIONS_PROPOSE, P.EXEMPTIONS_RECORD}),
    Scope.ACCOUNTS_WRITE: frozenset({P.OWN_ACCOUNT_MANAGE, P.SHARED_VIEWS_DELETE, P.PEOPLE_MANAGE, P.TOKENS_MANAGE}),
    Scope.DECISIONS_APPROVE: frozenset(
        {
            P.CASES_APPROVE,
            P.AUDITS_CONFIRM,
            P.AUDITS_VOID,
            P.POLICIES_ACTIVATE,
            P.GOVERNMENT_REPORTS_APPROVE,
            P.GOVERNMENT_REPORTS_ISSUE,
            P.ACCOUNTS_CONFIRM,
            P.ORGANISATIONS_CONFIRM,
            P.WITHDRAWALS_DECIDE,
            P.APPROVALS_DECIDE,
            P.RESTRICTED_ADMIT,
        }
    ),
}
# What else ``accounts:write`` grants than managing accounts and tokens of others.
OF_THE_OWN_ACCOUNT: Final = frozenset({P.OWN_ACCOUNT_MANAGE, P.SHARED_VIEWS_DELETE})
SCOPE_OF: Final[dict[Permission, Scope]] = {
    permission: scope for scope, permissions in SCOPES.items() for permission in permissions
}


def scopes_of_role(role: Role) -> frozenset[Scope]:
    """The scopes that grant something to the role."""
    return frozenset(SCOPE_OF[permission] for permission in PERMISSIONS[role])


def default_scopes(role: Role) -> frozenset[Scope]:
    """The scopes of a new token for which none were chosen: all of the role but those of decisions.

    Not ``accounts:write`` either where the role manages no accounts: what it grants is the own tokens, sessions and
    saved views.
    """
    useful = {SCOPE_OF[permission] for permission in PERMISSIONS[role] - OF_THE_OWN_ACCOUNT}
    return frozenset(useful - {Scope.DECISIONS_APPROVE, Scope.EXEMPTIONS_WRITE})


def needs_step_up(role: Role, scopes: Collection[Scope]) -> bool:
    """True when a token with the scopes may do what its owner may only do after a step-up."""
    return any(SCOPE_OF[permission] in scopes for permission in PERMISSIONS[role] & STEP_UP_PERMISSIONS)


def stored_scopes(stored: Collection[str] | None) -> frozenset[Scope] | None:
    """The scopes of a stored list, None for None. A scope that only a newer version knows grants nothing."""
    return None if stored is None else frozenset(scope for scope in Scope if scope in stored)


def sorted_scopes(scopes: Collection[Scope]) -> list[str]:
    """The scopes as they are stored and displayed, in the order of the list."""
    return [scope.value for scope in Scope if scope in scopes]
