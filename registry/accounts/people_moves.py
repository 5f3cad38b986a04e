"""Many people move to another agency, with the roles that they have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from registry.accounts.account_changes import change_role
from registry.accounts.account_management import require_account_manager
from registry.accounts.actors import Actor
from registry.accounts.people import find_person
from registry.accounts.roles import Role
from registry.core.errors import RegistryError

MAX_MOVED: Final = 100


def move_people(
    actor: Actor, person_ids: Sequence[int], agency_id: int | None
) -> tuple[list[str], list[tuple[str, RegistryError]]]:
    """Give people another agency, each independently; the names of those who moved, and the errors of the others.

    As any change of the agency it ends their sessions and tokens. Raises RoleNotAllowed, AccountsNeedAPerson, and
    PersonNotFound for one whom the actor does not see.
    """
    require_account_manager(actor)
    chosen = [find_person(actor, person_id) for person_id in dict.fromkeys(person_ids[:MAX_MOVED])]
    # Read before the first change: a failed one ends the transaction, and with it what was loaded.
    accounts = [(person.name, person.account_id, Role(person.role)) for person in chosen]
    moved: list[str] = []
    failed: list[tuple[str, RegistryError]] = []
    for name, account_id, role in accounts:
        try:
            change_role(actor, account_id, role, agency_id)
        except RegistryError as error:
            failed.append((name, error))
        else:
            moved.append(name)
    return moved, failed
