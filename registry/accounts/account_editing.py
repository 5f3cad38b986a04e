"""Edit an account: name, e-mail, language, role, agency, owner, each with its history in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypedDict

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from registry.accounts.account_changes import change_role, lock_last_ones, require_another_supervisor
from registry.accounts.account_management import find_managed_account, require_account_manager
from registry.accounts.account_names import clean_name, name_problems, skeleton
from registry.accounts.actors import Actor
from registry.accounts.events import account_renamed
from registry.accounts.former_names import keep_former_name
from registry.accounts.models import (
    NAME_UNIQUE,
    Account,
    AccountNameTaken,
    Person,
    end_admission,
    require_confirmation,
    require_free_name,
    role_problems,
)
from registry.accounts.owners import change_owner
from registry.accounts.people import personal_problems
from registry.accounts.roles import Role
from registry.core.clock import now
from registry.core.constraints import violates
from registry.core.database import db
from registry.core.errors import Invalid, Problem
from registry.core.transactions import require_transaction, transaction
from registry.journal import service as journal

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
    journal.record(actor, "account.changed", f"account:{account.name}", {"changes": applied})
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
