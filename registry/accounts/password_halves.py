"""Passwords in two halves: whoever confirms an account is shown the second, another administrator the first.

Neither knows a password that works: otherwise whoever confirms an account could sign in as its person, and be two. The
first half is stored encrypted until it is displayed, once.
"""

from __future__ import annotations

import base64
import secrets
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import select

from registry.accounts.account_management import can_manage, find_managed_account, require_account_manager
from registry.accounts.actors import Actor
from registry.accounts.models import Account, Person, account_details
from registry.accounts.passwords import GENERATED_FROM
from registry.accounts.same_person import names_of_person
from registry.core.derived_keys import derived_key
from registry.core.errors import NotAllowed, NotFound
from registry.core.transactions import transaction
from registry.journal import service as journal

FIRST_HALVES: Final = b"qaztech-registry: first halves of passwords"
# 95 random bits each.
HALF_LENGTH: Final = 16


class NoFirstHalf(NotFound):
    """The account has no first half that could be displayed: it was displayed already, or the password is another."""


class HalvesNeedTwoPeople(NotAllowed):
    """Whoever confirmed the account was shown the second half, and is not shown the first one."""


def generate_halves() -> tuple[str, str]:
    """The two halves of a new password; the password is one behind the other."""
    return _letters(), _letters()


def encrypt_half(half: str) -> str:
    """A half as it is stored."""
    return _fernet().encrypt(half.encode()).decode()


def can_show_first_half(actor: Actor, person: Person) -> bool:
    """True when there is a first half and the actor may see it."""
    return person.first_half is not None and can_manage(actor, person.account) and not _confirmed(actor, person.account)


def show_first_half(actor: Actor, account_id: int) -> str:
    """The first half of the password of a confirmed person, once, for an administrator who did not confirm it.

    Raises RoleNotAllowed, AccountsNeedAPerson, AccountNotFound, NotYourself, AccountNotYours, RightsChanged,
    HalvesNeedTwoPeople, NoFirstHalf.
    """
    require_account_manager(actor)
    with transaction() as session:
        account = find_managed_account(actor, account_id)
        of_account = select(Person).where(Person.account_id == account.id).execution_options(populate_existing=True)
        person = session.scalars(of_account).one_or_none()
        if person is None or person.first_half is None:
            raise NoFirstHalf(name=account.name)
        if _confirmed(actor, account):
            raise HalvesNeedTwoPeople(name=account.name)
        half = _decrypt(person.first_half)
        if half is None:
            raise NoFirstHalf(name=account.name)
        person.first_half = None
        journal.record(actor, "account.password-half-shown", f"account:{account.name}", account_details(account))
    return half


def _confirmed(actor: Actor, account: Account) -> bool:
    return account.confirmed_by in names_of_person(actor)


def _decrypt(stored: str) -> str | None:
    """The stored half; None when it was stored under another secret key."""
    try:
        return _fernet().decrypt(stored.encode()).decode()
    except InvalidToken:
        return None


def _letters() -> str:
    return "".join(secrets.choice(GENERATED_FROM) for _ in range(HALF_LENGTH))


def _fernet() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(derived_key(FIRST_HALVES)))
