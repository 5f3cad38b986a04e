"""The people of the demo. They sign in by these names; the journal and the cases know them by the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Final

from registry.accounts.actors import LOCAL, Actor
from registry.accounts.passwords import generate_password
from registry.accounts.people import NewPerson, add_person, person_named
from registry.accounts.roles import Role
from registry.agencies.service import agency_by_bin
from registry.demo.calendar import rows_of

# Where an act came from, in the journal: what the demo itself did is told from what people do later.
SOURCE: Final = "demo"
ADMINISTRATOR: Final = "Dinara Utepova"
OPERATOR: Final = "Timur Kassymov"
REVIEWER: Final = "Aigerim Sarsenova"
SECOND_REVIEWER: Final = "Bolat Zhumagulov"
SUPERVISOR: Final = "Saule Iskakova"


@cache
def _people() -> tuple[Mapping[str, str], ...]:
    return tuple(rows_of("people.csv", date.min))


def first_of_each_role() -> dict[Role, str]:
    """Somebody of every role: the first in the list."""
    return {role: next(row["name"] for row in _people() if row["role"] == role) for role in Role}


def demo_actor(name: str) -> Actor:
    """The person as an actor."""
    row = next(row for row in _people() if row["name"] == name)
    agency_id = agency_by_bin(row["agency"]).id if row["agency"] else None
    # The demo is told by a command on the machine.
    return Actor(name, Role(row["role"]), agency_id, SOURCE, is_person=True, credential=LOCAL)


def add_people() -> None:
    """Let them sign in. Each gets a password that nobody knows, until an administrator gives another."""
    for row in _people():
        if person_named(row["name"]) is None:
            them = demo_actor(row["name"])
            add_person(
                demo_actor(ADMINISTRATOR),
                NewPerson(them.principal, them.role, them.agency_id, row["email"], "en"),
                generate_password(),
            )
