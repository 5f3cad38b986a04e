"""Rejecting a pending account, which is disabled by it."""

from __future__ import annotations

from registry.accounts.account_changes import AccountNotPending, end_access
from registry.accounts.account_management import find_other_account
from registry.accounts.actors import Actor
from registry.accounts.invitations import delete_invitation
from registry.accounts.models import account_details, require_person
from registry.accounts.roles import Permission
from registry.core.clock import now
from registry.core.transactions import transaction
from registry.journal import service as journal


def reject_account(actor: Actor, account_id: int) -> None:
    """Reject a pending account: it is disabled, and whoever enables it again must have it confirmed.

    Also whoever requested the account may withdraw the request like this: nobody gains access by it. Raises
    RoleNotAllowed, AccountsNeedAPerson, AccountNotFound, NotYourself, AccountNotPending.
    """
    actor.require(Permission.ACCOUNTS_CONFIRM)
    require_person(actor)
    with transaction():
        account = find_other_account(actor, account_id)
        if account.pending_since is None or account.disabled_at is not None:
            raise AccountNotPending(name=account.name)
        account.disabled_at = now()
        end_access(account)
        delete_invitation(account.id)
        details = {**account_details(account), "asked_by": ", ".join(account.asked_by or [])}
        journal.record(actor, "account.rejected", f"account:{account.name}", details)
