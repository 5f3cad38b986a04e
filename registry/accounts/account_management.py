"""Who may manage whom: administrators every account, agency administrators viewers and editors of their agencies."""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import ColumnElement, select, true

from registry.accounts.agency_tree import agencies_below, is_in_subtree, subtree
from registry.accounts.models import Account, AccountNotFound, find_account, is_active, require_person
from registry.accounts.roles import AGENCY_ROLES, Actor, Permission, Role
from registry.core.database import db
from registry.core.errors import NotAllowed

MANAGED_BY_AGENCIES: Final = frozenset({Role.AGENCY_VIEWER, Role.AGENCY_EDITOR})


class AccountNotYours(NotAllowed):
    """The actor sees the account, but may not manage accounts with its role."""


class RoleNotYoursToGive(NotAllowed):
    """The actor may not give that role, or not in that agency."""


class RightsChanged(NotAllowed):
    """The actor's account was disabled or got another role while its request was being handled."""


class NotYourself(NotAllowed):
    """Nobody manages their own account; another administrator must do it."""


def may_manage(
    manager_role: Role,
    manager_agency: int | None,
    subject_role: Role,
    subject_agency: int | None,
    is_below: Callable[[int, int], bool],
) -> bool:
    """Return True when the manager may manage accounts with the subject's role and agency, and give them.

    ``is_below(agency, root)``: the agency is the root or subordinate to it.
    """
    if manager_role is Role.ADMINISTRATOR:
        return True
    return (
        manager_role is Role.AGENCY_ADMINISTRATOR
        and subject_role in MANAGED_BY_AGENCIES
        and manager_agency is not None
        and subject_agency is not None
        and is_below(subject_agency, manager_agency)
    )


def require_account_manager(actor: Actor) -> None:
    """Raise RoleNotAllowed unless the role manages accounts, AccountsNeedAPerson for a service account."""
    actor.require(Permission.PEOPLE_MANAGE)
    require_person(actor)


def require_may_give(actor: Actor, role: Role, agency_id: int | None) -> None:
    """Raise RoleNotYoursToGive unless the actor may manage accounts with that role and agency."""
    if not may_give(actor, role, agency_id):
        raise RoleNotYoursToGive(role=role.value)


def may_give(actor: Actor, role: Role, agency_id: int | None) -> bool:
    """Return True when the actor may manage accounts with that role and agency."""
    return may_manage(actor.role, actor.agency_id, role, agency_id, is_in_subtree)


def roles_to_give(actor: Actor) -> list[Role]:
    """Return the roles that the actor may give to accounts."""
    return [role for role in Role if actor.role is Role.ADMINISTRATOR or role in MANAGED_BY_AGENCIES]


def visible_roles(actor: Actor) -> list[Role]:
    """Return the roles that accounts may have which the actor sees."""
    return [role for role in Role if actor.role not in AGENCY_ROLES or role in AGENCY_ROLES]


def require_may_manage(actor: Actor, account: Account) -> None:
    """Raise AccountNotFound for an account that the actor does not see, AccountNotYours for another's."""
    if not sees_account(actor, account):
        raise AccountNotFound(id=account.id)
    if not may_give(actor, Role(account.role), account.agency_id):
        raise AccountNotYours(name=account.name)


def can_manage(actor: Actor, account: Account) -> bool:
    """Return True when the actor may change the account: not the own one."""
    return account.id in manageable(actor, [account])


def manageable(actor: Actor, accounts: Sequence[Account]) -> frozenset[int]:
    """Return the ids of the accounts that the actor may change, with one query for all of them."""
    if not actor.may(Permission.PEOPLE_MANAGE):
        return frozenset()
    below = agencies_below(actor.agency_id, {each.agency_id for each in accounts if each.agency_id is not None})
    return frozenset(
        each.id
        for each in accounts
        if not is_own(actor, each)
        and may_manage(
            actor.role, actor.agency_id, Role(each.role), each.agency_id, lambda agency_id, _root: agency_id in below
        )
    )


def sees_account(actor: Actor, account: Account) -> bool:
    """True for oversight; for agencies, when the account belongs to the actor's agency or one below it."""
    if actor.role not in AGENCY_ROLES:
        return True
    return (
        actor.agency_id is not None
        and account.agency_id is not None
        and is_in_subtree(account.agency_id, actor.agency_id)
    )


def visible_accounts(actor: Actor) -> ColumnElement[bool]:
    """Return the SQL condition for the accounts that the actor sees, given the permission to list accounts."""
    if actor.role not in AGENCY_ROLES:
        return true()
    # An actor of an agency role without an agency sees nobody.
    return Account.agency_id.in_(select(subtree(actor.agency_id or 0).c.id))


def find_other_account(actor: Actor, account_id: int) -> Account:
    """Return the account, locked until the transaction ends.

    Raises AccountNotFound, NotYourself for the actor's own, RightsChanged.
    """
    account = find_account(account_id, lock=True)
    require_unchanged(actor)
    if is_own(actor, account):
        raise NotYourself(name=account.name)
    return account


def find_managed_account(actor: Actor, account_id: int) -> Account:
    """Return the account that the actor manages, locked until the transaction ends.

    Raises AccountNotFound, also for an account that the actor does not see, NotYourself, AccountNotYours.
    """
    account = find_other_account(actor, account_id)
    require_may_manage(actor, account)
    return account


def require_unchanged(actor: Actor) -> None:
    """Raise RightsChanged unless the actor's account is still active with the role and agency of its request."""
    if actor.account_id is None or actor.is_local:
        return
    rights = select(Account.role, Account.agency_id).where(Account.id == actor.account_id, is_active())
    row = db.session.execute(rights).one_or_none()
    if row is None or (row.role, row.agency_id) != ((actor.account_role or actor.role).value, actor.agency_id):
        raise RightsChanged


def is_own(actor: Actor, account: Account) -> bool:
    """Return True when the account is the actor's."""
    return account.id == actor.account_id or account.name == actor.principal
