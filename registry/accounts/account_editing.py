"""Edit an account: name, e-mail, language, role, agency, owner, each with its history in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypedDict

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from registry.accounts.account_changes import change_role, lock_last_ones, require_another_supervisor
from registry.accounts.account_management import find_managed_account, require_account_manager
from registry.accounts.account_names import clean_name, name_problems, skeleton
from registry.accounts.actors import LOCAL, Actor
from registry.accounts.events import account_renamed
from registry.accounts.former_names import keep_former_name
from registry.accounts.models import (
    NAME_UNIQUE,
    Account,
    AccountNameTaken,
    AccountsNeedAPerson,
    Person,
    end_admission,
    own_person,
    require_confirmation,
    require_free_name,
    role_problems,
)
from registry.accounts.people import personal_problems
from registry.accounts.roles import Permission, Role
from registry.accounts.same_person import ACCOUNT_CHANGED, change_owner, names_of
from registry.core.clock import now, rfc3339
from registry.core.database import db
from registry.core.errors import Invalid, Problem
from registry.core.transactions import require_transaction, transaction, violates
from registry.core.translations import Language
from registry.journal import service as journal
from registry.journal.service import JournalEntry

# The language of one's own account: of pages, where the browser has no other, and of notices.


def change_own_language(actor: Actor, language: Language) -> None:
    """Change the language of the actor's account. Raises AccountsNeedAPerson."""
    with transaction():
        person = own_person(actor, lock=True)
        if person is None:
            raise AccountsNeedAPerson
        if person.language != language:
            change = {"field": "language", "old": person.language, "new": language}
            person.language = language
            journal.record(actor, "account.language-changed", f"account:{actor.principal}", {"changes": [change]})


# Notification preferences: which e-mails a person gets. Orders, questions and security notices always arrive.


@dataclass(frozen=True, slots=True)
class NotificationPreferences:
    """``immediate``: e-mails at once about own cases. ``digest``: the daily digest. ``weekly_overview``: the overview
    of the week, for those who may read it.
    """

    immediate: bool
    digest: bool
    weekly_overview: bool = False


def notification_preferences(actor: Actor) -> NotificationPreferences | None:
    """The preferences of the actor; None for a service account."""
    person = own_person(actor)
    return None if person is None else _preferences(person)


def change_notification_preferences(actor: Actor, preferences: NotificationPreferences) -> None:
    """Change the preferences of the actor. Raises AccountsNeedAPerson."""
    with transaction():
        person = own_person(actor, lock=True)
        if person is None:
            raise AccountsNeedAPerson
        if _preferences(person) != preferences:
            person.immediate_emails, person.digest_emails = preferences.immediate, preferences.digest
            person.weekly_overview = preferences.weekly_overview
            details = {
                "immediate_emails": preferences.immediate,
                "digest_emails": preferences.digest,
                "weekly_overview": preferences.weekly_overview,
            }
            journal.record(actor, "account.notifications-changed", f"account:{actor.principal}", details)


def _preferences(person: Person) -> NotificationPreferences:
    return NotificationPreferences(person.immediate_emails, person.digest_emails, person.weekly_overview)


PERSONAL: Final = ("email", "language")


class AccountChanges(TypedDict, total=False):
    """What to change; an absent field stays. ``email`` and ``language`` are of people, ``owner_id`` of services."""

    name: str
    email: str | None
    language: str
    role: Role
    agency_id: int | None
    owner_id: int


def edit_account(actor: Actor, account_id: int, changes: AccountChanges) -> Account:
    """Change an account in one transaction; what is as before is not a change.

    A new role or agency ends sessions and tokens. With an oversight role, a new e-mail address makes the account
    pending: invitations go there, and single sign-on may match by it. Raises RoleNotAllowed, AccountsNeedAPerson,
    AccountNotFound, NotYourself, AccountNotYours, RightsChanged, RoleNotYoursToGive, LastAdministrator,
    LastSupervisor, AccountNameTaken, Invalid.
    """
    require_account_manager(actor)
    with transaction():
        alike = lock_last_ones(account_id)
        account = find_managed_account(actor, account_id)
        problems = _problems(account, changes)
        if problems:
            raise Invalid(problems)
        if "role" in changes or "agency_id" in changes:
            role = changes.get("role", Role(account.role))
            change_role(actor, account_id, role, changes.get("agency_id", account.agency_id))
        if "owner_id" in changes:
            change_owner(actor, account_id, changes["owner_id"])
        if "email" in changes or "language" in changes:
            if "email" in changes and changes["email"] != _email_of(account):
                require_another_supervisor(actor, account, alike)
            _change_personal(actor, account, changes)
        if "name" in changes:
            _rename(actor, account, clean_name(changes["name"]))
        require_transaction().flush()
    return account


def _problems(account: Account, changes: AccountChanges) -> list[Problem]:
    problems = name_problems(clean_name(changes["name"])) if "name" in changes else []
    if "role" in changes or "agency_id" in changes:
        problems += role_problems(changes.get("role", Role(account.role)), changes.get("agency_id", account.agency_id))
    if account.is_person:
        problems += personal_problems(changes.get("email"), changes.get("language"))
        return problems + ([Problem("/owner", "field-of-services")] if "owner_id" in changes else [])
    return problems + [Problem(f"/{name}", "field-of-people") for name in PERSONAL if name in changes]


def _email_of(account: Account) -> str | None:
    return db.session.scalar(select(Person.email).where(Person.account_id == account.id))


def _change_personal(actor: Actor, account: Account, changes: Mapping[str, Any]) -> None:
    person = require_transaction().scalars(select(Person).where(Person.account_id == account.id)).one()
    applied = [
        {"field": name, "old": getattr(person, name), "new": changes[name]}
        for name in PERSONAL
        if name in changes and getattr(person, name) != changes[name]
    ]
    if not applied:
        return
    for change in applied:
        setattr(person, change["field"], change["new"])
    account.changed_at = now()
    if any(change["field"] == "email" for change in applied) and Role(account.role).needs_two_people:
        require_confirmation(actor, account)
    journal.record(actor, ACCOUNT_CHANGED, f"account:{account.name}", {"changes": applied})
    if any(change["field"] == "email" for change in applied):
        end_admission(actor, account)


def _rename(actor: Actor, account: Account, name: str) -> None:
    old, old_skeleton = account.name, account.name_skeleton
    if name == old:
        return
    require_free_name(name, account.id)
    account.name, account.name_skeleton = name, skeleton(name)
    if account.asked_by is not None:
        account.asked_by = [name if each == old else each for each in account.asked_by]
    keep_former_name(account.id, old, old_skeleton)
    try:
        db.session.flush()
    except IntegrityError as error:
        if not violates(error, *NAME_UNIQUE):
            raise
        raise AccountNameTaken(name=name, taken=name) from error
    # Again, as for new accounts: since the first look the name may have been taken and given up.
    require_free_name(name, account.id)
    account_renamed.publish(account.id, old, name)
    # Under the former name, where the entries are that a reader knows of; both names are in the details.
    journal.record(actor, "account.renamed", f"account:{old}", {"old_name": old, "name": name})


# What the command line changed in accounts and tokens: administrators are shown at their next sign-in.

MOST: Final = 100
SUBJECTS: Final = ("account.", "token.")


def local_changes_since(actor: Actor, at: datetime, most: int = MOST) -> list[JournalEntry]:
    """The entries of the command line about accounts and tokens after an instant, the newest first.

    Raises RoleNotAllowed unless the role may confirm accounts and read the journal: administrators and supervisors.
    """
    actor.require(Permission.ACCOUNTS_CONFIRM, step_up=False)
    actor.require(Permission.JOURNAL_READ)
    # Read from the end of the chain: only entries since then are looked at, however long the journal is.
    earlier = select(func.max(JournalEntry.seq)).where(JournalEntry.at <= rfc3339(at)).scalar_subquery()
    statement = (
        select(JournalEntry)
        .where(
            JournalEntry.seq > func.coalesce(earlier, 0),
            JournalEntry.credential == LOCAL,
            or_(*(JournalEntry.action.startswith(prefix, autoescape=True) for prefix in SUBJECTS)),
        )
        .order_by(JournalEntry.seq.desc())
        .limit(most)
    )
    return list(db.session.scalars(statement))


def previous_sign_in(actor: Actor) -> datetime | None:
    """When the person signed in before the present session; None at the first sign-in."""
    statement = (
        select(JournalEntry.at)
        .where(JournalEntry.principal.in_(names_of(actor)), JournalEntry.action == "person.signed-in")
        .order_by(JournalEntry.seq.desc())
        .offset(1)
        .limit(1)
    )
    at = db.session.scalar(statement)
    return None if at is None else datetime.fromisoformat(at)
