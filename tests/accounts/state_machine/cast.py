"""Who is there at the beginning of every story: agencies, people with their ways in, and two open cases."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.sessions import find_session_user
from registry.accounts.sign_in import sign_in
from registry.accounts.tokens import issue_own_token
from registry.agencies.models import Agency
from registry.audits.service import run_audit
from registry.cases.models import Case
from registry.core.database import db
from tests.accounts.state_machine.knowledge import Key, Knowledge, Office
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, an_actor, an_agency

# They have no account yet.
NEWCOMERS = ("madi", "nurlan", "zarina")


@dataclass(frozen=True)
class Cast:
    """What a story begins with. ``humans``: everybody at a keyboard."""

    known: Knowledge
    humans: tuple[str, ...]
    ministry: Office
    office: Office
    elsewhere: Office
    case_ids: tuple[int, ...]


def address_of(human: str) -> str:
    """The e-mail address of a person."""
    return f"{human}@gov.kz"


def gather() -> Cast:
    """Create everything in the database."""
    ministry, elsewhere = an_agency(), an_agency()
    office = an_agency(ministry)
    known = Knowledge()
    for name, role, agency in (
        ("aset", Role.ADMINISTRATOR, None),
        ("botagoz", Role.ADMINISTRATOR, None),
        ("saule", Role.SUPERVISOR, None),
        ("timur", Role.REVIEWER, None),
        ("marat", Role.REVIEWER, None),
        ("aidana", Role.AGENCY_ADMINISTRATOR, ministry),
        ("erlan", Role.AGENCY_EDITOR, office),
        ("gulnar", Role.AGENCY_EDITOR, office),
        ("dina", Role.AGENCY_EDITOR, elsewhere),
    ):
        _admit(known, name, role, agency)
    projects = [a_project(office), a_project(elsewhere)]
    run_audit(an_actor(Role.OPERATOR))
    cases = db.session.scalars(select(Case.id).where(Case.project_id.in_([each.id for each in projects])))
    return Cast(
        known,
        (*sorted(known.owner.values()), *NEWCOMERS),
        Office(ministry.id, ministry.bin, frozenset({ministry.id, office.id})),
        Office(office.id, office.bin, frozenset({office.id})),
        Office(elsewhere.id, elsewhere.bin, frozenset({elsewhere.id})),
        tuple(sorted(cases)),
    )


def _admit(known: Knowledge, name: str, role: Role, agency: Agency | None) -> None:
    """A person with an account, a session and a token."""
    password = f"{PASSWORD} {known.next_serial()}"
    agency_id = None if agency is None else agency.id
    person = add_person(ADMINISTRATOR, NewPerson(name, role, agency_id, address_of(name)), password)
    account_id = person.account_id
    known.add_account(account_id, name, role, agency_id)
    known.learn(account_id, password, name)
    secret = sign_in(name, password, f"10.1.0.{known.serial}", "r").secret
    known.keep(Key(account_id, secret, name))
    user = find_session_user(secret, "10.0.0.1", "r")
    assert user is not None
    known.keep(Key(account_id, issue_own_token(user.actor).text, name, is_token=True))
