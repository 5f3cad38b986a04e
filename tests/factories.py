"""Test factories: agencies, projects, actors and tokens, created by the real services with valid defaults."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import delete, select

from registry.accounts.models import Account, AccountKind, Person, account_named, new_account
from registry.accounts.passwords import hash_password
from registry.accounts.roles import AGENCY_ROLES, LOCAL, SESSION_PREFIX, Actor, Role, scopes_of_role
from registry.accounts.service import NewPerson, add_person, person_named
from registry.accounts.sessions import WebSession, secret_hash_of, session_credential, start_session
from registry.accounts.tokens import issue, issue_own_token
from registry.agencies.fields import AGENCY_BODY
from registry.agencies.models import Agency
from registry.agencies.service import register_agency
from registry.approvals.models import Approval
from registry.approvals.service import approve
from registry.core.clock import now, today
from registry.core.database import db, transaction
from registry.core.fields import check_digit
from registry.flags.models import AuditRun
from registry.platform.models import Inventory, InventoryKey
from registry.projects.models import Project
from registry.projects.schemas import PROJECT_PATCH
from registry.projects.service import find_project_to_change, register_project, restrict_project

_serial = itertools.count(1)


def an_actor(role: Role | str, agency: Agency | None = None, name: str | None = None) -> Actor:
    """An actor with the role; the agency roles require an agency. Raises ValueError."""
    role = Role(role)
    if (role in AGENCY_ROLES) != (agency is not None):
        raise ValueError(f"{role.value}: an agency role has an agency, the others have none")
    name, agency_id = name or f"{role.value}@tests", agency.id if agency else None
    return Actor(name, role, agency_id, "127.0.0.1", "tests", is_person=True, credential="session:of-tests")


def with_account(actor: Actor) -> Actor:
    """The actor with an account of that name, a new one if nobody has it."""
    if actor.account_id is not None:
        return actor
    account = account_named(actor.principal)
    if account is None:
        with transaction():
            account = new_account(ADMINISTRATOR, actor.principal, AccountKind.PERSON, actor.role, actor.agency_id)
    return replace(actor, account_id=account.id)


def enrol(new: NewPerson) -> None:
    """Add a person with ``PASSWORD``, also for an account of ``with_account``."""
    account = account_named(new.name)
    if account is None:
        add_person(ADMINISTRATOR, new, PASSWORD)
        return
    assert (account.role, account.agency_id) == (new.role.value, new.agency_id)
    with transaction() as session:
        at = now()
        person = Person(account=account, language=new.language, password_hash=hash_password(PASSWORD))
        person.password_must_change = False
        person.created_at = person.password_set_at = at
        session.add(person)


# Has the credential of the command line, so that its changes need no confirmation by a second person.
ADMINISTRATOR = replace(an_actor(Role.ADMINISTRATOR), credential=LOCAL)
PASSWORD = "a long and quiet password"


def a_bin() -> str:
    """A new, unique BIN."""
    while True:
        serial = next(_serial)
        eleven = f"{serial // 100_000 % 100:02}0140{serial % 100_000:05}"
        digit = check_digit(eleven)
        if digit is not None:
            return f"{eleven}{digit}"


def an_agency(parent: Agency | None = None, **values: Any) -> Agency:
    """A registered agency, by default a central body."""
    number = values.pop("bin", None) or a_bin()
    defaults = {"bin": number, "name_ru": f"Орган {number}", "kind": "central_body"}
    if parent is not None:
        defaults["parent_bin"] = parent.bin
    accepted, problems = AGENCY_BODY.load_filled(defaults | values)
    if problems:
        raise ValueError(problems)
    return register_agency(ADMINISTRATOR, accepted)


def project_values(**values: Any) -> dict[str, Any]:
    """The request body of a registration without the agency: by default a creation of 2026 off the platform."""
    defaults = {
        "external_id": f"T-{next(_serial)}",
        "name_ru": "Информационная система учёта",
        "name_kk": "Есепке алудың ақпараттық жүйесі",
        "object_kind": "system",
        "work_type": "creation",
        "stage": "creation",
        "placement": "off_platform",
        "contract_signed_on": "2026-01-20",
        "work_started_on": "2026-02-01",
        "budget_kzt": 120_000_000,
        "sector": "07",
        "region": "71",
    }
    merged = defaults | values
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in merged.items()}


def a_project(agency: Agency | None = None, actor: Actor | None = None, **values: Any) -> Project:
    """A registered project, by default of a new agency; dates as ``date`` or as text.

    ``change_reason``: why it is registered again.
    """
    accepted, problems = PROJECT_PATCH.load_filled(project_values(**values))
    if problems:
        raise ValueError(problems)
    reason = accepted.pop("change_reason", None)
    return register_project(actor or ADMINISTRATOR, (agency or an_agency()).bin, accepted, (), reason)


def a_token(
    role: Role | str,
    agency: Agency | None = None,
    name: str | None = None,
    lifetime: timedelta | None = timedelta(days=1),
) -> str:
    """A new token of a person, who is created if the name is new; with the person's role or a narrower one."""
    name, role, agency_id = name or f"{Role(role).value}-{next(_serial)}", Role(role), agency.id if agency else None
    if person_named(name) is None:
        enrol(NewPerson(name, role, agency_id))
    account = account_named(name)
    person = Actor(name, Role(account.role), account.agency_id, "127.0.0.1", "tests", account.id, is_person=True)
    # The person's own token, because only such a token may approve decisions.
    actor = in_session(person)
    token = issue_own_token(actor, lifetime, role, scopes=scopes_of_role(role))
    prefix = actor.credential.removeprefix(SESSION_PREFIX)
    with transaction() as session:
        session.execute(delete(WebSession).where(WebSession.secret_hash.startswith(prefix)))
    return token.text


def in_session(person: Actor) -> Actor:
    """The actor of a person with an account, in an open session."""
    assert person.account_id is not None
    with transaction() as session:
        row = session.scalars(select(Person.id).where(Person.account_id == person.account_id)).one()
        secret = start_session(row, person.source)
    return replace(person, credential=session_credential(secret_hash_of(secret)))


def a_service_token(role: Role | str, agency: Agency | None = None, name: str | None = None) -> str:
    """A new token of a service account."""
    name = name or f"service {Role(role).value}-{next(_serial)}"
    return issue(ADMINISTRATOR, name, Role(role), agency.id if agency else None, timedelta(days=1)).text


def an_account(name: str, role: Role | str = Role.OPERATOR) -> Account:
    """A service account, created in the open transaction."""
    return new_account(ADMINISTRATOR, name, AccountKind.SERVICE, Role(role), None)


def bearer(token: str, **headers: str) -> dict[str, str]:
    """The request headers with the token; ``headers`` are added with ``_`` replaced by ``-``."""
    return {"Authorization": f"Bearer {token}", **{name.replace("_", "-"): value for name, value in headers.items()}}


def list_key(agency: Agency, key: str) -> None:
    """Let the last inventory list a key of the agency, so that one person can confirm a placement with it."""
    with transaction() as session:
        inventory = Inventory(at=now(), by="tests", file_name="list.csv", sha256="0" * 64, summary={})
        session.add(inventory)
        session.flush()
        listed = {"agency_id": agency.id, "verified_on": today(), "inventory_id": inventory.id}
        session.add(InventoryKey(platform_key=key, **listed))


def audit_without_findings() -> None:
    """Let a good audit have read every project as it stands, and found nothing."""
    at = now()
    with transaction() as session:
        values = {"policy_version": "2026.1", "policy_digest": "0" * 64, "judged_up_to": 10**6}
        run = AuditRun(on=today(), trigger="manual", status="succeeded", dry_run=False, started_by="tests", **values)
        run.started_at = run.finished_at = run.known_at = at
        session.add(run)


def restrict(number: str, *, is_restricted: bool = True) -> None:
    """Restrict a project, or end its restriction, as an approval does."""
    supervisor = an_actor(Role.SUPERVISOR)
    with transaction():
        restrict_project(supervisor, find_project_to_change(supervisor, number), is_restricted, "State secret")


def approve_waiting(name: str = "second supervisor") -> None:
    """Approve whatever waits, as a supervisor of that name."""
    for approval_id in db.session.scalars(select(Approval.id).where(Approval.state == "waiting")).all():
        approve(an_actor(Role.SUPERVISOR, name=name), approval_id)
