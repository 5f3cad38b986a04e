"""Account queries: paginated lists and single records, narrowed to what the actor sees."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, or_, select, true
from sqlalchemy.orm import aliased

from registry.accounts.account_management import is_own, visible_accounts
from registry.accounts.account_names import skeleton
from registry.accounts.actors import Actor
from registry.accounts.agency_tree import AGENCIES, subtree
from registry.accounts.factors.models import has_factor
from registry.accounts.models import Account, AccountNotFound, Person, find_account
from registry.accounts.roles import AGENCY_ROLES, PERMISSIONS, Permission, Role
from registry.accounts.token_models import Token
from registry.accounts.vocabulary import AccountKind, AccountStatus
from registry.core.collation import sort_in_kazakh
from registry.core.database import db
from registry.core.errors import Malformed, Problem
from registry.core.lists import (
    MAX_VALUE_LENGTH,
    ChoiceFilter,
    ColumnFilter,
    Listing,
    Page,
    SortKey,
    after,
    bin_numbers,
    build_page,
    chosen_sort,
    conditions,
    order_by,
    parse_range_edge,
)
from registry.core.values import InvalidValue, control_character

# Accounts that a pending one may be taken for: a like name, or the same e-mail address.

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


OWNER: Final = aliased(Account)
# What people type who have no Kazakh keyboard, as skeletons: нурлан for Нұрлан. Not һ: it looks like the capital Н.
PLAIN_LETTERS: Final = {
    skeleton(letter): skeleton(plain)
    for letter, plain in zip("әғқңөұүіё", "агкноууие", strict=True)
    if skeleton(letter) != skeleton(plain)
}
ACCOUNT_STATUS: Final = case(
    (Account.disabled_at.is_not(None), AccountStatus.DISABLED.value),
    (Account.pending_since.is_not(None), AccountStatus.PENDING.value),
    (Account.invited_at.is_not(None), AccountStatus.INVITED.value),
    else_=AccountStatus.ACTIVE.value,
)
READS_RESTRICTED: Final = Account.role.in_(
    [role.value for role, permissions in PERMISSIONS.items() if Permission.RESTRICTED_READ in permissions]
) & (Account.role.not_in([role.value for role in AGENCY_ROLES]) | Account.restricted_admitted_at.is_not(None))
ACCOUNT_FILTERS: Final[Mapping[str, ColumnFilter]] = {
    "kind": ChoiceFilter(Account.kind.expression, AccountKind.codes()),
    "role": ChoiceFilter(Account.role.expression, Role.codes()),
    "status": ChoiceFilter(ACCOUNT_STATUS, AccountStatus.codes()),
}
ACCOUNT_SORTS: Final[Mapping[str, SortKey]] = {
    "id": SortKey("id", Account.id.expression, int),
    "name": SortKey("name", sort_in_kazakh(Account.name.expression), str),
    "created_at": SortKey("created_at", Account.created_at.expression, datetime),
    "changed_at": SortKey("changed_at", Account.changed_at.expression, datetime, nullable=True),
    "last_signed_in_at": SortKey("last_signed_in_at", Person.last_signed_in_at.expression, datetime, nullable=True),
}


def list_accounts(actor: Actor, raw: Mapping[str, str], page: Page) -> Listing:
    """A page of the accounts that the actor sees, by name unless sorted otherwise.

    Raises RoleNotAllowed, and Malformed for an invalid filter, sort or cursor.
    """
    actor.require(Permission.PEOPLE_READ)
    statement = _accounts().where(visible_accounts(actor), *account_conditions(raw))
    return page_of(statement, Account.id, ACCOUNT_SORTS, page, "name")


def read_account(actor: Actor, account_id: int) -> Mapping[str, Any]:
    """An account that the actor sees: the own one, those that the role lists, and pending ones that it may confirm.

    Raises AccountNotFound.
    """
    account = find_account(account_id)
    if not is_own(actor, account) and not _sees(actor, account):
        raise AccountNotFound(id=account_id)
    return account_row(account_id)


def account_row(account_id: int) -> Mapping[str, Any]:
    """An account as a mapping, whoever asks."""
    return dict(db.session.execute(_accounts().where(Account.id == account_id)).mappings().one())


def _sees(actor: Actor, account: Account) -> bool:
    if actor.may(Permission.PEOPLE_READ):
        seen = select(Account.id).where(Account.id == account.id, visible_accounts(actor))
        return db.session.scalar(seen) is not None
    return actor.may(Permission.ACCOUNTS_CONFIRM) and account.pending_since is not None


def _accounts() -> Select[Any]:
    return (
        select(
            Account.id,
            Account.kind,
            Account.name,
            Person.email,
            Person.language,
            Account.role,
            AGENCIES.c.bin.label("agency"),
            ACCOUNT_STATUS.label("status"),
            case((has_factor(), true()), else_=false()).label("second_factor"),
            Person.last_signed_in_at,
            OWNER.name.label("owner"),
            case((READS_RESTRICTED, true()), else_=false()).label("reads_restricted"),
            Account.created_at,
            Account.changed_at,
        )
        .outerjoin(Person, Person.account_id == Account.id)
        .outerjoin(AGENCIES, AGENCIES.c.id == Account.agency_id)
        .outerjoin(OWNER, OWNER.id == Account.owner_account_id)
    )


def account_conditions(raw: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """The filters as conditions on accounts joined with people. Raises Malformed."""
    special = {"agency": _in_agencies, "q": _with_words, "inactive_since": _inactive_since}
    criteria = conditions(ACCOUNT_FILTERS, {name: value for name, value in raw.items() if name not in special})
    problems = []
    for name, make in special.items():
        if name in raw:
            try:
                criteria.append(make(raw[name]))
            except InvalidValue as error:
                problems.append(Problem(name, error.code, error.params))
    if problems:
        raise Malformed(problems)
    return criteria


def _in_agencies(value: str) -> ColumnElement[bool]:
    """Accounts of the agencies and of those below them."""
    roots = db.session.scalars(select(AGENCIES.c.id).where(AGENCIES.c.bin.in_(bin_numbers(value))))
    return or_(false(), *(Account.agency_id.in_(select(subtree(root).c.id)) for root in roots))


def _with_words(value: str) -> ColumnElement[bool]:
    """Accounts with each word in the name or the e-mail address.

    In names letters that look alike are the same, and a Kazakh letter is the same as the Russian one typed instead.
    """
    if len(value) > MAX_VALUE_LENGTH or control_character(value) is not None:
        raise InvalidValue("not-usable")
    if not value.strip():
        raise InvalidValue("value-missing")
    return and_(
        *(
            or_(
                _plain_letters(Account.name_skeleton).contains(_plain(skeleton(word)), autoescape=True),
                func.lower(Person.email).contains(word.lower(), autoescape=True),
            )
            for word in value.split()
        )
    )


def _plain(name_skeleton: str) -> str:
    for letter, plain in PLAIN_LETTERS.items():
        name_skeleton = name_skeleton.replace(letter, plain)
    return name_skeleton


def _plain_letters(column: Any) -> ColumnElement[str]:
    for letter, plain in PLAIN_LETTERS.items():
        column = func.replace(column, letter, plain)
    return column  # type: ignore[no-any-return] # SQLAlchemy's functions


def _inactive_since(value: str) -> ColumnElement[bool]:
    """Accounts that exist since before the day or instant and neither signed in nor used a token after it."""
    edge, _ = parse_range_edge(value, "from")
    signed_in = func.coalesce(Person.last_signed_in_at >= edge, false())
    used = exists(select(Token.id).where(Token.account_id == Account.id, Token.last_used_at >= edge))
    return and_(Account.created_at < edge, ~signed_in, ~used)


def page_of(statement: Select[Any], unique: Any, sorts: Mapping[str, SortKey], page: Page, default: str) -> Listing:
    key, descending = chosen_sort(sorts, page.sort or default)
    if page.cursor is not None:
        statement = statement.where(after(key, unique, descending, page.cursor))
    statement = statement.add_columns(key.column.label("_sort"), unique.label("_id"))
    statement = statement.order_by(*order_by(key, unique, descending)).limit(page.limit + 1)
    return build_page(db.session.execute(statement).mappings().all(), page, key, descending)
