"""Lists of accounts, people and tokens."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache, partial
from itertools import chain
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, not_, or_, select, true
from sqlalchemy.orm import aliased, contains_eager

from registry.accounts.account_management import is_own, visible_accounts
from registry.accounts.account_names import FormerName, skeleton
from registry.accounts.agency_tree import AGENCIES, subtree
from registry.accounts.models import (
    Account,
    AccountKind,
    AccountNotFound,
    AccountStatus,
    Person,
    TokenStatus,
    find_account,
    has_factor,
    is_active,
)
from registry.accounts.roles import AGENCY_ROLES, PERMISSIONS, Actor, Permission, Role
from registry.accounts.tokens import Token
from registry.core import lists
from registry.core.clock import now
from registry.core.database import db, kazakh_key, sort_in_kazakh
from registry.core.lists import Listing, Page, SortKey, bin_numbers, parse_range_edge, read_page
from registry.core.search import folded_words, may_have_error, similar_beginnings
from registry.journal.service import JournalEntry

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
    """Return the words of a name in one order, as they look, without what tells namesakes apart."""
    bare = ADDITION.sub(" ", name).strip() or name
    return tuple(sorted(skeleton(bare).split()))


OWNER: Final = aliased(Account)
NAME: Final = SortKey("name", sort_in_kazakh(Account.name.expression), str)
ACCOUNT_STATUS: Final = case(
    (Account.disabled_at.is_not(None), AccountStatus.DISABLED.value),
    (Account.pending_since.is_not(None), AccountStatus.PENDING.value),
    (Account.invited_at.is_not(None), AccountStatus.INVITED.value),
    else_=AccountStatus.ACTIVE.value,
)
READS_RESTRICTED: Final = Account.role.in_(
    [role.value for role, permissions in PERMISSIONS.items() if Permission.RESTRICTED_READ in permissions]
) & (Account.role.not_in([role.value for role in AGENCY_ROLES]) | Account.restricted_admitted_at.is_not(None))


def read_account(actor: Actor, account_id: int) -> Mapping[str, Any]:
    """Return an account that the actor sees: the own one, those that the role lists, and pending ones that it may
    confirm.

    Raises AccountNotFound.
    """
    account = find_account(account_id)
    if not is_own(actor, account) and not _sees(actor, account):
        raise AccountNotFound(id=account_id)
    return account_row(account_id)


def account_row(account_id: int) -> Mapping[str, Any]:
    """Return an account as a mapping, whoever asks."""
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


def _in_agencies(value: str) -> ColumnElement[bool]:
    """Accounts of the agencies and of those below them."""
    roots = db.session.scalars(select(AGENCIES.c.id).where(AGENCIES.c.bin.in_(bin_numbers(value))))
    return or_(false(), *(Account.agency_id.in_(select(subtree(root).c.id)) for root in roots))


def _with_words(actor: Actor, value: str) -> ColumnElement[bool]:
    """Accounts with each word in the name or the e-mail address.

    In names letters that look alike are the same, and so are spellings with and without Kazakh letters, and
    transliterated ones. A word that nobody has whom the actor sees is taken for one with a typing error.
    """
    statement = select(Account.id, Account.name, Person.email).outerjoin(Person, Person.account_id == Account.id)
    # Compared in Python, as names of agencies: people are few.
    parts = {
        each.id: _searched(each.name, each.email)
        for each in db.session.execute(statement.where(visible_accounts(actor)))
    }
    ids = set(parts)
    for word in value.split():
        # Signs count: a word with one is no other word without it.
        folded = "".join(folded_words(word)) if word.isalnum() else ""
        spellings = [each for each in (word.lower(), skeleton(word), folded) if each]
        having = {key for key, texts in parts.items() if any(each in text for text in texts for each in spellings)}
        if not having and may_have_error(folded, value.split()):
            names = {key: texts[0].split() for key, texts in parts.items()}
            similar = tuple(similar_beginnings(folded, set(chain(*names.values()))))
            having = {key for key, words in names.items() if any(each.startswith(similar) for each in words)}
        ids &= having
    return Account.id.in_(ids)


@lru_cache(maxsize=20_000)
def _searched(name: str, email: str | None) -> tuple[str, str, str]:
    return " ".join(folded_words(name)), skeleton(name), (email or "").lower()


def _inactive_since(value: str) -> ColumnElement[bool]:
    """Accounts that exist since before the day or instant and neither signed in nor used a token after it."""
    edge, _ = parse_range_edge(value, "from")
    signed_in = func.coalesce(Person.last_signed_in_at >= edge, false())
    used = exists(select(Token.id).where(Token.account_id == Account.id, Token.last_used_at >= edge))
    return and_(Account.created_at < edge, ~signed_in, ~used)


ACCOUNT_LIST: Final = lists.RecordList[Actor](
    name="accounts",
    permission=Permission.PEOPLE_READ,
    rows=lambda actor: _accounts().where(visible_accounts(actor)),
    unique=Account.id.expression,
    filters={
        "kind": lists.ChoiceFilter(Account.kind.expression, AccountKind.codes()),
        "role": lists.ChoiceFilter(Account.role.expression, Role.codes()),
        "status": lists.ChoiceFilter(ACCOUNT_STATUS, AccountStatus.codes()),
        "agency": lists.CustomFilter(
            _in_agencies,
            lists.BinFilter(AGENCIES.c.bin),
            takes=f"BINs of agencies; accounts of those below them too. {lists.SEVERAL}",
        ),
        "q": lists.ReaderFilter(
            lambda actor: lists.WordsFilter(
                partial(_with_words, actor), "Words, or parts of them, in name and e-mail address.", blank=False
            )
        ),
        "inactive_since": lists.CustomFilter(
            _inactive_since,
            lists.InstantFilter(Account.created_at.expression, "from"),
            takes="Neither signed in nor used a token since the beginning of this day in Almaty, or this instant "
            "(RFC 3339).",
        ),
    },
    sorts={
        **lists.sort_keys(Account.id.expression),
        "name": NAME,
        **lists.sort_keys(
            Account.created_at.expression, Account.changed_at.expression, Person.last_signed_in_at.expression
        ),
    },
    default_sort="name",
)


# Lists of people for pages, and the history of an account.

FILTERS: Final = ("q", "role", "agency", "below", "status")
BELOW: Final = "below"
HISTORY_LENGTH: Final = 50


def list_people(actor: Actor, filters: Mapping[str, str], page: Page) -> Listing:
    """Return a page of people whom the actor sees, by name: the ``person`` of each row.

    The filters are those of ``list_accounts``; ``below=true`` includes the agencies below ``agency``. Raises
    RoleNotAllowed, and Malformed for an invalid filter or cursor.
    """
    statement = _matching(actor, filters).execution_options(populate_existing=True)
    listing = read_page(statement, page, Account.id, {"name": NAME}, "name")
    return replace(listing, items=[{"person": person} for person in listing.items])


@dataclass(frozen=True, slots=True)
class PeopleCounts:
    """How many people can sign in, and how many were invited and have no password yet."""

    active: int
    invited: int


def active_and_invited_people(actor: Actor) -> PeopleCounts:
    """Count the people whom the actor sees. Raises RoleNotAllowed."""
    actor.require(Permission.PEOPLE_READ)
    invited = Account.invited_at.is_not(None) & Account.disabled_at.is_(None) & Account.pending_since.is_(None)
    counts = (func.count().filter(is_active()), func.count().filter(invited))
    statement = (
        select(*counts).select_from(Account).where(Account.kind == AccountKind.PERSON.value, visible_accounts(actor))
    )
    return PeopleCounts(*db.session.execute(statement).one())


def count_people(actor: Actor, filters: Mapping[str, str]) -> int:
    """Return how many people the list has on all its pages. Raises what ``list_people`` raises."""
    matching = _matching(actor, filters).with_only_columns(Person.id)
    return db.session.scalar(select(func.count()).select_from(matching.subquery())) or 0


def matching_people(actor: Actor, filters: Mapping[str, str], most: int) -> list[Person]:
    """Return the people of the list on all its pages, by name, at most so many. Raises what ``list_people`` raises."""
    statement = _matching(actor, filters).order_by(NAME.column, Account.id).limit(most)
    return list(db.session.scalars(statement))


def account_history(actor: Actor, account: Account) -> list[dict[str, Any]]:
    """Return the newest entries of the journal about an account that the actor sees: who did what, and when. Raises
    RoleNotAllowed.
    """
    actor.require(Permission.PEOPLE_READ)
    entry = JournalEntry
    former = db.session.scalars(select(FormerName.name).where(FormerName.account_id == account.id))
    subjects = [f"account:{name}" for name in (account.name, *former)]
    statement = (
        select(entry.at, entry.principal, entry.role, entry.action, entry.details)
        .where(entry.subject.in_(subjects))
        .order_by(entry.seq.desc())
    )
    rows = db.session.execute(statement.limit(HISTORY_LENGTH)).mappings()
    return [{**row, "details": json.loads(row["details"])} for row in rows]


def _matching(actor: Actor, filters: Mapping[str, str]) -> Select[Person]:
    actor.require(Permission.PEOPLE_READ)
    shared = {name: value for name, value in filters.items() if name != BELOW}
    criteria = ACCOUNT_LIST.criteria(actor, shared)
    if "agency" in shared and filters.get(BELOW) != "true":
        criteria.append(Account.agency_id.in_(select(AGENCIES.c.id).where(AGENCIES.c.bin == shared["agency"])))
    joined = select(Person).join(Person.account).options(contains_eager(Person.account))
    return joined.where(visible_accounts(actor), *criteria)


def people_by_account(account_ids: Sequence[int]) -> dict[int, Person]:
    """Return the people of accounts, by the id of the account."""
    people = db.session.scalars(select(Person).where(Person.account_id.in_(account_ids)))
    return {person.account_id: person for person in people}


def people_to_choose(actor: Actor, permissions: Collection[Permission] = ()) -> list[Account]:
    """Return the active people whom the actor sees and whose role has the permissions, by name. Raises
    RoleNotAllowed.
    """
    actor.require(Permission.PEOPLE_READ)
    return _active_people(permissions, visible_accounts(actor))


def people_of_agencies(
    agency_ids: Collection[int | None], permission: Permission, without: Collection[int] = ()
) -> list[str]:
    """Return the names of active people of these agencies whose role has the permission, without some accounts."""
    of_agencies = Account.agency_id.in_([each for each in agency_ids if each is not None])
    return [each.name for each in _active_people([permission], of_agencies, Account.id.not_in(without))]


def _active_people(permissions: Collection[Permission], *conditions: ColumnElement[bool]) -> list[Account]:
    roles = [role.value for role, has in PERMISSIONS.items() if has.issuperset(permissions)]
    people = (Account.kind == AccountKind.PERSON.value, Account.role.in_(roles), is_active())
    accounts = db.session.scalars(select(Account).where(*people, *conditions))
    return sorted(accounts, key=lambda account: kazakh_key(account.name))


# Token queries; the results never contain secrets.

INACTIVE_AFTER: Final = timedelta(days=90)
ENDING_WITHIN: Final = timedelta(days=14)


def page_of_tokens(actor: Actor, listed: str, page: Page) -> Listing:
    """Return a page of ``all`` tokens that the actor sees, of ``inactive`` or of ``ending`` ones, the newest first.

    Raises RoleNotAllowed and Malformed.
    """
    actor.require(Permission.TOKENS_READ)
    statement = _tokens().where(visible_accounts(actor), *LISTED[listed]())
    return read_page(statement, page, Token.id, TOKEN_LIST.sorts, "-id")


def all_tokens(actor: Actor, listed: str = "all") -> list[dict[str, Any]]:
    """Return the same tokens without pages, oldest first. Raises RoleNotAllowed."""
    actor.require(Permission.TOKENS_READ)
    return _list_tokens(visible_accounts(actor), *LISTED[listed]())


def own_tokens(actor: Actor) -> list[dict[str, Any]]:
    """Return the tokens of the actor's account, oldest first."""
    return _list_tokens(Token.account_id == actor.account_id)


def _inactive() -> list[ColumnElement[bool]]:
    return [*is_working(), func.coalesce(Token.last_used_at, Token.created_at) <= now() - INACTIVE_AFTER]


# Working tokens that nobody used for 90 days, and those that end within 14 days.
LISTED: Final[Mapping[str, Callable[[], list[ColumnElement[bool]]]]] = {
    "all": list,
    "inactive": _inactive,
    "ending": lambda: [*is_working(), Token.expires_at <= now() + ENDING_WITHIN],
}


def is_working() -> list[ColumnElement[bool]]:
    """Return the SQL conditions for tokens, joined with their accounts, that are accepted now."""
    unexpired = or_(Token.expires_at.is_(None), Token.expires_at > now())
    return [Token.revoked_at.is_(None), Token.pending_since.is_(None), unexpired, is_active()]


def _list_tokens(*where: ColumnElement[bool]) -> list[dict[str, Any]]:
    return [dict(row) for row in db.session.execute(_tokens().where(*where).order_by(Token.id)).mappings()]


def token_row(key_id: str) -> Mapping[str, Any]:
    """Return a token as a mapping, whoever asks."""
    return dict(db.session.execute(_tokens().where(Token.key_id == key_id)).mappings().one())


def _tokens() -> Select[Any]:
    return (
        select(
            Token.key_id,
            Account.name.label("account"),
            Token.account_id,
            Account.kind,
            Account.role.label("account_role"),
            Token.role,
            AGENCIES.c.bin.label("agency"),
            Token.agency_id,
            Token.scopes,
            Token.addresses,
            Token.purpose,
            _token_status().label("status"),
            Token.created_at,
            Token.expires_at,
            Token.revoked_at,
            Token.last_used_at,
            Token.last_used_from,
            Token.pending_since,
            Token.issued_by,
            OWNER.name.label("owner"),
        )
        .join(Account, Account.id == Token.account_id)
        .outerjoin(AGENCIES, AGENCIES.c.id == Token.agency_id)
        .outerjoin(OWNER, OWNER.id == Account.owner_account_id)
    )


def _token_status() -> ColumnElement[str]:
    return case(
        (Token.revoked_at.is_not(None), TokenStatus.REVOKED.value),
        (Token.expires_at <= now(), TokenStatus.EXPIRED.value),
        (Account.disabled_at.is_not(None), TokenStatus.DISABLED.value),
        (or_(Token.pending_since.is_not(None), not_(is_active())), TokenStatus.PENDING.value),
        else_=TokenStatus.VALID.value,
    )


def _own_and_listed(actor: Actor) -> Select[Any]:
    listed = visible_accounts(actor) if actor.may(Permission.TOKENS_READ) else false()
    return _tokens().where(or_(Token.account_id == actor.account_id, listed))


TOKEN_LIST: Final = lists.RecordList[Actor](
    name="tokens",
    permission=Permission.OWN_ACCOUNT_READ,
    rows=_own_and_listed,
    unique=Token.id.expression,
    filters={
        "kind": lists.ChoiceFilter(Account.kind.expression, AccountKind.codes()),
        "role": lists.ChoiceFilter(Token.role.expression, Role.codes()),
        "status": lists.ChoiceFilter(_token_status, TokenStatus.codes()),
    },
    sorts=lists.sort_keys(Token.id.expression, Token.expires_at.expression, Token.last_used_at.expression),
)
