"""The accounts of ``password.break_glass``, which sign in with a password while the provider is down."""

from __future__ import annotations

import logging

from sqlalchemy import select

from registry.accounts.models import Account, Person, is_active
from registry.accounts.oidc.configuration import SignInConfiguration
from registry.accounts.passwords import NO_PASSWORD
from registry.core.database import db

log = logging.getLogger("registry")


def unusable_accounts(configuration: SignInConfiguration) -> list[str]:
    """The names of ``password.break_glass`` without an active person who has a password: misspelt ones, for example.

    Empty where everybody may sign in with a password.
    """
    if configuration.passwords:
        return []
    statement = (
        select(Account.name)
        .join(Person, Person.account_id == Account.id)
        .where(Account.name.in_(configuration.break_glass), Person.password_hash != NO_PASSWORD, is_active())
    )
    return sorted(configuration.break_glass - set(db.session.scalars(statement)))


def warn_of_unusable_accounts(configuration: SignInConfiguration) -> None:
    """Log a warning for each of ``unusable_accounts``. No error: an account may be added while the service runs."""
    for name in unusable_accounts(configuration):
        log.warning(
            "password.break_glass of the sign-in file names %r, but there is no active person of exactly that name "
            "with a password: this account cannot sign in while the provider is down",
            name,
        )
