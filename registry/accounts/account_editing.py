"""Edit an account: e-mail, language, role, agency, each with its history in the journal."""

from __future__ import annotations

from typing import TypedDict

from sqlalchemy import select

from registry.accounts.account_changes import change_role
from registry.accounts.account_management import find_managed_account, require_account_manager
from registry.accounts.actors import Actor
from registry.accounts.models import Account, Person, require_confirmation
from registry.accounts.people import NewPerson, person_problems
from registry.accounts.roles import Role
from registry.core.errors import Invalid
from registry.core.transactions import require_transaction, transaction
from registry.journal import service as journal


class AccountChanges(TypedDict, total=False):
    """What to change; an absent field stays."""

    name: str
    email: str | None
    language: str
    role: Role
    agency_id: int | None


def edit_account(actor: Actor, account_id: int, changes: AccountChanges) -> Account:
    """Change an account in one transaction; what is as before is not a change."""
    require_account_manager(actor)
    with transaction():
        account = find_managed_account(actor, account_id)
        person = require_transaction().scalars(select(Person).where(Person.account_id == account.id)).one()
        role, agency_id = changes.get("role", Role(account.role)), changes.get("agency_id", account.agency_id)
        email, language = changes.get("email", person.email), changes.get("language", person.language)
        problems = person_problems(account.name, NewPerson(account.name, role, agency_id, email, language))
        if problems:
            raise Invalid(problems)
        change_role(actor, account_id, role, agency_id)
        before = {"email": person.email, "language": person.language}
        after = {"email": email, "language": language}
        applied = [{"field": key, "old": before[key], "new": after[key]} for key in before if before[key] != after[key]]
        if applied:
            person.email, person.language = email, language
            if before["email"] != email and Role(account.role).needs_two_people:
                require_confirmation(actor, account)
            journal.record(actor, "account.changed", f"account:{account.name}", {"changes": applied})
    return account
