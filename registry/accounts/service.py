"""People and accounts: adding, inviting, editing and renaming them, and their passwords."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypedDict

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from registry.accounts import account_changes, account_management, models, passwords
from registry.accounts.account_names import clean_name, keep_former_name, name_problems, skeleton
from registry.accounts.agency_tree import agency_id_of
from registry.accounts.attempts import begin_password_change, begin_password_link, mark_succeeded
from registry.accounts.models import Account, AccountKind, AccountsNeedAPerson, Person
from registry.accounts.oidc_configuration import sign_in_configuration
from registry.accounts.roles import LOCAL, Actor, Permission, Role
from registry.accounts.same_person import ACCOUNT_CHANGED, change_owner, names_of
from registry.accounts.sessions import carried_over, start_session
from registry.core.clock import now, rfc3339
from registry.core.database import db, require_transaction, transaction, violates
from registry.core.errors import Conflict, Invalid, NotFound, Problem, invalid
from registry.core.outbox import enqueue
from registry.core.translations import LANGUAGES, Language
from registry.journal import service as journal
from registry.journal.service import JournalEntry

EMAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]+")


class PersonNotFound(NotFound):
    """No person has that id."""


@dataclass(frozen=True, slots=True)
class NewPerson:
    """The data of a person to add."""

    name: str
    role: Role
    agency_id: int | None = None
    email: str | None = None
    language: str = "kk"


def new_person(values: Mapping[str, Any]) -> NewPerson:
    """Return the person that a request, a form or a row has. Raises Invalid for an unknown agency."""
    agency_id = agency_id_of(values.get("agency"))
    language = values.get("language") or "kk"
    return NewPerson(clean_name(values["name"]), Role(values["role"]), agency_id, values.get("email"), language)


def add_person(actor: Actor, new: NewPerson, password: str | None, *, must_change: bool | None = None) -> Person:
    """Add a person. Raises RoleNotAllowed, AccountsNeedAPerson, RoleNotYoursToGive, Invalid, AccountNameTaken.

    ``must_change``: the password must be changed at the first sign-in; by default unless the command line set it.
    Without a password the person is to be invited.
    """
    account_management.require_account_manager(actor)
    name = clean_name(new.name)
    problems = person_problems(name, new) + ([] if password is None else password_problems(password, name))
    if problems:
        raise Invalid(problems)
    account_management.require_may_give(actor, new.role, new.agency_id)
    password_hash = passwords.NO_PASSWORD if password is None else passwords.hash_password(password)
    with transaction() as session:
        account_management.require_unchanged(actor)
        account = models.new_account(actor, name, AccountKind.PERSON, new.role, new.agency_id)
        at = now()
        if password is None:
            account.invited_at = at
        person = Person(
            account=account,
            email=new.email,
            language=new.language,
            password_hash=password_hash,
            password_must_change=password is not None and _must_change(actor, must_change),
            created_at=at,
            password_set_at=at,
        )
        session.add(person)
        session.flush()
        journal.record(actor, "account.added", f"account:{name}", models.account_details(account))
    return person


def find_person(actor: Actor, person_id: int) -> Person:
    """Return the person with that id. Raises RoleNotAllowed and PersonNotFound, also for one whom the actor does not
    see.
    """
    actor.require(Permission.PEOPLE_READ)
    statement = (
        select(Person).join(Person.account).where(Person.id == person_id, account_management.visible_accounts(actor))
    )
    person = db.session.scalar(statement.execution_options(populate_existing=True))
    if person is None:
        raise PersonNotFound(id=person_id)
    return person


def person_named(name: str) -> Person | None:
    """Return the person with that name or e-mail address; None without one."""
    named = models.account_signing_in(name)
    return None if named is None else named[1]


def set_password(actor: Actor, person_id: int, password: str, *, must_change: bool | None = None) -> None:
    """Set the password of another person, which ends all sessions and tokens of the account.

    Raises RoleNotAllowed, AccountsNeedAPerson, PersonNotFound, NotYourself, AccountNotYours, LastSupervisor,
    Invalid.
    """
    account_management.require_account_manager(actor)
    problems = password_problems(password, find_person(actor, person_id).name)
    if problems:
        raise Invalid(problems)
    password_hash = passwords.hash_password(password)
    with transaction():
        person = find_person(actor, person_id)
        # Two administrators who do this to each other wait, so that one of them stays active.
        alike = account_changes.lock_last_ones(person.account_id)
        account = account_management.find_managed_account(actor, person.account_id)
        account_changes.require_another_supervisor(actor, account, alike)
        _store_password(person, password_hash, must_change=_must_change(actor, must_change))
        account.invited_at = None
        passwords.delete_invitation(account.id)
        models.require_confirmation(actor, account)
        models.end_admission(actor, account)
        journal.record(actor, "account.password-set", f"account:{account.name}", models.account_details(account))


def change_own_password(actor: Actor, old: str, new: str) -> str:
    """Change the actor's password, which ends all sessions; returns the secret of a new one.

    Raises AccountsNeedAPerson, SignInBusy, TooManyAttempts, and Invalid when the old password is wrong or the new one
    unusable. A wrong old password is journalled.
    """
    person = db.session.scalar(select(Person).where(Person.account_id == actor.account_id))
    if not actor.is_person or person is None:
        raise AccountsNeedAPerson
    old_hash = person.password_hash
    attempt = begin_password_change(person.account_id)
    if not passwords.verify_password(old_hash, old):
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
    new_hash = passwords.hash_password(new)
    with transaction() as session:
        mark_succeeded(attempt)
        session.refresh(person, with_for_update=True)
        if person.password_hash != old_hash:
            raise invalid("/old_password", "old-password-wrong")
        kept = carried_over(person.id, actor.credential)
        _store_password(person, new_hash, must_change=False)
        secret = start_session(person.id, actor.source, **kept)
        details = models.account_details(person.account)
        journal.record(actor, "account.password-changed", f"account:{person.name}", details)
    return secret


def password_problems(password: str, name: str, pointer: str = "/password") -> list[Problem]:
    """Return the problems of a new password: its length, that many use it, or that it contains the name and little
    else.
    """
    if not passwords.MIN_LENGTH <= len(password) <= passwords.MAX_LENGTH:
        return [
            Problem(pointer, "password-length", {"shortest": passwords.MIN_LENGTH, "longest": passwords.MAX_LENGTH})
        ]
    if name.casefold() in password.casefold() and len(password) < len(name) + passwords.MIN_LENGTH:
        return [Problem(pointer, "password-like-name")]
    if passwords.is_common(password):
        return [Problem(pointer, "password-common")]
    return []


def _store_password(person: Person, password_hash: str, *, must_change: bool) -> None:
    person.password_hash, person.password_set_at, person.password_must_change = password_hash, now(), must_change
    person.first_half = None
    account_changes.end_access(person.account)


def _must_change(actor: Actor, requested: bool | None) -> bool:
    return not actor.is_local if requested is None else requested


def person_problems(name: str, new: NewPerson) -> list[Problem]:
    """Return the problems of a new person's data, with the normalised name."""
    problems = name_problems(name) + models.role_problems(new.role, new.agency_id)
    return problems + personal_problems(new.email, new.language)


def personal_problems(email: str | None, language: str | None) -> list[Problem]:
    """Return the problems of an e-mail address and a language; None is not examined."""
    problems = []
    if email is not None and not (
        EMAIL.fullmatch(email) and email.isprintable() and len(email) <= models.MAX_EMAIL_LENGTH
    ):
        problems.append(Problem("/email", "email-invalid"))
    if language is not None and language not in LANGUAGES:
        problems.append(Problem("/language", "not-a-choice", {"options": ", ".join(LANGUAGES)}))
    return problems


def create_person(actor: Actor, new: NewPerson) -> tuple[Person, str | None]:
    """Add a person, who is invited where that is possible; any other gets the returned password, to be changed.

    Raises what ``add_person`` raises.
    """
    if passwords.can_be_invited(new.email):
        return invite_person(actor, new), None
    password = passwords.generate_password()
    return add_person(actor, new, password, must_change=True), password


# People who are invited: they set their first password themselves, so that no administrator knows it.

CREDENTIAL = "invitation"
PASSWORD_LINKS: Final = Actor("service:sign-in", Role.OPERATOR, credential=CREDENTIAL)


class AccountNotInvited(Conflict):
    """The account does not wait for its person to set a password."""


class NoMailServer(Conflict):
    """There is no mail server, or the person has no e-mail address, so no invitation can be sent."""


def invite_person(actor: Actor, new: NewPerson) -> Person:
    """Add a person who is invited by e-mail; when the role requires two people, once the account is confirmed.

    Raises NoMailServer, and what ``add_person`` raises.
    """
    if new.email is None or not passwords.can_be_invited(new.email):
        raise NoMailServer
    with transaction():
        person = add_person(actor, new, None)
        if not person.is_pending:
            passwords.send_invitation(actor, person.account, new.email)
    return person


def invite_again(actor: Actor, account_id: int) -> None:
    """Send another invitation; the earlier one no longer works.

    Raises RoleNotAllowed, AccountsNeedAPerson, AccountNotFound, NotYourself, AccountNotYours, AccountNotInvited,
    NoMailServer.
    """
    account_management.require_account_manager(actor)
    with transaction():
        account = account_management.find_managed_account(actor, account_id)
        if account.status != "invited":
            raise AccountNotInvited(name=account.name)
        email = account_changes.email_of(account)
        if email is None or not passwords.can_be_invited(email):
            raise NoMailServer
        passwords.send_invitation(actor, account, email)


def account_of_link(key: str) -> Account:
    """Return the account whose person sets a password with the link with that key. Raises InvitationNotFound."""
    account = db.session.get_one(Account, passwords.find_invitation(key).account_id)
    if account.invited_at is None and not sign_in_configuration().allows_password(account.name):
        raise passwords.InvitationNotFound
    return account


def accept_invitation(key: str, password: str, source: str, request_id: str, client_request_id: str = "") -> str:
    """Set the password of the person to whom the link was sent, and return the account's name; the link is used up.

    Of a forgotten password it ends sessions and tokens, and the admission to restricted projects: whoever chose the
    address may have sent the link to themselves. Raises InvitationNotFound, SignInBusy, and Invalid for an unusable
    password.
    """
    problems = password_problems(password, account_of_link(key).name)
    if problems:
        raise Invalid(problems)
    password_hash = passwords.hash_password(password)
    with transaction() as session:
        invitation = passwords.find_invitation(key)
        account = session.get_one(Account, invitation.account_id, populate_existing=True, with_for_update=True)
        # Another request may have used it, or an administrator disabled the account, before the lock was given.
        if passwords.find_invitation(key).id != invitation.id:
            raise passwords.InvitationNotFound
        person = session.scalars(select(Person).where(Person.account_id == account.id)).one()
        was_invited = account.invited_at is not None
        _store_password(person, password_hash, must_change=False)
        account.invited_at = None
        passwords.delete_invitation(account.id)
        actor = models.account_actor(account, CREDENTIAL, source, request_id, client_request_id)
        action = "account.invitation-accepted" if was_invited else "account.password-reset"
        journal.record(actor, action, f"account:{account.name}", models.account_details(account))
        if not was_invited:
            models.end_admission(actor, account)
        return account.name


# Forgotten passwords: a link by e-mail, to accounts with a password, and of oversight with a second factor.

PASSWORD_FORGOTTEN: Final = "account.password-forgotten"  # noqa: S105 - a topic
"""Topic of the outbox: somebody asks for a link."""


def request_password_link(text: str, source: str, request_id: str) -> None:
    """Ask for a link to a new password, for the account with that name or e-mail address. Raises TooManyAttempts.

    The link is made by whoever reads the outbox, so that neither the answer nor its time reveals who has an account.
    """
    text = "".join(letter for letter in text[: models.MAX_EMAIL_LENGTH] if letter.isprintable())
    with transaction():
        begin_password_link(text, source)
        named = models.account_signing_in(text)
        account_id = 0 if named is None else named[0].id
        enqueue(PASSWORD_FORGOTTEN, {"account": account_id, "source": source, "request_id": request_id})


def make_password_link(account_id: int, source: str, request_id: str) -> tuple[int, int] | None:
    """Make the link in the open transaction, and return the ids of link and person; None for whoever gets none.

    None also for a second request within ten minutes: the link that was sent goes on working.
    """
    account = db.session.get(Account, account_id, populate_existing=True, with_for_update=True)
    person = db.session.scalar(select(Person).where(Person.account_id == account_id))
    if account is None or person is None or not person.email:
        return None
    if account.status != "active" or not sign_in_configuration().allows_password(account.name):
        return None
    link = passwords.add_password_link(account, person.email)
    if link is None:
        return None
    actor = replace(PASSWORD_LINKS, source=source, request_id=request_id)
    journal.record(actor, "account.password-link-sent", f"account:{account.name}", models.account_details(account))
    return link, person.id


# Edit an account: name, e-mail, language, role, agency, owner, each with its history in the journal.

# The language of one's own account: of pages, where the browser has no other, and of notices.


def change_own_language(actor: Actor, language: Language) -> None:
    """Change the language of the actor's account. Raises AccountsNeedAPerson."""
    with transaction():
        person = models.require_own_person(actor, lock=True)
        if person.language != language:
            change = {"field": "language", "old": person.language, "new": language}
            person.language = language
            journal.record(actor, "account.language-changed", f"account:{actor.principal}", {"changes": [change]})


# Notification preferences: which e-mails a person gets. Orders, questions and security notices always arrive.


def change_notification_preferences(actor: Actor, preferences: Mapping[str, bool]) -> None:
    """Change the preferences of the actor: columns of ``Person``. Raises AccountsNeedAPerson."""
    with transaction():
        person = models.require_own_person(actor, lock=True)
        if any(getattr(person, name) != is_on for name, is_on in preferences.items()):
            for name, is_on in preferences.items():
                setattr(person, name, is_on)
            journal.record(actor, "account.notifications-changed", f"account:{actor.principal}", dict(preferences))


PERSONAL: Final = ("email", "language")


class AccountChanges(TypedDict, total=False):
    """What to change; an absent field stays. ``email`` and ``language`` are of people, ``owner_id`` of services."""

    name: str
    email: str | None
    language: str
    role: Role
    agency_id: int | None
    owner_id: int


def changes_in(values: Mapping[str, Any]) -> AccountChanges:
    """Return the changes that a request has: the agency by its BIN, the owner by name. Raises Invalid for unknown
    ones.
    """
    changes = AccountChanges()
    for name in ("name", "email", "language"):
        if name in values:
            changes[name] = values[name]
    if "role" in values:
        changes["role"] = Role(values["role"])
    if "agency" in values:
        changes["agency_id"] = agency_id_of(values["agency"])
    if "owner" in values:
        changes["owner_id"] = models.account_id_in("owner", values["owner"])
    return changes


def edit_account(actor: Actor, account_id: int, changes: AccountChanges) -> Account:
    """Change an account in one transaction; what is as before is not a change.

    A new role or agency ends sessions and tokens. With an oversight role, a new e-mail address makes the account
    pending: invitations go there, and single sign-on may match by it. Raises RoleNotAllowed, AccountsNeedAPerson,
    AccountNotFound, NotYourself, AccountNotYours, RightsChanged, RoleNotYoursToGive, LastAdministrator,
    LastSupervisor, AccountNameTaken, Invalid.
    """
    account_management.require_account_manager(actor)
    with transaction():
        alike = account_changes.lock_last_ones(account_id)
        account = account_management.find_managed_account(actor, account_id)
        problems = _problems(account, changes)
        if problems:
            raise Invalid(problems)
        if "role" in changes or "agency_id" in changes:
            role = changes.get("role", Role(account.role))
            account_changes.change_role(actor, account_id, role, changes.get("agency_id", account.agency_id))
        if "owner_id" in changes:
            change_owner(actor, account_id, changes["owner_id"])
        if "email" in changes or "language" in changes:
            if "email" in changes and changes["email"] != account_changes.email_of(account):
                account_changes.require_another_supervisor(actor, account, alike)
            _change_personal(actor, account, changes)
        if "name" in changes:
            _rename(actor, account, clean_name(changes["name"]))
        require_transaction().flush()
    return account


def _problems(account: Account, changes: AccountChanges) -> list[Problem]:
    problems = name_problems(clean_name(changes["name"])) if "name" in changes else []
    if "role" in changes or "agency_id" in changes:
        problems += models.role_problems(
            changes.get("role", Role(account.role)), changes.get("agency_id", account.agency_id)
        )
    if account.is_person:
        problems += personal_problems(changes.get("email"), changes.get("language"))
        return problems + ([Problem("/owner", "field-of-services")] if "owner_id" in changes else [])
    return problems + [Problem(f"/{name}", "field-of-people") for name in PERSONAL if name in changes]


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
        models.require_confirmation(actor, account)
    journal.record(actor, ACCOUNT_CHANGED, f"account:{account.name}", {"changes": applied})
    if any(change["field"] == "email" for change in applied):
        models.end_admission(actor, account)


def _rename(actor: Actor, account: Account, name: str) -> None:
    old, old_skeleton = account.name, account.name_skeleton
    if name == old:
        return
    models.require_free_name(name, account.id)
    account.name, account.name_skeleton = name, skeleton(name)
    keep_former_name(account.id, old, old_skeleton)
    try:
        db.session.flush()
    except IntegrityError as error:
        if not violates(error, *models.NAME_UNIQUE):
            raise
        raise models.AccountNameTaken(name=name, taken=name) from error
    # Again, as for new accounts: since the first look the name may have been taken and given up.
    models.require_free_name(name, account.id)
    # Under the former name, where the entries are that a reader knows of; both names are in the details.
    journal.record(actor, "account.renamed", f"account:{old}", {"old_name": old, "name": name})


# What the command line changed in accounts and tokens: administrators are shown at their next sign-in.

MOST: Final = 100
SUBJECTS: Final = ("account.", "token.")


def local_changes_since(actor: Actor, at: datetime, most: int = MOST) -> list[JournalEntry]:
    """Return the entries of the command line about accounts and tokens after an instant, the newest first.

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
    """Return when the person signed in before the present session; None at the first sign-in."""
    statement = (
        select(JournalEntry.at)
        .where(JournalEntry.principal.in_(names_of(actor)), JournalEntry.action == "person.signed-in")
        .order_by(JournalEntry.seq.desc())
        .offset(1)
        .limit(1)
    )
    at = db.session.scalar(statement)
    return None if at is None else datetime.fromisoformat(at)
