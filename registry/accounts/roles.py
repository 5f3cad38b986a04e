"""Roles and what each may do, scopes of tokens, and actors: who does something, with role, agency and source."""

import os
import pwd
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from registry.core.clock import now
from registry.core.errors import NotAllowed
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices

# Roles and permissions: one table, role → permissions. No other code decides who may do what. Scopes of tokens.


class Role(Choices, field="role"):
    """The roles (docs/reference/api.md). The first three are bound to one agency and its subordinate agencies."""

    AGENCY_VIEWER = "agency_viewer", lazy_text("Agency viewer")
    AGENCY_EDITOR = "agency_editor", lazy_text("Agency editor")
    AGENCY_ADMINISTRATOR = "agency_administrator", lazy_text("Agency administrator")
    REVIEWER = "reviewer", lazy_text("Reviewer")
    SUPERVISOR = "supervisor", lazy_text("Supervisor")
    AUDITOR = "auditor", lazy_text("Auditor")
    OPERATOR = "operator", lazy_text("Operator")
    ADMINISTRATOR = "administrator", lazy_text("Administrator")
    LEADER = "leader", lazy_text("Leader")

    @property
    def needs_two_people(self) -> bool:
        """True when a second person must confirm an account that an administrator gives this role."""
        return self in TWO_PERSON_ROLES


class Scope(Choices, field="scope"):
    """What a token may be used for (docs/reference/api.md)."""

    READ = "read", lazy_text("Read everything that the role may read")
    PROJECTS_WRITE = "projects:write", lazy_text("Change projects, agencies and documents")
    CASES_WRITE = "cases:write", lazy_text("Work on cases")
    IMPORTS_RUN = "imports:run", lazy_text("Import tables")
    AUDITS_RUN = "audits:run", lazy_text("Run audits, prepare policies")
    EXEMPTIONS_WRITE = "exemptions:write", lazy_text("Record decisions of the Commission")
    ACCOUNTS_WRITE = "accounts:write", lazy_text("Manage accounts and tokens")
    DECISIONS_APPROVE = "decisions:approve", lazy_text("Approve decisions; confirm audits, accounts and tokens")


# Marks what needs a second factor of the last 15 minutes in a browser session, wherever the account has a factor.
STEP_UP: Final = True


class Permission(StrEnum):
    """An action on a kind of object, the scope of tokens that grants it to roles that have it, and ``STEP_UP``."""

    scope: Scope
    needs_step_up: bool

    def __new__(cls, code: str, scope: Scope, needs_step_up: bool = False) -> Self:
        member = str.__new__(cls, code)
        member._value_, member.scope, member.needs_step_up = code, scope, needs_step_up
        return member

    AGENCIES_READ = "agencies.read", Scope.READ
    AGENCIES_WRITE = "agencies.write", Scope.PROJECTS_WRITE
    PROJECTS_READ = "projects.read", Scope.READ
    PROJECTS_WRITE = "projects.write", Scope.PROJECTS_WRITE
    PROJECTS_ATTEST = "projects.attest", Scope.PROJECTS_WRITE
    PROJECTS_RESTRICT = "projects.restrict", Scope.PROJECTS_WRITE
    PROJECTS_LINK = "projects.link", Scope.PROJECTS_WRITE
    RESTRICTED_READ = "restricted.read", Scope.READ
    RESTRICTED_ADMIT = "restricted.admit", Scope.DECISIONS_APPROVE, STEP_UP
    PLACEMENTS_CONFIRM = "placements.confirm", Scope.PROJECTS_WRITE
    PRODUCTS_WRITE = "products.write", Scope.PROJECTS_WRITE
    ONBOARDING_EXTEND = "onboarding.extend", Scope.PROJECTS_WRITE
    DOCUMENTS_WRITE = "documents.write", Scope.PROJECTS_WRITE
    IMPORTS_RUN = "imports.run", Scope.IMPORTS_RUN
    IMPORTS_READ_ALL = "imports.read-all", Scope.READ
    AUDITS_READ = "audits.read", Scope.READ
    AUDITS_RUN = "audits.run", Scope.AUDITS_RUN
    AUDITS_CONFIRM = "audits.confirm", Scope.DECISIONS_APPROVE, STEP_UP
    AUDITS_VOID = "audits.void", Scope.DECISIONS_APPROVE, STEP_UP
    AUDITS_VERIFY = "audits.verify", Scope.READ
    CONTRACTS_READ = "contracts.read", Scope.READ
    CONTRACTS_IMPORT = "contracts.import", Scope.PROJECTS_WRITE
    CONTRACTS_MATCH = "contracts.match", Scope.CASES_WRITE
    CASES_READ = "cases.read", Scope.READ
    # The registers of orders and of appeals.
    ORDERS_READ = "orders.read", Scope.READ
    CASES_REVIEW = "cases.review", Scope.CASES_WRITE
    CASES_LEAD = "cases.lead", Scope.CASES_WRITE
    CASES_APPROVE = "cases.approve", Scope.DECISIONS_APPROVE, STEP_UP
    CASES_ANSWER = "cases.answer", Scope.CASES_WRITE
    CASES_COMMENT = "cases.comment", Scope.CASES_WRITE
    EXEMPTIONS_READ = "exemptions.read", Scope.READ
    EXEMPTIONS_PROPOSE = "exemptions.propose", Scope.EXEMPTIONS_WRITE
    EXEMPTIONS_RECORD = "exemptions.record", Scope.EXEMPTIONS_WRITE, STEP_UP
    POLICIES_READ = "policies.read", Scope.READ
    POLICIES_WRITE = "policies.write", Scope.AUDITS_RUN
    POLICIES_ACTIVATE = "policies.activate", Scope.DECISIONS_APPROVE, STEP_UP
    REPORTS_READ = "reports.read", Scope.READ
    OVERVIEW_READ = "overview.read", Scope.READ
    GOVERNMENT_REPORTS_READ = "government-reports.read", Scope.READ
    # Also those that are not issued.
    GOVERNMENT_REPORTS_READ_DRAFTS = "government-reports.read-drafts", Scope.READ
    GOVERNMENT_REPORTS_WRITE = "government-reports.write", Scope.CASES_WRITE
    GOVERNMENT_REPORTS_APPROVE = "government-reports.approve", Scope.DECISIONS_APPROVE, STEP_UP
    GOVERNMENT_REPORTS_ISSUE = "government-reports.issue", Scope.DECISIONS_APPROVE, STEP_UP
    TEAM_READ = "team.read", Scope.READ
    JOURNAL_READ = "journal.read", Scope.READ
    OWN_ACCOUNT_READ = "own-account.read", Scope.READ
    OWN_ACCOUNT_MANAGE = "own-account.manage", Scope.ACCOUNTS_WRITE
    SHARED_VIEWS_DELETE = "shared-views.delete", Scope.ACCOUNTS_WRITE
    PEOPLE_READ = "people.read", Scope.READ
    PEOPLE_MANAGE = "people.manage", Scope.ACCOUNTS_WRITE, STEP_UP
    ACCOUNTS_CONFIRM = "accounts.confirm", Scope.DECISIONS_APPROVE, STEP_UP
    TOKENS_READ = "tokens.read", Scope.READ
    TOKENS_MANAGE = "tokens.manage", Scope.ACCOUNTS_WRITE, STEP_UP
    REQUESTS_READ = "requests.read", Scope.READ
    ORGANISATIONS_PROPOSE = "organisations.propose", Scope.PROJECTS_WRITE
    ORGANISATIONS_CONFIRM = "organisations.confirm", Scope.DECISIONS_APPROVE, STEP_UP
    WITHDRAWALS_DECIDE = "withdrawals.decide", Scope.DECISIONS_APPROVE, STEP_UP
    APPROVALS_READ = "approvals.read", Scope.READ
    APPROVALS_DECIDE = "approvals.decide", Scope.DECISIONS_APPROVE, STEP_UP


P = Permission
EVERYONE: Final = {
    P.AGENCIES_READ,
    P.PROJECTS_READ,
    P.CONTRACTS_READ,
    P.CASES_READ,
    P.ORDERS_READ,
    P.EXEMPTIONS_READ,
    P.REPORTS_READ,
    P.REQUESTS_READ,
    P.OWN_ACCOUNT_READ,
    P.OWN_ACCOUNT_MANAGE,
}
OVERSIGHT: Final = EVERYONE | {P.AUDITS_READ, P.POLICIES_READ, P.OVERVIEW_READ, P.APPROVALS_READ}
# Which kinds each of these roles decides is declared with the kind (registry/approvals/service.py).
DECIDER: Final = {P.APPROVALS_READ, P.APPROVALS_DECIDE}
EDITOR: Final = EVERYONE | {
    P.RESTRICTED_READ,
    P.PROJECTS_WRITE,
    P.PROJECTS_ATTEST,
    P.DOCUMENTS_WRITE,
    P.IMPORTS_RUN,
    P.CASES_ANSWER,
    P.CASES_COMMENT,
}
REVIEWER: Final = (
    OVERSIGHT
    | DECIDER
    | {
        P.PROJECTS_LINK,
        P.CONTRACTS_IMPORT,
        P.CONTRACTS_MATCH,
        P.PLACEMENTS_CONFIRM,
        P.ONBOARDING_EXTEND,
        P.DOCUMENTS_WRITE,
        P.CASES_REVIEW,
        P.CASES_COMMENT,
        P.EXEMPTIONS_PROPOSE,
        P.GOVERNMENT_REPORTS_READ,
        P.GOVERNMENT_REPORTS_READ_DRAFTS,
        P.GOVERNMENT_REPORTS_WRITE,
        P.GOVERNMENT_REPORTS_APPROVE,
        P.WITHDRAWALS_DECIDE,
    }
)
ACCOUNTS_MANAGER: Final = {P.PEOPLE_READ, P.PEOPLE_MANAGE, P.TOKENS_READ, P.TOKENS_MANAGE}

PERMISSIONS: Final[dict[Role, frozenset[Permission]]] = {
    Role.AGENCY_VIEWER: frozenset(EVERYONE | {P.RESTRICTED_READ}),
    Role.AGENCY_EDITOR: frozenset(EDITOR),
    # Of accounts, only viewers and editors of the own agency and those below it (account_management.py).
    Role.AGENCY_ADMINISTRATOR: frozenset(
        EDITOR | ACCOUNTS_MANAGER | DECIDER | {P.RESTRICTED_ADMIT, P.SHARED_VIEWS_DELETE}
    ),
    Role.REVIEWER: frozenset(REVIEWER),
    Role.SUPERVISOR: frozenset(
        REVIEWER
        | {
            P.RESTRICTED_READ,
            P.RESTRICTED_ADMIT,
            P.PROJECTS_RESTRICT,
            P.AUDITS_RUN,
            P.AUDITS_CONFIRM,
            P.AUDITS_VOID,
            P.CASES_LEAD,
            P.TEAM_READ,
            P.CASES_APPROVE,
            P.EXEMPTIONS_RECORD,
            P.POLICIES_WRITE,
            P.POLICIES_ACTIVATE,
            P.GOVERNMENT_REPORTS_ISSUE,
            P.JOURNAL_READ,
            P.SHARED_VIEWS_DELETE,
            P.ACCOUNTS_CONFIRM,
            P.ORGANISATIONS_CONFIRM,
        }
    ),
    Role.AUDITOR: frozenset(
        OVERSIGHT
        | {
            P.AUDITS_VERIFY,
            P.GOVERNMENT_REPORTS_READ,
            P.GOVERNMENT_REPORTS_READ_DRAFTS,
            P.JOURNAL_READ,
            P.PEOPLE_READ,
            P.RESTRICTED_READ,
            P.TOKENS_READ,
        }
    ),
    Role.OPERATOR: frozenset(
        OVERSIGHT
        | DECIDER
        | {
            P.CONTRACTS_IMPORT,
            P.PLACEMENTS_CONFIRM,
            P.PRODUCTS_WRITE,
            P.DOCUMENTS_WRITE,
            P.AUDITS_RUN,
            P.AUDITS_VOID,
            P.AUDITS_VERIFY,
        }
    ),
    Role.ADMINISTRATOR: frozenset(
        OVERSIGHT
        | ACCOUNTS_MANAGER
        | DECIDER
        | {
            P.AGENCIES_WRITE,
            P.PROJECTS_WRITE,
            P.CONTRACTS_IMPORT,
            P.DOCUMENTS_WRITE,
            P.IMPORTS_RUN,
            P.IMPORTS_READ_ALL,
            P.JOURNAL_READ,
            P.ACCOUNTS_CONFIRM,
            P.ORGANISATIONS_PROPOSE,
        }
    ),
    # Figures, issued reports, records, orders and appeals, neither cases, requests and audits nor restricted projects.
    Role.LEADER: frozenset(
        (EVERYONE - {P.CASES_READ, P.REQUESTS_READ}) | {P.POLICIES_READ, P.OVERVIEW_READ, P.GOVERNMENT_REPORTS_READ}
    ),
}

AGENCY_ROLES: Final = frozenset({Role.AGENCY_VIEWER, Role.AGENCY_EDITOR, Role.AGENCY_ADMINISTRATOR})
OVERSIGHT_ROLES: Final = frozenset(Role) - AGENCY_ROLES

# A second person confirms every account with an oversight role. Administrators are included, because an administrator
# could otherwise create a second administrator account and confirm accounts with it.
TWO_PERSON_ROLES: Final = OVERSIGHT_ROLES

# Accounts of agencies have these only when they are admitted to restricted projects (accounts/models.py).
OF_ADMITTED: Final = frozenset({P.RESTRICTED_READ, P.RESTRICTED_ADMIT})
# The roles that a token of an account may have instead of the account's own; what the account lacks, it lacks too.
NARROWER_ROLES: Final[dict[Role, frozenset[Role]]] = {
    Role.AGENCY_EDITOR: frozenset({Role.AGENCY_VIEWER}),
    Role.AGENCY_ADMINISTRATOR: frozenset({Role.AGENCY_VIEWER, Role.AGENCY_EDITOR}),
    Role.SUPERVISOR: frozenset({Role.REVIEWER, Role.AUDITOR, Role.OPERATOR}),
}


def is_admitted(role: str, admitted_at: datetime | None) -> bool:
    """False for a role of agencies without an admission to restricted projects."""
    return Role(role) not in AGENCY_ROLES or admitted_at is not None


def is_within(role: Role, agency_id: int | None, account_role: Role, account_agency_id: int | None) -> bool:
    """Return True when an account with the second role and agency may have a token with the first."""
    return agency_id == account_agency_id and (
        role is account_role or role in NARROWER_ROLES.get(account_role, frozenset())
    )


def roles_within(role: Role) -> tuple[Role, ...]:
    """Return the roles that a token of an account with the role may have, the account's role first."""
    return (role, *(other for other in Role if other in NARROWER_ROLES.get(role, frozenset())))


# What else ``accounts:write`` grants than managing accounts and tokens of others.
OF_THE_OWN_ACCOUNT: Final = frozenset({P.OWN_ACCOUNT_MANAGE, P.SHARED_VIEWS_DELETE})


def scopes_of_role(role: Role) -> frozenset[Scope]:
    """Return the scopes that grant something to the role."""
    return frozenset(permission.scope for permission in PERMISSIONS[role])


def default_scopes(role: Role) -> frozenset[Scope]:
    """Return the scopes of a new token for which none were chosen: all of the role but those of decisions.

    Not ``accounts:write`` either where the role manages no accounts: what it grants is the own tokens, sessions and
    saved views.
    """
    useful = {permission.scope for permission in PERMISSIONS[role] - OF_THE_OWN_ACCOUNT}
    return frozenset(useful - {Scope.DECISIONS_APPROVE, Scope.EXEMPTIONS_WRITE})


def needs_step_up(role: Role, scopes: Collection[Scope]) -> bool:
    """Return True when a token with the scopes may do what its owner may only do after a step-up."""
    return any(each.needs_step_up and each.scope in scopes for each in PERMISSIONS[role])


def stored_scopes(stored: Collection[str] | None) -> frozenset[Scope] | None:
    """Return the scopes of a stored list, None for None. A scope that only a newer version knows grants nothing."""
    return None if stored is None else frozenset(scope for scope in Scope if scope in stored)


def sorted_scopes(scopes: Collection[Scope]) -> list[str]:
    """Return the scopes as they are stored and displayed, in the order of the list."""
    return [scope.value for scope in Scope if scope in scopes]


# Actors: the principal of an action with role, agency and source. Every service takes one.

# Step-up: acts of consequence need a second factor that was verified at most 15 minutes ago.

STEP_UP_MAX_AGE: Final = timedelta(minutes=15)


class StepUpRequired(NotAllowed):
    """The second factor of the session was verified too long ago for this act, or not at all."""


def is_fresh(factor_at: datetime | None, at: datetime) -> bool:
    """Return True when the factor was verified at most 15 minutes before ``at``, and not after it."""
    return factor_at is not None and timedelta() <= at - factor_at <= STEP_UP_MAX_AGE


LOCAL: Final = "local"
"""The credential of commands on the server and of scheduled jobs."""
SESSION_PREFIX: Final = "session:"
TOKEN_PREFIX: Final = "token:"  # noqa: S105 - a prefix, not a secret


class RoleNotAllowed(NotAllowed):
    """The role does not have the required permission."""


class ScopeNotGranted(NotAllowed):
    """The role has the permission, but the token has no scope that grants it."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The principal of an action. ``agency_id`` is the agency of the two agency roles, None for oversight roles.

    ``credential`` is the means of authentication: ``token:<key id>``, ``session:<hash>`` or ``local``.
    ``request_id`` is generated by the service; ``client_request_id`` is the caller's X-Request-ID.
    ``scopes``: those of a token; None for all, as in sessions and on the command line. ``factor_at``: when the second
    factor of the session was last verified. ``second_factor_required``: the account has a second factor or must have
    one. ``account_role``: the role of the account where its token has another: what the account lacks, its token lacks.
    ``is_admitted``: False for an account of an agency that is not admitted to restricted projects, and for a command
    while two people could act in its place: it then admits nobody, and gives no role of oversight (``models.py``).
    """

    principal: str
    role: Role
    agency_id: int | None = None
    source: str = ""
    request_id: str = ""
    account_id: int | None = None
    is_person: bool = False
    credential: str = ""
    client_request_id: str = ""
    scopes: frozenset[Scope] | None = None
    factor_at: datetime | None = None
    second_factor_required: bool = False
    account_role: Role | None = None
    is_admitted: bool = True

    @property
    def who(self) -> int | str:
        """The id of the account; the principal where there is none, as of commands."""
        return self.account_id or self.principal

    @property
    def is_local(self) -> bool:
        """True for commands on the server and scheduled jobs."""
        return self.credential == LOCAL

    @property
    def acts_alone(self) -> bool:
        """True for commands while the register has fewer than two people of oversight: nobody need confirm them."""
        return self.is_local and self.is_admitted

    @property
    def is_session(self) -> bool:
        """True for a browser session."""
        return self.credential.startswith(SESSION_PREFIX)

    @property
    def token_key_id(self) -> str | None:
        """The key id of the token that authenticated the actor; None for other credentials."""
        return self.credential.removeprefix(TOKEN_PREFIX) if self.credential.startswith(TOKEN_PREFIX) else None

    def may(self, permission: Permission) -> bool:
        """Return True when the role has the permission, and a token a scope that grants it."""
        return self.has_role_permission(permission) and self._grants(permission)

    def has_role_permission(self, permission: Permission) -> bool:
        """Return True when the role has the permission, whatever a token's scopes are."""
        if permission in OF_ADMITTED and not self.is_admitted:
            return False
        return permission in PERMISSIONS[self.role] and (
            self.account_role is None or permission in PERMISSIONS[self.account_role]
        )

    def require(self, permission: Permission, *, step_up: bool = True) -> None:
        """Raise RoleNotAllowed unless the role has the permission, and ScopeNotGranted for a token without its scope.

        Raises StepUpRequired when the permission needs a step-up. ``step_up=False`` is for reading only.
        """
        self.require_role(permission)
        if not self._grants(permission):
            raise ScopeNotGranted(scope=permission.scope.value)
        if step_up and permission.needs_step_up:
            self.require_step_up()

    def require_role(self, permission: Permission) -> None:
        """Raise RoleNotAllowed unless the role has the permission, whatever the scopes of a token."""
        if not self.has_role_permission(permission):
            raise RoleNotAllowed(role=self.role.value, permission=permission.value)

    @property
    def needs_step_up(self) -> bool:
        """True for a session of an account with a second factor that was not verified lately."""
        return self.is_session and self.second_factor_required and not is_fresh(self.factor_at, now())

    def require_step_up(self) -> None:
        """Raise StepUpRequired for a session that needs a step-up."""
        if self.needs_step_up:
            raise StepUpRequired(minutes=int(STEP_UP_MAX_AGE.total_seconds() // 60))

    def _grants(self, permission: Permission) -> bool:
        return self.scopes is None or permission.scope in self.scopes


def local_actor(role: Role) -> Actor:
    """Return the actor of a command on the server: ``local:<user>``, with the role that the command requires.

    The user is the operating system's, by its number: a variable such as LOGNAME can name anybody.
    """
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        # A container may run as a number without a name.
        name = str(number)
    return Actor(principal=f"local:{name}", role=role, source="cli", credential=LOCAL)


SCHEDULE = Actor(principal="service:schedule", role=Role.OPERATOR, source="schedule", credential=LOCAL)
