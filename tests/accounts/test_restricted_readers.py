"""Restricted projects of an agency are read by accounts that its own administrator, or a supervisor, admitted."""

from __future__ import annotations

import ast
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from registry.accounts.account_changes import change_role, command_actor, disable_account, enable_account
from registry.accounts.factors import reset_factors
from registry.accounts.handover import move_people
from registry.accounts.models import Account, Person, account_actor, account_named
from registry.accounts.passwords import Invitation, invitation_key
from registry.accounts.people_import import import_people
from registry.accounts.roles import AGENCY_ROLES, Actor, Permission, Role, scopes_of_role
from registry.accounts.same_person import change_owner
from registry.accounts.service import (
    NewPerson,
    accept_invitation,
    add_person,
    edit_account,
    person_named,
    request_password_link,
    set_password,
)
from registry.accounts.tokens import add_service_account, issue, issue_own_token
from registry.agencies.models import Agency
from registry.approvals.models import Approval
from registry.approvals.service import approve
from registry.core.database import db, transaction
from registry.notifications.immediate import process_outbox
from registry.settings import CHECKOUT
from tests.api.callers import Caller, code
from tests.factories import (
    ADMINISTRATOR as LOCAL,
    PASSWORD,
    a_project,
    an_actor,
    an_agency,
    bearer,
    in_session,
    restrict,
)
from tests.webhooks.world import a_webhook, webhook_now

FIRST = an_actor(Role.ADMINISTRATOR, name="first")
SAULE = an_actor(Role.SUPERVISOR, name="saule")
OTHER = "quite another password"


class World:
    """An agency with a restricted project, its administrator, and two people of oversight."""

    def __init__(self) -> None:
        self.agency, self.other = an_agency(), an_agency()
        self.project = a_project(self.agency)
        restrict(self.project.number)
        for name, role in (("first", Role.ADMINISTRATOR), ("second", Role.ADMINISTRATOR), ("saule", Role.SUPERVISOR)):
            add_person(LOCAL, NewPerson(name, role, email=f"{name}@example.kz"), PASSWORD)
        add_person(LOCAL, NewPerson("aida", Role.AGENCY_ADMINISTRATOR, self.agency.id), PASSWORD)

    def admitted(self, role: Role = Role.AGENCY_EDITOR, agency: Agency | None = None) -> int:
        """A person whom the administrator of the agency added."""
        return add_person(LOCAL, self.new(role, agency), PASSWORD).account_id

    def new(self, role: Role = Role.AGENCY_EDITOR, agency: Agency | None = None) -> NewPerson:
        return NewPerson("new", role, (agency or self.agency).id, "new@example.kz")


@pytest.fixture
def world(app: Flask) -> World:
    return World()


def account(name: str = "new") -> Account:
    db.session.rollback()
    named = account_named(name)
    assert named is not None
    return named


def of(name: str) -> Actor:
    """The person as the actor of a new session."""
    return in_session(account_actor(account(name), "", "127.0.0.1", "tests"))


def numbers(client: FlaskClient, name: str = "new") -> list[str]:
    """The projects that the account reads with a token, from the API."""
    # That of a service account by somebody who may admit it, so that the token changes nothing.
    is_person = account(name).is_person
    text = issue_own_token(of(name)).text if is_person else issue(LOCAL, name, None, None, timedelta(days=1)).text
    answer = client.get("/api/v1/projects", headers=bearer(text))
    assert answer.status_code == 200, answer.get_json()
    return [item["number"] for item in answer.get_json()["items"]]


def waiting() -> list[Approval]:
    db.session.rollback()
    statement = select(Approval).where(Approval.kind == "restricted_reader", Approval.state == "waiting")
    return list(db.session.scalars(statement))


# Ways in which one person outside of the agency comes to an account of it.


def added(world: World) -> None:
    add_person(FIRST, world.new(), PASSWORD)


def imported(world: World) -> None:
    table = f"name,email,role,agency,language\nnew,new@example.kz,agency_viewer,{world.agency.bin},ru\n"
    assert import_people(FIRST, table.encode(), dry_run=False).created


def imported_by_command(world: World) -> None:
    table = f"name,email,role,agency,language\nnew,new@example.kz,agency_viewer,{world.agency.bin},ru\n"
    assert import_people(command_actor(), table.encode(), dry_run=False).created


def added_by_command(world: World) -> None:
    add_person(command_actor(), world.new(), PASSWORD)


def a_service(world: World) -> None:
    add_service_account(FIRST, "new", Role.AGENCY_EDITOR, world.agency.id)


def a_service_by_command(world: World) -> None:
    issue(command_actor(), "new", Role.AGENCY_EDITOR, world.agency.id, timedelta(days=1))


def a_service_with_a_token(world: World) -> None:
    issue(FIRST, "new", Role.AGENCY_EDITOR, world.agency.id, timedelta(days=1))


def another_token_of_a_service(world: World) -> None:
    add_service_account(LOCAL, "new", Role.AGENCY_EDITOR, world.agency.id)
    issue(FIRST, "new", None, None, timedelta(days=1))


def enabled(world: World) -> None:
    disable_account(LOCAL, world.admitted())
    enable_account(FIRST, account().id)


def moved(world: World) -> None:
    change_role(FIRST, world.admitted(agency=world.other), Role.AGENCY_EDITOR, world.agency.id)


def moved_among_many(world: World) -> None:
    world.admitted(agency=world.other)
    person = person_named("new")
    assert move_people(FIRST, [person.id], world.agency.id).moved == ["new"]


def with_another_role(world: World) -> None:
    change_role(FIRST, world.admitted(), Role.AGENCY_ADMINISTRATOR, world.agency.id)


def from_oversight(world: World) -> None:
    add_person(LOCAL, NewPerson("new", Role.OPERATOR, email="new@example.kz"), PASSWORD)
    change_role(FIRST, account().id, Role.AGENCY_VIEWER, world.agency.id)


def with_another_password(world: World) -> None:
    world.admitted()
    person = person_named("new")
    set_password(FIRST, person.id, OTHER, must_change=False)


def with_another_address(world: World) -> None:
    edit_account(FIRST, world.admitted(), {"email": "first.again@example.kz"})


def with_a_link_to_a_planted_address(world: World, role: Role = Role.AGENCY_EDITOR) -> None:
    add_person(FIRST, world.new(role), PASSWORD)
    approve(SAULE, waiting()[0].id)
    request_password_link("new", "127.0.0.1", "tests")
    process_outbox(with_mail=True)
    key = invitation_key(db.session.scalars(select(Invitation.id)).one())
    assert accept_invitation(key, OTHER, "127.0.0.1", "tests") == "new"


def with_a_link_to_an_administrator_of_the_agency(world: World) -> None:
    with_a_link_to_a_planted_address(world, Role.AGENCY_ADMINISTRATOR)


def without_factors(world: World) -> None:
    reset_factors(FIRST, world.admitted())


def an_agency_administrator(world: World) -> None:
    add_person(FIRST, world.new(Role.AGENCY_ADMINISTRATOR), PASSWORD)


def through_a_puppet(world: World) -> None:
    add_person(FIRST, NewPerson("puppet", Role.AGENCY_ADMINISTRATOR, world.agency.id), PASSWORD)
    add_person(of("puppet"), world.new(), PASSWORD)


WAYS: list[Callable[[World], None]] = [
    *(added, imported, imported_by_command, added_by_command, a_service, a_service_by_command, a_service_with_a_token),
    *(another_token_of_a_service, enabled, moved, moved_among_many, with_another_role, from_oversight),
    *(with_another_password, with_another_address, without_factors, an_agency_administrator, through_a_puppet),
    *(with_a_link_to_a_planted_address, with_a_link_to_an_administrator_of_the_agency),
]


def test_nobody_outside_the_agency_reads_its_restricted_projects_through_an_account_alone(
    client: FlaskClient, world: World, each_example: Callable[[], AbstractContextManager[None]]
) -> None:
    number = world.project.number
    for way in WAYS:
        with each_example():
            db.session.add_all((world.agency, world.other))
            way(world)
            ready()

            assert not account().is_admitted, way
            assert numbers(client) == [], way
            (approval,) = [each for each in waiting() if each.payload["account"] == account().id]
            approve(SAULE, approval.id)
            assert account().is_admitted, way
            assert numbers(client) == [number], way


def ready() -> None:
    """Let the person sign in without changing the password first: that is another rule."""
    with transaction() as session:
        session.execute(update(Person).values(password_must_change=False))


def test_what_its_own_administrator_makes_reads_them_at_once(client: FlaskClient, world: World) -> None:
    add_person(of("aida"), world.new(), PASSWORD, must_change=False)

    assert numbers(client) == [world.project.number]
    assert (waiting(), account().restricted_admitted_account_id) == ([], of("aida").account_id)


def test_its_own_administrator_approves_what_a_system_administrator_made(client: FlaskClient, world: World) -> None:
    added(world)
    (approval,) = waiting()
    for name in ("second", "first"):
        answer = Caller(client, token_of(name)).post(f"/approvals/{approval.id}/approval", {})
        assert (answer.status_code, code(answer)) == (403, "role-not-allowed")

    shown = Caller(client, token_of("aida")).get(f"/approvals/{approval.id}").get_json()
    done = Caller(client, token_of("aida")).post(f"/approvals/{approval.id}/approval", {})

    assert shown["effects"] == {"restricted": 1, "readers": 1}
    assert {"name": "reads_restricted", "before": False, "after": True} in shown["changes"]
    assert done.get_json()["state"] == "approved"
    assert account().restricted_admitted_account_id == of("aida").account_id


def token_of(name: str) -> str:
    actor = of(name)
    return issue_own_token(actor, scopes=scopes_of_role(actor.role)).text


def test_neither_the_account_itself_nor_another_agency_admits_it(client: FlaskClient, world: World) -> None:
    an_agency_administrator(world)
    add_person(LOCAL, NewPerson("stranger", Role.AGENCY_ADMINISTRATOR, world.other.id), PASSWORD)
    ready()
    (approval,) = waiting()

    own = Caller(client, token_of("new")).post(f"/approvals/{approval.id}/approval", {})
    strange = Caller(client, token_of("stranger")).post(f"/approvals/{approval.id}/approval", {})

    assert (own.status_code, code(own)) == (403, "role-not-allowed")
    assert (strange.status_code, code(strange)) == (404, "approval-not-found")
    assert not account().is_admitted


def by_approval(world: World) -> None:
    set_password(FIRST, person_named("new").id, OTHER)
    approve(SAULE, waiting()[0].id)


def by_its_own_administrator(world: World) -> None:
    change_role(of("aida"), account().id, Role.AGENCY_EDITOR, world.agency.id)


@pytest.mark.parametrize("admit", [by_approval, by_its_own_administrator])
def test_webhooks_from_before_an_admission_read_nothing_until_their_owner_enables_them(
    world: World, admit: Callable[[World], None]
) -> None:
    world.admitted(Role.AGENCY_VIEWER)
    set_password(FIRST, person_named("new").id, PASSWORD)
    ready()
    webhook, _secret = a_webhook(of("new"), "http://127.0.0.1:9/")

    admit(world)

    assert account().is_admitted
    assert webhook_now(webhook).disabled_reason == "rights"


def test_moving_ends_the_admission_and_the_owner_of_a_service_account_gains_none(world: World) -> None:
    add_service_account(LOCAL, "new", Role.AGENCY_EDITOR, world.agency.id)
    aida = account("aida").id
    change_owner(FIRST, account().id, aida)
    assert account().is_admitted
    change_role(FIRST, account().id, Role.AGENCY_EDITOR, world.other.id)
    assert not account().is_admitted


def test_a_proposal_from_before_another_change_cannot_be_approved(client: FlaskClient, world: World) -> None:
    added(world)
    (approval,) = waiting()
    change_role(FIRST, account().id, Role.AGENCY_ADMINISTRATOR, world.agency.id)

    answer = Caller(client, token_of("saule")).post(f"/approvals/{approval.id}/approval", {})

    assert (answer.status_code, code(answer)) == (409, "approval-not-waiting")
    assert len(waiting()) == 1 and not account().is_admitted


def test_the_lack_of_an_admission_reaches_every_permission_of_the_account() -> None:
    for role in AGENCY_ROLES:
        actor = Actor("x", role, 1, is_admitted=False)
        assert not actor.may(Permission.RESTRICTED_READ) and not actor.may(Permission.RESTRICTED_ADMIT)
        assert actor.may(Permission.PROJECTS_READ)


def test_every_actor_of_an_account_knows_whether_it_is_admitted() -> None:
    without = [
        f"{path.relative_to(CHECKOUT)}:{call.lineno}"
        for path in sorted((CHECKOUT / "registry").rglob("*.py"))
        if "Actor(" in (source := path.read_text(encoding="utf-8"))
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Actor"
        if {each.arg for each in call.keywords} >= {"account_id"}
        if "is_admitted" not in {each.arg for each in call.keywords}
    ]
    assert without == []
