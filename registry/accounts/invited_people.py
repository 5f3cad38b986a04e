"""People who are invited: they set their first password themselves, so that no administrator knows it."""

from __future__ import annotations

from sqlalchemy import select

from registry.accounts.account_management import find_managed_account, require_account_manager
from registry.accounts.actors import Actor
from registry.accounts.invitations import (
    InvitationNotFound,
    can_be_invited,
    delete_invitation,
    find_invitation,
    send_invitation,
)
from registry.accounts.models import Account, Person, account_details, person_actor
from registry.accounts.passwords import hash_password
from registry.accounts.people import NewPerson, add_person, password_problems
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import Conflict, Invalid
from registry.core.transactions import transaction
from registry.journal import service as journal

CREDENTIAL = "invitation"


class AccountNotInvited(Conflict):
    """The account does not wait for its person to set a password."""


class NoMailServer(Conflict):
    """There is no mail server, or the person has no e-mail address, so no invitation can be sent."""


def invite_person(actor: Actor, new: NewPerson) -> Person:
    """Add a person who is invited by e-mail; when the role requires two people, once the account is confirmed.

    Raises NoMailServer, and what ``add_person`` raises.
    """
    if new.email is None or not can_be_invited(new.email):
        raise NoMailServer
    with transaction():
        person = add_person(actor, new, None)
        if not person.is_pending:
            send_invitation(actor, person.account, new.email)
    return person


def invite_again(actor: Actor, account_id: int) -> None:
    """Send another invitation; the earlier one no longer works.

    Raises RoleNotAllowed, AccountsNeedAPerson, AccountNotFound, NotYourself, AccountNotYours, AccountNotInvited,
    NoMailServer.
    """
    require_account_manager(actor)
    with transaction():
        account = find_managed_account(actor, account_id)
        if account.status != "invited":
            raise AccountNotInvited(name=account.name)
        email = db.session.scalar(select(Person.email).where(Person.account_id == account.id))
        if email is None or not can_be_invited(email):
            raise NoMailServer
        send_invitation(actor, account, email)


def name_of_invited(key: str) -> str:
    """The name of the person whom the link with that key invites. Raises InvitationNotFound."""
    return db.session.get_one(Account, find_invitation(key).account_id).name


def accept_invitation(key: str, password: str, source: str, request_id: str, client_request_id: str = "") -> str:
    """Set the password of the invited person, whose name it returns; the invitation no longer works.

    Raises InvitationNotFound, SignInBusy, and Invalid for an unusable password.
    """
    problems = password_problems(password, name_of_invited(key))
    if problems:
        raise Invalid(problems)
    password_hash = hash_password(password)
    with transaction() as session:
        invitation = find_invitation(key)
        account = session.get_one(Account, invitation.account_id, populate_existing=True, with_for_update=True)
        # Another request may have used it, or an administrator disabled the account, before the lock was given.
        if find_invitation(key).id != invitation.id or account.status != "invited":
            raise InvitationNotFound
        person = session.scalars(select(Person).where(Person.account_id == account.id)).one()
        person.password_hash, person.password_set_at, person.password_must_change = password_hash, now(), False
        account.invited_at = None
        delete_invitation(account.id)
        actor = person_actor(account, CREDENTIAL, source, request_id, client_request_id)
        journal.record(actor, "account.invitation-accepted", f"account:{account.name}", account_details(account))
        return account.name
