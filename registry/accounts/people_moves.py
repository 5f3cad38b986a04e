"""Many people move to another agency, with the roles that they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from registry.accounts.account_changes import change_role
from registry.accounts.account_management import require_account_manager
from registry.accounts.actors import Actor
from registry.accounts.handover import hand_over_drafts
from registry.accounts.people import find_person
from registry.accounts.roles import Role
from registry.core.errors import RegistryError
from registry.core.transactions import transaction

MAX_MOVED: Final = 100


@dataclass(frozen=True, slots=True)
class Moves:
    """The names of those who moved and of those who already were there, and the errors of the others."""

    moved: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: list[tuple[str, RegistryError]] = field(default_factory=list)


def move_people(actor: Actor, person_ids: Sequence[int], agency_id: int | None, drafts_to: int | None = None) -> Moves:
    """Give people another agency, each independently.

    Their drafts of registrations go to the account ``drafts_to``, if given; the agency of drafts that they keep is
    cleared. As any change of the agency it ends their sessions and tokens. Raises RoleNotAllowed, AccountsNeedAPerson,
    and PersonNotFound for one whom the actor does not see.
    """
    require_account_manager(actor)
    chosen = [find_person(actor, person_id) for person_id in dict.fromkeys(person_ids[:MAX_MOVED])]
    # Read before the first change: a failed one ends the transaction, and with it what was loaded.
    accounts = [(person.name, person.account_id, Role(person.role), person.agency_id) for person in chosen]
    moves = Moves()
    for name, account_id, role, present_agency in accounts:
        if present_agency == agency_id:
            moves.unchanged.append(name)
            continue
        try:
            with transaction():
                if drafts_to is not None:
                    hand_over_drafts(actor, account_id, drafts_to)
                change_role(actor, account_id, role, agency_id)
        except RegistryError as error:
            moves.failed.append((name, error))
        else:
            moves.moved.append(name)
    return moves
