"""A small register with something to gain in it, and what must stay as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Select, or_, select

from registry.accounts.actors import Actor
from registry.accounts.models import Account, account_named, is_active
from registry.accounts.people import NewPerson, add_person
from registry.accounts.roles import Role
from registry.accounts.scopes import Scope, scopes_of_role
from registry.accounts.tokens import issue
from registry.accounts.vocabulary import AccountKind
from registry.agencies.models import Agency
from registry.core.clock import today
from registry.core.database import db
from registry.core.errors import RegistryError
from registry.core.transactions import transaction
from registry.exemptions.models import Exemption
from registry.flags.models import Flag
from registry.flags.vocabulary import FlagStatus
from registry.freeze.current import policy_in_force
from registry.freeze.evaluation import in_scope
from registry.platform.confirmations import verify_placement
from registry.projects.documents import add_document
from registry.projects.models import Project
from registry.projects.service import find_project, find_project_to_change
from tests.accounts.stored_accounts import session_of
from tests.cases.cast import AIGERIM, act, audit, case_of
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, a_token, an_actor, an_agency, restrict
from tests.one_person.values import PDF
from tests.present import Present

START: Final = date(2026, 11, 16)
TERM: Final = timedelta(days=80)
# What only people do.
OF_PEOPLE: Final = {Scope.DECISIONS_APPROVE, Scope.ACCOUNTS_WRITE}
SERIOUS: Final = ("medium", "high")


@dataclass
class Player:
    """Somebody with a role: a person with a password and a token, or a service account with a token alone."""

    name: str
    role: Role
    token: str | None
    is_person: bool = True
    weight: float = 1


@dataclass
class World:
    """The players by their casts."""

    alone: list[Player] = field(default_factory=list)
    together: list[Player] = field(default_factory=list)


def build(present: Present) -> World:
    """Two ministries with flagged projects, an office below one of them, and a private company."""
    # Before the grace of a claimed placement.
    present.set(START - timedelta(days=60))
    ministry, other = an_agency(name_ru="Министерство"), an_agency(name_ru="Другое министерство")
    an_agency(name_ru="Компания", kind="private")
    office = an_agency(parent=ministry, name_ru="Управление")
    creation = a_project(ministry, name_ru="Портал")
    a_project(ministry, name_ru="Заявленная система", placement="on_platform", platform_key="K-CLAIMED")
    a_project(ministry, name_ru="Подключаемая система", placement="onboarding", onboarding_due_on="2027-02-01")
    a_project(office, name_ru="Завершённая система", stage="archived", ended_on="2026-03-01", consent_number="12")
    a_project(office, name_ru="Доработка", work_type="development", object_commissioned_on="2020-01-01")
    restricted = a_project(other, name_ru="Закрытая система")
    a_project(other, name_ru="Открытая система", work_type="modification", object_commissioned_on="2020-01-01")
    confirmed = a_project(other, name_ru="Подтверждённая", placement="on_platform", platform_key="K-CONFIRMED")
    with transaction():
        operator = an_actor(Role.OPERATOR)
        project = find_project_to_change(operator, confirmed.number)
        verify_placement(operator, project, "K-CONFIRMED", START - timedelta(days=70), "List")
        for each in db.session.scalars(select(Project)):
            add_document(ADMINISTRATOR, each, "a.pdf", "application/pdf", PDF)
    restrict(restricted.number)
    present.set(START)
    audit()
    case = case_of(creation)
    act(AIGERIM, case, "claim")
    act(AIGERIM, case, "refer")
    world = World()
    for name in ("saule", "timur"):
        _person(name, Role.SUPERVISOR, None)
    world.alone += [_player("saule", Role.SUPERVISOR), _service("robot of saule", Role.SUPERVISOR, None)]
    # Whoever this person admits may read what is restricted there, so it is in no cast.
    _person("administrator of the other ministry", Role.AGENCY_ADMINISTRATOR, other)
    world.together = [
        *(_player(name, Role.ADMINISTRATOR) for name in ("adil", "bota")),
        *(_player(name, Role.REVIEWER) for name in ("rustem", "dana")),
        _player("olzhas", Role.OPERATOR),
        _player("ainur", Role.AUDITOR),
        _player("editor", Role.AGENCY_EDITOR, ministry),
        _player("administrator", Role.AGENCY_ADMINISTRATOR, ministry),
        _player("editor of the other ministry", Role.AGENCY_EDITOR, other),
        _player("viewer", Role.AGENCY_VIEWER, ministry),
        _player("leader", Role.LEADER),
        _service("robot of operators", Role.OPERATOR, None),
        _service("robot of the ministry", Role.AGENCY_EDITOR, ministry),
    ]
    return world


def _person(name: str, role: Role, agency: Agency | None) -> None:
    if account_named(name) is None:
        add_person(ADMINISTRATOR, NewPerson(name, role, agency and agency.id), PASSWORD)


def _player(name: str, role: Role, agency: Agency | None = None) -> Player:
    _person(name, role, agency)
    return Player(name, role, a_token(role, agency, name, timedelta(days=80)))


def _service(name: str, role: Role, agency: Agency | None) -> Player:
    token = issue(ADMINISTRATOR, name, role, agency and agency.id, TERM, scopes=scopes_of_role(role) - OF_PEOPLE).text
    return Player(name, role, token, is_person=False, weight=0.3)


@dataclass(frozen=True)
class Kept:
    """What no act may end: flags and scope by project; and what none may make: exemptions, readers, supervisors."""

    flagged: frozenset[str]
    in_scope: frozenset[str]
    exemptions: frozenset[int]
    readers: frozenset[str]
    supervisors: frozenset[int]
    restricted: frozenset[str]


def present_state(restricted: frozenset[str] | None = None) -> Kept:
    """What holds now; ``restricted``: the projects that were restricted in the beginning."""
    db.session.rollback()
    policy = policy_in_force(today())
    kinds = db.session.execute(select(Project.number, Agency.kind).join(Agency, Agency.id == Project.agency_id))
    if restricted is None:
        restricted = frozenset(db.session.scalars(select(Project.number).where(Project.is_restricted)))
    supervisors = select(Account.id).where(Account.role == Role.SUPERVISOR.value, is_active())
    return Kept(
        flagged=frozenset(db.session.scalars(_flagged())),
        in_scope=frozenset(number for number, kind in kinds if in_scope(kind, policy)),
        exemptions=frozenset(db.session.scalars(select(Exemption.id))),
        readers=frozenset(_readers(restricted)),
        supervisors=frozenset(db.session.scalars(supervisors)),
        restricted=restricted,
    )


def lost(before: Kept, after: Kept) -> list[str]:
    """What does not hold any more."""
    return [*ended(before, after), *opened(before, after)]


def opened(before: Kept, after: Kept) -> list[str]:
    """Who reads or decides what others alone did."""
    return [
        *(f"«{each}» reads a restricted project" for each in sorted(after.readers - before.readers)),
        *(f"there is a new supervisor: {each}" for each in sorted(after.supervisors - before.supervisors)),
    ]


def ended(before: Kept, after: Kept) -> list[str]:
    """Flags and scope that ended, and exemptions that began."""
    return [
        *(f"{number} has no serious flag any more" for number in sorted(before.flagged - after.flagged)),
        *(f"{number} is out of scope" for number in sorted(before.in_scope - after.in_scope)),
        *(f"there is a new exemption: {each}" for each in sorted(after.exemptions - before.exemptions)),
    ]


def _flagged() -> Select[tuple[str]]:
    serious = or_(Flag.rule.startswith("freeze."), Flag.rule.startswith("integrity."))
    return (
        select(Project.number)
        .join(Flag, Flag.project_id == Project.id)
        .where(Flag.status == FlagStatus.OPEN.value, Flag.severity.in_(SERIOUS), serious)
    )


def _readers(restricted: frozenset[str]) -> Iterator[str]:
    names = list(db.session.scalars(select(Account.name).where(Account.kind == AccountKind.PERSON.value)))
    for name in names:
        actor = session_of(name)
        if actor is not None and any(_reads(actor, number) for number in restricted):
            yield name


def _reads(actor: Actor, number: str) -> bool:
    try:
        find_project(actor, number)
    except RegistryError:
        db.session.rollback()
        return False
    return True
