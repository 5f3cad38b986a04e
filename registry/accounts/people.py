"""People: accounts that sign in with a password."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from registry.accounts.account_changes import disable_account, enable_account, end_access, find_other_account
from registry.accounts.account_names import clean_name, name_problems
from registry.accounts.actors import Actor
from registry.accounts.attempts import begin_password_change, mark_succeeded
from registry.accounts.models import (
    LONGEST_EMAIL,
    Account,
    AccountsNeedAPerson,
    Kind,
    Person,
    account_details,
    ask_for_confirmation,
    new_account,
    require_account_manager,
    role_problems,
)
from registry.accounts.passwords import MAX_LENGTH, MIN_LENGTH, hash_password, verify_password
from registry.accounts.roles import Permission, Role
from registry.accounts.sessions import start_session
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import Invalid, NotFound, Problem, invalid
from registry.core.languages import LANGUAGES
from registry.core.transactions import transaction
from registry.journal import service as journal

EMAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]+")


class PersonNotFound(NotFound):
    """There is no person of that id."""


@dataclass(frozen=True, slots=True)
class NewPerson:
    """What is asked about somebody who is to sign in."""

    name: str
    role: Role
    agency_id: int | None = None
    email: str | None = None
    language: str = "kk"


def add_person(actor: Actor, wanted: NewPerson, password: str, *, must_change: bool | None = None) -> Person:
    """Add somebody who signs in. Raises RoleNotAllowed, AccountsNeedAPerson, Invalid, AccountNameTaken.

    ``must_change``: the password is changed at the first sign-in; unless told, when an administrator gave it.
    """
    require_account_manager(actor)
    name = clean_name(wanted.name)
    problems = _problems(name, wanted) + password_problems(password, name)
    if problems:
        raise Invalid(problems)
    kept = hash_password(password)
    with transaction() as session:
        account = new_account(actor, name, Kind.PERSON, wanted.role, wanted.agency_id)
        moment = now()
        person = Person(
            account=account,
            old_role=account.role,
            old_agency_id=account.agency_id,
            email=wanted.email,
            language=wanted.language,
            password_hash=kept,
            password_must_change=_must_change(actor, must_change),
            created_at=moment,
            password_set_at=moment,
        )
        session.add(person)
        session.flush()
        journal.record(actor, "account.added", f"account:{name}", account_details(account))
    return person


def find_person(actor: Actor, person_id: int) -> Person:
    """The person of that id. Raises RoleNotAllowed and PersonNotFound."""
    actor.require(Permission.PEOPLE_MANAGE)
    found = db.session.get(Person, person_id, populate_existing=True)
    if found is None:
        raise PersonNotFound(id=person_id)
    return found


def person_named(name: str) -> Person | None:
    """Who signs in by that name, as it was typed or else with its spaces put right."""
    for typed in (name.strip(), clean_name(name)):
        found = db.session.scalar(select(Person).join(Person.account).where(Account.name == typed))
        if found is not None:
            return found
    return None


def all_people(actor: Actor) -> list[Person]:
    """Everybody who signs in, by name. Raises RoleNotAllowed."""
    actor.require(Permission.PEOPLE_MANAGE)
    return list(db.session.scalars(select(Person).join(Person.account).order_by(Account.name)))


def disable_person(actor: Actor, person_id: int) -> None:
    """Disable the account of a person: out on the next request. Raises RoleNotAllowed, PersonNotFound, NotYourself."""
    disable_account(actor, find_person(actor, person_id).account_id)


def enable_person(actor: Actor, person_id: int) -> None:
    """Enable the account of a person. Raises RoleNotAllowed, PersonNotFound, NotYourself."""
    enable_account(actor, find_person(actor, person_id).account_id)


def set_password(actor: Actor, person_id: int, password: str, *, must_change: bool | None = None) -> None:
    """Give somebody else another password, which ends every session and token.

    Raises RoleNotAllowed, AccountsNeedAPerson, PersonNotFound, NotYourself, Invalid.
    """
    require_account_manager(actor)
    problems = password_problems(password, find_person(actor, person_id).name)
    if problems:
        raise Invalid(problems)
    kept = hash_password(password)
    with transaction():
        person = find_person(actor, person_id)
        account = find_other_account(actor, person.account_id)
        _keep_password(person, kept, must_change=_must_change(actor, must_change))
        ask_for_confirmation(actor, account)
        journal.record(actor, "account.password-set", f"account:{account.name}", account_details(account))


def change_own_password(actor: Actor, old: str, new: str) -> str:
    """Change the password of the person who acts; the secret of a new session, because all others end.

    Raises AccountsNeedAPerson, SignInBusy, TooManyAttempts, and Invalid when the old one is wrong or the new one cannot
    be. A wrong old one stands in the journal.
    """
    person = db.session.scalar(select(Person).where(Person.account_id == actor.account_id))
    if not actor.is_person or person is None:
        raise AccountsNeedAPerson
    before = person.password_hash
    attempt = begin_password_change(person.account_id)
    if not verify_password(before, old):
        with transaction():
            journal.record(actor, "account.password-refused", f"account:{person.name}")
        raise invalid("/old_password", "old-password-wrong")
    problems = password_problems(new, person.name, "/new_password")
    if not problems and new == old:
        problems = [Problem("/new_password", "password-not-new")]
    if problems:
        with transaction():
            mark_succeeded(attempt)
        raise Invalid(problems)
    kept = hash_password(new)
    with transaction() as session:
        mark_succeeded(attempt)
        session.refresh(person, with_for_update=True)
        if person.password_hash != before:
            raise invalid("/old_password", "old-password-wrong")
        _keep_password(person, kept, must_change=False)
        secret = start_session(person.id, actor.source)
        details = account_details(person.account)
        journal.record(actor, "account.password-changed", f"account:{person.name}", details)
    return secret


def password_problems(password: str, name: str, pointer: str = "/password") -> list[Problem]:
    """What is wrong with a password: its length, or that it is the name."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return [Problem(pointer, "password-length", {"shortest": MIN_LENGTH, "longest": MAX_LENGTH})]
    if name.casefold() in password.casefold() and len(password) < len(name) + MIN_LENGTH:
        return [Problem(pointer, "password-like-name")]
    return []


def _keep_password(person: Person, kept: str, *, must_change: bool) -> None:
    person.password_hash, person.password_set_at, person.password_must_change = kept, now(), must_change
    end_access(person.account)


def _must_change(actor: Actor, asked: bool | None) -> bool:
    return not actor.is_local if asked is None else asked


def _problems(name: str, wanted: NewPerson) -> list[Problem]:
    problems = name_problems(name) + role_problems(wanted.role, wanted.agency_id)
    if wanted.email is not None and not (EMAIL.fullmatch(wanted.email) and len(wanted.email) <= LONGEST_EMAIL):
        problems.append(Problem("/email", "email-invalid"))
    if wanted.language not in LANGUAGES:
        problems.append(Problem("/language", "not-a-choice", {"options": ", ".join(LANGUAGES)}))
    return problems
