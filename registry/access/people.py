"""People: principals who sign in with a password, each with one role. The journal knows them by the same names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.access.actors import Actor
from registry.access.passwords import LONGEST, SHORTEST, hash_password
from registry.access.principals import LONGEST_NAME, Principal, principal_named
from registry.access.roles import AGENCY_ROLES, Permission, Role
from registry.access.sessions import end_sessions_of
from registry.language.languages import LANGUAGES
from registry.store import journal
from registry.store.clock import now
from registry.store.database import Instant, Model, db
from registry.store.errors import Conflict, Invalid, NotAllowed, NotFound, Problem
from registry.store.transaction import transaction

LONGEST_EMAIL: Final = 200
EMAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]+")


class PersonNotFound(NotFound):
    """There is no person of that id."""


class PersonNameTaken(Conflict):
    """Somebody of that name is there already."""


class NotYourself(NotAllowed):
    """Nobody takes away the own way in."""


class Person(Model):
    """Who signs in. ``role`` and ``agency_id`` are what an Actor gets; ``language`` is for pages and notices."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    principal_id: Mapped[int] = mapped_column(ForeignKey("principals.id"), unique=True)
    role: Mapped[str] = mapped_column(String(20))
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"), index=True)
    email: Mapped[str | None] = mapped_column(String(LONGEST_EMAIL))
    language: Mapped[str] = mapped_column(String(2))
    password_hash: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    password_set_at: Mapped[datetime] = mapped_column(Instant)

    principal: Mapped[Principal] = relationship(lazy="joined", innerjoin=True)

    @property
    def name(self) -> str:
        """What the person signs in with; the journal's word for them."""
        return self.principal.name

    @property
    def is_disabled(self) -> bool:
        """True when neither password nor tokens of the person are taken."""
        return self.principal.disabled_at is not None


@dataclass(frozen=True, slots=True)
class NewPerson:
    """What is asked about somebody who is to sign in."""

    name: str
    role: Role
    agency_id: int | None = None
    email: str | None = None
    language: str = "kk"


def add_person(by: Actor, wanted: NewPerson, password: str) -> Person:
    """Let somebody sign in. Raises RoleNotAllowed, Invalid (naming what is wrong), PersonNameTaken."""
    by.require(Permission.PEOPLE_MANAGE)
    name = wanted.name.strip()
    problems = _problems(name, wanted) + password_problems(password, name)
    if problems:
        raise Invalid(problems)
    kept = hash_password(password)
    with transaction() as session:
        principal = principal_named(name)
        if session.scalar(select(Person.id).where(Person.principal_id == principal.id)) is not None:
            raise PersonNameTaken(name=name)
        moment = now()
        person = Person(
            principal=principal,
            role=wanted.role.value,
            agency_id=wanted.agency_id,
            email=wanted.email,
            language=wanted.language,
            password_hash=kept,
            created_at=moment,
            password_set_at=moment,
        )
        session.add(person)
        session.flush()
        journal.record(by, "person.added", f"person:{name}", {"role": wanted.role.value, "agency": wanted.agency_id})
    return person


def find_person(by: Actor, person_id: int) -> Person:
    """The person of that id. Raises RoleNotAllowed and PersonNotFound."""
    by.require(Permission.PEOPLE_MANAGE)
    found = db.session.get(Person, person_id, populate_existing=True)
    if found is None:
        raise PersonNotFound(id=person_id)
    return found


def person_named(name: str) -> Person | None:
    """Who signs in by that name."""
    return db.session.scalar(select(Person).join(Person.principal).where(Principal.name == name.strip()))


def all_people(by: Actor) -> list[Person]:
    """Everybody who signs in, by name. Raises RoleNotAllowed."""
    by.require(Permission.PEOPLE_MANAGE)
    return list(db.session.scalars(select(Person).join(Person.principal).order_by(Principal.name)))


def disable_person(by: Actor, person_id: int) -> None:
    """Shut somebody out, tokens too, on the next request. Raises RoleNotAllowed, PersonNotFound, NotYourself."""
    person = find_person(by, person_id)
    if person.name == by.principal:
        raise NotYourself(name=person.name)
    with transaction():
        person = find_person(by, person_id)
        if not person.is_disabled:
            person.principal.disabled_at = now()
            end_sessions_of(person.id)
            journal.record(by, "person.disabled", f"person:{person.name}")


def enable_person(by: Actor, person_id: int) -> None:
    """Let somebody in again. Raises RoleNotAllowed and PersonNotFound."""
    with transaction():
        person = find_person(by, person_id)
        if person.is_disabled:
            person.principal.disabled_at = None
            journal.record(by, "person.enabled", f"person:{person.name}")


def set_password(by: Actor, person_id: int, password: str) -> None:
    """Give somebody another password and end every session. Raises RoleNotAllowed, PersonNotFound, Invalid."""
    problems = password_problems(password, find_person(by, person_id).name)
    if problems:
        raise Invalid(problems)
    kept = hash_password(password)
    with transaction():
        person = find_person(by, person_id)
        person.password_hash, person.password_set_at = kept, now()
        end_sessions_of(person.id)
        journal.record(by, "person.password-set", f"person:{person.name}")


def password_problems(password: str, name: str) -> list[Problem]:
    """What is wrong with a password: its length, or that it is the name."""
    if not SHORTEST <= len(password) <= LONGEST:
        return [Problem("/password", "password-length", {"shortest": SHORTEST, "longest": LONGEST})]
    if name.casefold() in password.casefold() and len(password) < len(name) + SHORTEST:
        return [Problem("/password", "password-like-name")]
    return []


def _problems(name: str, wanted: NewPerson) -> list[Problem]:
    problems: list[Problem] = []
    params: dict[str, Any] = {"role": wanted.role.value}
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or ":" in name:
        problems.append(Problem("/name", "name-not-usable", {"limit": LONGEST_NAME}))
    if wanted.role in AGENCY_ROLES and wanted.agency_id is None:
        problems.append(Problem("/agency", "role-needs-agency", params))
    if wanted.role not in AGENCY_ROLES and wanted.agency_id is not None:
        problems.append(Problem("/agency", "role-takes-no-agency", params))
    if wanted.email is not None and not (EMAIL.fullmatch(wanted.email) and len(wanted.email) <= LONGEST_EMAIL):
        problems.append(Problem("/email", "email-invalid"))
    if wanted.language not in LANGUAGES:
        problems.append(Problem("/language", "not-a-choice", {"options": ", ".join(LANGUAGES)}))
    return problems
