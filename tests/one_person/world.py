"""A small register with something to gain in it, and what must stay as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Select, or_, select, update

from registry.accounts.absences import record_absence
from registry.accounts.models import Account, AccountKind, Person, account_named, is_active
from registry.accounts.roles import Actor, Role, Scope, scopes_of_role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import issue
from registry.agencies.models import Agency
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.core.errors import RegistryError
from registry.exemptions.models import Exemption
from registry.flags.models import Flag, FlagStatus
from registry.freeze.evaluation import in_scope
from registry.freeze.policy import policy_in_force
from registry.platform.confirmations import verify_placement
from registry.procurement.file_imports import import_contracts
from registry.procurement.match_decisions import decide_match
from registry.procurement.models import Contract, MatchState
from registry.projects.documents import add_document
from registry.projects.links import add_link
from registry.projects.models import Project
from registry.projects.service import find_project, find_project_to_change
from registry.requests.models import RequestKind
from registry.requests.service import ask
from tests.accounts.stored_accounts import id_of, session_of
from tests.cases.cast import AIGERIM, BOLAT, NO_BREACH, act, audit, case_of, edit, migrate_by
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, a_token, an_actor, an_agency, list_key, restrict
from tests.imports.tables import csv_of
from tests.one_person.values import PDF
from tests.present import Present
from tests.procurement.contract_rows import row_of, the_contract

START: Final = date(2026, 11, 16)
TERM: Final = timedelta(days=80)
# What only people do.
OF_PEOPLE: Final = {Scope.DECISIONS_APPROVE, Scope.ACCOUNTS_WRITE}
SERIOUS: Final = ("medium", "high")
ALONE: Final = "a supervisor with two accounts"
# Where the order counts, the programs come first.
PROGRAMS: Final = "a supervisor behind programs"
TOGETHER: Final = "everybody but supervisors"
# The platform's own program (REGISTRY_PLATFORM_ACCOUNT), which is in no cast.
PLATFORM: Final = "qaztech"


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
    """BINs of agencies, numbers of projects and ids of accounts by what they are for; the players of each cast.

    ``link``: says that two of the projects are one object. ``contract``: of one of them, as somebody confirmed;
    ``older_contract``: of no project.
    """

    link: int
    contract: int
    older_contract: int
    agencies: dict[str, str]
    projects: dict[str, str]
    accounts: dict[str, int]
    casts: dict[str, list[Player]]


FINISHED: Final = {"work_type": "maintenance", "stage": "operation", "contract_signed_on": "2025-01-10"}
UNPROVEN: Final = {"stage": "operation", **dict.fromkeys(("contract_signed_on", "work_started_on"), "2024-03-01")}
# A project for each thing that is tried: its name, its agency, and what differs from a creation of 2026.
PROJECTS: Final[tuple[tuple[str, str, dict[str, str | int | None]], ...]] = (
    # Below the budget from which on its object must be confirmed as commissioned.
    ("edited", "ministry", {"budget_kzt": 50_000_000}),
    ("imported", "ministry", {"work_type": "modification", "object_commissioned_on": "2020-01-01"}),
    ("claimed", "ministry", {"placement": "on_platform", "platform_key": "K-CLAIMED"}),
    ("listed", "ministry", {"placement": "on_platform", "platform_key": "K-LISTED"}),
    ("requested", "ministry", {"placement": "on_platform", "platform_key": "K-REQUESTED"}),
    ("onboarding", "ministry", {"placement": "onboarding", "onboarding_due_on": "2027-02-01"}),
    ("withdrawn", "ministry", {}),
    ("once flagged", "ministry", {**FINISHED, "work_started_on": "2025-01-10"}),
    ("ended", "office", {"stage": "archived", "ended_on": "2026-03-01", "consent_number": "12"}),
    ("development", "office", {"work_type": "development", "object_commissioned_on": "2020-01-01"}),
    ("of the asked", "asked", {}),
    # By a contract that was signed later.
    (
        "contradicted",
        "office",
        {
            **FINISHED,
            **dict.fromkeys(("contract_signed_on", "work_started_on"), "2025-12-30"),
            "object_commissioned_on": "2020-01-01",
        },
    ),
    ("restricted", "other", {}),
    ("shared", "other", {}),
    ("referred", "other", {}),
    ("decided", "other", {}),
    ("exempt", "other", {}),
    ("passed on", "other", {}),
    ("almost withdrawn", "other", {}),
    ("appealed", "other", {}),
    ("proven", "ministry", {**UNPROVEN, "commissioned_on": "2025-12-20"}),
    ("confirmed", "other", {"placement": "on_platform", "platform_key": "K-CONFIRMED"}),
)


def build(present: Present) -> World:
    """Two ministries with flagged projects, offices below one of them, and a private company."""
    # Before the grace of a claimed placement.
    present.set(START - timedelta(days=60))
    ministry, other = an_agency(name_ru="Министерство"), an_agency(name_ru="Другое министерство")
    agencies = {
        "ministry": ministry,
        "other": other,
        "office": an_agency(ministry, name_ru="Управление"),
        "asked": an_agency(ministry, name_ru="Ведомство"),
        "company": an_agency(name_ru="Компания", kind="private"),
    }
    projects = {
        name: a_project(agencies[agency], external_id=f"E-{name}", name_ru=f"Система «{name}»", **values)
        for name, agency, values in PROJECTS
    }
    with transaction():
        operator = an_actor(Role.OPERATOR)
        project = find_project_to_change(operator, projects["confirmed"].number)
        verify_placement(operator, project, "K-CONFIRMED", START - timedelta(days=70), "List")
        for each in projects.values():
            add_document(ADMINISTRATOR, each, "a.pdf", "application/pdf", PDF)
        joined = {"kind": "duplicate_of", "target": projects["development"].number}
        link = add_link(AIGERIM, projects["of the asked"].number, joined)["id"]
    list_key(other, "K-CONFIRMED")
    import_contracts(an_actor(Role.OPERATOR), "contracts.csv", csv_of(row_of(agencies["office"])))
    contract = the_contract().id
    older = {"number": "250001", "contract_number": "5", "sign_date": "2025-12-30", "description_ru": "Сайт"}
    row = row_of(agencies["office"], supplier_biin="941140001336", description_kz="", **older)
    import_contracts(an_actor(Role.OPERATOR), "contracts.csv", csv_of(row))
    decide_match(AIGERIM, contract, projects["contradicted"].number, MatchState.CONFIRMED)
    restrict(projects["restricted"].number)
    audit()
    edit(ADMINISTRATOR, projects["once flagged"], object_commissioned_on="2020-01-01")
    present.set(START)
    audit()
    for name, action in (("referred", "claim"), ("referred", "refer"), ("once flagged", "confirm")):
        act(AIGERIM, case_of(projects[name]), action)
    for name in ("saule", "timur"):
        _person(name, Role.SUPERVISOR, None)
    # Whoever this person admits may read what is restricted there, so it is in no cast.
    _person("administrator of the other ministry", Role.AGENCY_ADMINISTRATOR, other)
    asker = _signed_in("administrator of the other ministry")
    _appeal(asker, projects["appealed"])
    ask(asker, RequestKind.WITHDRAWAL, projects["almost withdrawn"].number, {"reason": "Twice."})
    issue(ADMINISTRATOR, PLATFORM, Role.OPERATOR, None, TERM)
    _person("newcomer", Role.AGENCY_VIEWER, other)
    with transaction() as session:
        session.get_one(Account, id_of("newcomer")).restricted_admitted_at = None
    saule = [_player("saule", Role.SUPERVISOR), _player("saule again", Role.SUPERVISOR)]
    programs = [
        _service("robot of nobody", Role.SUPERVISOR, None),
        _service("robot of saule", Role.SUPERVISOR, None, "saule"),
    ]
    together = [
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
    with transaction() as session:
        accounts = [id_of(player.name) for player in saule]
        session.execute(update(Person).where(Person.account_id.in_(accounts)).values(email="saule@example.kz"))
    # What she does for somebody absent is still done by one person.
    record_absence(_signed_in("rustem"), id_of("rustem"), id_of("saule"), START, START + TERM)
    return World(
        link,
        contract,
        db.session.scalars(select(Contract.id).where(Contract.id != contract)).one(),
        agencies={name: agency.bin for name, agency in agencies.items()},
        projects={name: project.number for name, project in projects.items()},
        accounts={name: id_of(name) for name in ("newcomer", "viewer", "leader", PLATFORM)},
        casts={ALONE: [*saule, *programs], PROGRAMS: [*programs, *saule], TOGETHER: together},
    )


def _appeal(asker: Actor, project: Project) -> None:
    """Let Saule order something, its agency appeal, and another reviewer propose to revoke the order."""
    case = act(AIGERIM, case_of(project), "claim")
    act(AIGERIM, case, "propose", migrate_by(START + TERM))
    act(_signed_in("saule"), case, "approve")
    act(asker, case, "appeal", "The contract is older.")
    act(BOLAT, case, "claim")
    act(BOLAT, case, "propose", NO_BREACH)


def _person(name: str, role: Role, agency: Agency | None) -> None:
    if account_named(name) is None:
        add_person(ADMINISTRATOR, NewPerson(name, role, agency and agency.id), PASSWORD)


def _signed_in(name: str) -> Actor:
    actor = session_of(name)
    assert actor is not None
    return actor


def _player(name: str, role: Role, agency: Agency | None = None) -> Player:
    _person(name, role, agency)
    return Player(name, role, a_token(role, agency, name, timedelta(days=80)))


def _service(name: str, role: Role, agency: Agency | None, owner: str | None = None) -> Player:
    token = issue(
        ADMINISTRATOR,
        name,
        role,
        agency and agency.id,
        TERM,
        scopes=scopes_of_role(role) - OF_PEOPLE,
        owner_account_id=owner and id_of(owner),
    )
    return Player(name, role, token.text, is_person=False, weight=0.3)


@dataclass(frozen=True)
class Kept:
    """What no act may end: flags, scope and records of projects; what none may make: exemptions, readers, supervisors.

    ``registered``: of those that ever had a serious flag.
    """

    flagged: frozenset[str]
    registered: frozenset[str]
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
        flagged=frozenset(db.session.scalars(_ever_flagged().where(Flag.status == FlagStatus.OPEN.value))),
        registered=frozenset(db.session.scalars(_ever_flagged().where(Project.withdrawn_at.is_(None)))),
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
        *(f"{number} is withdrawn" for number in sorted(before.registered - after.registered)),
        *(f"{number} is out of scope" for number in sorted(before.in_scope - after.in_scope)),
        *(f"there is a new exemption: {each}" for each in sorted(after.exemptions - before.exemptions)),
    ]


def _ever_flagged() -> Select[tuple[str]]:
    serious = or_(*(Flag.rule.startswith(kind) for kind in ("freeze.", "integrity.", "contract.")))
    flags = select(Project.number).join(Flag, Flag.project_id == Project.id)
    return flags.where(Flag.severity.in_(SERIOUS), serious)


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
