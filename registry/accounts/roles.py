"""Who may do what: one table, role → permissions. Nothing else in the tree decides it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """The roles of docs/reference/api.md. The first two are bound to one agency and those below it."""

    AGENCY_VIEWER = "agency_viewer"
    AGENCY_EDITOR = "agency_editor"
    REVIEWER = "reviewer"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"

    @property
    def needs_two_people(self) -> bool:
        """Whether an account that an administrator gives this role waits for a second person."""
        return self in TWO_PEOPLE


class Permission(StrEnum):
    """An act on a kind of thing."""

    AGENCIES_READ = "agencies.read"
    AGENCIES_WRITE = "agencies.write"
    PROJECTS_READ = "projects.read"
    PROJECTS_WRITE = "projects.write"
    PROJECTS_RESTRICT = "projects.restrict"
    RESTRICTED_READ = "restricted.read"
    PLACEMENTS_CONFIRM = "placements.confirm"
    ONBOARDING_EXTEND = "onboarding.extend"
    DOCUMENTS_WRITE = "documents.write"
    IMPORTS_RUN = "imports.run"
    IMPORTS_READ_ALL = "imports.read-all"
    AUDITS_READ = "audits.read"
    AUDITS_RUN = "audits.run"
    AUDITS_CONFIRM = "audits.confirm"
    AUDITS_VOID = "audits.void"
    CASES_READ = "cases.read"
    CASES_REVIEW = "cases.review"
    CASES_LEAD = "cases.lead"
    CASES_APPROVE = "cases.approve"
    CASES_ANSWER = "cases.answer"
    CASES_COMMENT = "cases.comment"
    EXEMPTIONS_READ = "exemptions.read"
    EXEMPTIONS_RECORD = "exemptions.record"
    POLICIES_READ = "policies.read"
    REPORTS_READ = "reports.read"
    JOURNAL_READ = "journal.read"
    PEOPLE_MANAGE = "people.manage"
    ACCOUNTS_CONFIRM = "accounts.confirm"
    TOKENS_MANAGE = "tokens.manage"


P = Permission
EVERYONE: Final = {P.AGENCIES_READ, P.PROJECTS_READ, P.CASES_READ, P.EXEMPTIONS_READ, P.REPORTS_READ}
OVERSIGHT: Final = EVERYONE | {P.AUDITS_READ, P.POLICIES_READ}

PERMISSIONS: Final[dict[Role, frozenset[Permission]]] = {
    Role.AGENCY_VIEWER: frozenset(EVERYONE | {P.RESTRICTED_READ}),
    Role.AGENCY_EDITOR: frozenset(
        EVERYONE
        | {
            P.RESTRICTED_READ,
            P.PROJECTS_WRITE,
            P.DOCUMENTS_WRITE,
            P.IMPORTS_RUN,
            P.CASES_ANSWER,
            P.CASES_COMMENT,
        }
    ),
    Role.REVIEWER: frozenset(
        OVERSIGHT | {P.PLACEMENTS_CONFIRM, P.ONBOARDING_EXTEND, P.DOCUMENTS_WRITE, P.CASES_REVIEW, P.CASES_COMMENT}
    ),
    Role.SUPERVISOR: frozenset(
        OVERSIGHT
        | {
            P.RESTRICTED_READ,
            P.PROJECTS_RESTRICT,
            P.DOCUMENTS_WRITE,
            P.PLACEMENTS_CONFIRM,
            P.ONBOARDING_EXTEND,
            P.AUDITS_RUN,
            P.AUDITS_CONFIRM,
            P.AUDITS_VOID,
            P.CASES_REVIEW,
            P.CASES_LEAD,
            P.CASES_APPROVE,
            P.CASES_COMMENT,
            P.EXEMPTIONS_RECORD,
            P.JOURNAL_READ,
            P.ACCOUNTS_CONFIRM,
        }
    ),
    Role.AUDITOR: frozenset(OVERSIGHT | {P.RESTRICTED_READ, P.JOURNAL_READ}),
    Role.OPERATOR: frozenset(OVERSIGHT | {P.PLACEMENTS_CONFIRM, P.DOCUMENTS_WRITE, P.AUDITS_RUN, P.AUDITS_VOID}),
    Role.ADMINISTRATOR: frozenset(
        OVERSIGHT
        | {
            P.AGENCIES_WRITE,
            P.PROJECTS_WRITE,
            P.DOCUMENTS_WRITE,
            P.IMPORTS_RUN,
            P.IMPORTS_READ_ALL,
            P.JOURNAL_READ,
            P.PEOPLE_MANAGE,
            P.ACCOUNTS_CONFIRM,
            P.TOKENS_MANAGE,
        }
    ),
}

AGENCY_ROLES: Final = frozenset({Role.AGENCY_VIEWER, Role.AGENCY_EDITOR})

# Who decides, and who manages accounts: with a second administrator of its own making, one could confirm all others.
TWO_PEOPLE: Final = frozenset({Role.REVIEWER, Role.SUPERVISOR, Role.ADMINISTRATOR})
# The roles below each role, which a token of its account may have instead: their permissions are among its own.
NARROWER: Final[dict[Role, frozenset[Role]]] = {
    Role.AGENCY_EDITOR: frozenset({Role.AGENCY_VIEWER}),
    Role.SUPERVISOR: frozenset({Role.REVIEWER, Role.AUDITOR, Role.OPERATOR}),
}


def is_within(role: Role, agency_id: int | None, account_role: Role, account_agency_id: int | None) -> bool:
    """Whether a token of that role and agency has no right that its account does not have."""
    return agency_id == account_agency_id and (role is account_role or role in NARROWER.get(account_role, frozenset()))


def roles_within(role: Role) -> tuple[Role, ...]:
    """The roles that a token of an account with the role may have: the account's own first."""
    return (role, *(other for other in Role if other in NARROWER.get(role, frozenset())))
