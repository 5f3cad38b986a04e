"""Demo people: their names, roles and actors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from registry.accounts.actors import LOCAL, Actor
from registry.accounts.passwords import generate_password
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, person_named
from registry.agencies.service import agency_by_bin
from registry.demo.calendar import rows_of

# Source in the journal, which distinguishes the demo's actions from later ones.
SOURCE: Final = "demo"
ADMINISTRATOR: Final = "Dinara Utepova"
OPERATOR: Final = "Timur Kassymov"
REVIEWER: Final = "Aigerim Sarsenova"
SECOND_REVIEWER: Final = "Bolat Zhumagulov"
SUPERVISOR: Final = "Saule Iskakova"
SECOND_SUPERVISOR: Final = "Gulmira Sadykova"


def _people() -> tuple[Mapping[str, str], ...]:
    return tuple(rows_of("people.csv", date.min))


def first_of_each_role() -> dict[Role, str]:
    """Return the first person of each role."""
    return {role: next(row["name"] for row in _people() if row["role"] == role) for role in Role}


def shown_people() -> list[tuple[Role, str]]:
    """Return whom ``scripts/run --demo`` shows: the first of each role, and a second supervisor.

    A policy is activated, and a report issued, by another supervisor than the one who wrote it.
    """
    people = list(first_of_each_role().items())
    place = people.index((Role.SUPERVISOR, SUPERVISOR)) + 1
    return [*people[:place], (Role.SUPERVISOR, SECOND_SUPERVISOR), *people[place:]]


def demo_actor(name: str) -> Actor:
    """Return the person as an actor."""
    row = next(row for row in _people() if row["name"] == name)
    agency_id = agency_by_bin(row["agency"]).id if row["agency"] else None
    # The demo is loaded by a command on the machine.
    return Actor(name, Role(row["role"]), agency_id, SOURCE, is_person=True, credential=LOCAL)


def add_people() -> None:
    """Create accounts with random passwords, which an administrator has to replace."""
    for row in _people():
        if person_named(row["name"]) is None:
            person_actor = demo_actor(row["name"])
            add_person(
                demo_actor(ADMINISTRATOR),
                NewPerson(person_actor.principal, person_actor.role, person_actor.agency_id, row["email"], "en"),
                generate_password(),
            )
