"""Who can confirm a pending account: a fresh register has nobody yet, and says what to do instead."""

from __future__ import annotations

from sqlalchemy import select

from registry.accounts.former_names import FormerName
from registry.accounts.models import Account, is_active
from registry.accounts.roles import PERMISSIONS, Permission
from registry.accounts.vocabulary import AccountKind
from registry.core.database import db


def has_confirmer(account: Account) -> bool:
    """True when an active person may confirm the pending account: another one, who did not change it."""
    roles = [role.value for role, permissions in PERMISSIONS.items() if Permission.ACCOUNTS_CONFIRM in permissions]
    asked_by = account.asked_by or []
    statement = select(Account.id).where(
        Account.kind == AccountKind.PERSON.value,
        Account.role.in_(roles),
        is_active(),
        Account.id != account.id,
        Account.name.not_in(asked_by),
        Account.id.not_in(select(FormerName.account_id).where(FormerName.name.in_(asked_by))),
    )
    return db.session.scalar(statement.limit(1)) is not None
