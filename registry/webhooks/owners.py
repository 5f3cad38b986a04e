"""Whose eyes a webhook reads with: its account as it is at that moment, with the role that saved the webhook."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, update

from registry.accounts.actors import Actor
from registry.accounts.models import Account
from registry.accounts.roles import Role, is_within
from registry.accounts.vocabulary import AccountStatus
from registry.core.database import db
from registry.core.transactions import require_transaction
from registry.webhooks.models import Webhook

WEBHOOK_PREFIX: Final = "webhook:"


def owner_of(webhook: Webhook) -> Actor | None:
    """The actor that reads for a webhook; None when the account is not active or no longer has the role."""
    account = db.session.get(Account, webhook.account_id, populate_existing=True)
    if account is None or account.status != AccountStatus.ACTIVE:
        return None
    role, account_role = Role(webhook.role), Role(account.role)
    if not is_within(role, account.agency_id, account_role, account.agency_id):
        return None
    return Actor(
        account.name,
        role,
        account.agency_id,
        "webhook",
        account_id=account.id,
        is_person=account.is_person,
        credential=f"{WEBHOOK_PREFIX}{webhook.id}",
        account_role=None if role is account_role else account_role,
        is_admitted=account.is_admitted,
    )


def people_of(webhook_id: int) -> list[int]:
    """The account of the person whose webhook it is, or who answers for the service account that has it."""
    statement = select(Account).join(Webhook, Webhook.account_id == Account.id).where(Webhook.id == webhook_id)
    account = db.session.scalar(statement.execution_options(populate_existing=True))
    person = None if account is None else account.id if account.is_person else account.owner_account_id
    return [] if person is None else [person]


def pass_on_webhooks(former_id: int, successor_id: int) -> None:
    """Let webhooks of an agency be of its successor, in the open transaction."""
    of_former = update(Webhook).where(Webhook.agency_id == former_id).values(agency_id=successor_id)
    require_transaction().execute(of_former, execution_options={"synchronize_session": False})
