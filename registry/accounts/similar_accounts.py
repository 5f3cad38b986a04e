"""Accounts that a pending one may be taken for: a like name, or the same e-mail address."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from sqlalchemy import select

from registry.accounts.account_names import skeleton
from registry.accounts.models import Account, Person
from registry.core.database import db

# What tells namesakes apart: an address or a note in brackets, a number at the end.
ADDITION: Final = re.compile(r"\([^()]*\)|(?<![0-9])[0-9]+$")


def similar_accounts(accounts: Sequence[Account]) -> dict[int, list[Account]]:
    """For each account the others with the same words in the name, or with the same address, by name."""
    if not accounts:
        return {}
    by_key: defaultdict[object, list[Account]] = defaultdict(list)
    keys: dict[int, list[object]] = {}
    statement = select(Account, Person.email).outerjoin(Person, Person.account_id == Account.id).order_by(Account.name)
    for account, email in db.session.execute(statement):
        keys[account.id] = [_words_of(account.name), *([] if email is None else [email.lower()])]
        for key in keys[account.id]:
            by_key[key].append(account)
    return {
        account.id: list(
            {other.id: other for key in keys[account.id] for other in by_key[key] if other is not account}.values()
        )
        for account in accounts
    }


def _words_of(name: str) -> tuple[str, ...]:
    """The words of a name in one order, as they look, without what tells namesakes apart."""
    bare = ADDITION.sub(" ", name).strip() or name
    return tuple(sorted(skeleton(bare).split()))
