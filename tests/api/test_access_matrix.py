"""Every declared route × every role × own, child and foreign agency, tried with requests that are otherwise right.

What a role may do is written out here, from docs/reference/api.md, and not read from the table that it tests.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.api.blueprint import API_PREFIX
from registry.core.database import db, transaction
from registry.projects.service import find_project_to_change, restrict_project
from tests.api.access_matrix.roles import AGENCY, CASE_READERS, SEE_RESTRICTED
from tests.api.access_matrix.routes import TRIES, expected, prepared as prepared_call, send
from tests.api.access_matrix.world import World
from tests.api.access_matrix.world_making import a_world
from tests.api.callers import Caller, caller
from tests.api.routes import declared_routes
from tests.api.stored_state import changed_tables, stored_state
from tests.factories import an_actor, an_agency
from tests.savepoints import rolled_back


@dataclass(frozen=True)
class Prepared:
    """What all tests of this module begin with; each is rolled back to it."""

    connection: Connection
    home: Agency
    worlds: dict[str, World]


@pytest.fixture(scope="module")
def prepared(shared_app: Flask) -> Iterator[Prepared]:
    """Make the worlds once: for each test, it would take longer than most tests."""
    with rolled_back(shared_app) as connection:
        with shared_app.app_context():
            home = an_agency()
            worlds = {
                "own": a_world(home),
                "child": a_world(an_agency(parent=an_agency(parent=home))),
                "foreign": a_world(an_agency()),
            }
        yield Prepared(connection, home, worlds)


@pytest.fixture
def connection(prepared: Prepared) -> Iterator[Connection]:
    """The connection as elsewhere, rolled back to the worlds."""
    nested = prepared.connection.begin_nested()
    yield prepared.connection
    nested.rollback()


@pytest.fixture
def home(app: Flask, prepared: Prepared) -> Agency:
    """The agency that the agency roles are bound to."""
    return db.session.merge(prepared.home)


@pytest.fixture
def worlds(app: Flask, prepared: Prepared) -> dict[str, World]:
    """The callers' own agency, one far below it, and a foreign one."""
    merge = db.session.merge
    return {
        where: replace(world, agency=merge(world.agency), project=merge(world.project), reviewed=merge(world.reviewed))
        for where, world in prepared.worlds.items()
    }


def test_every_declared_route_is_tried(app: Flask) -> None:
    assert {operation.name for operation in declared_routes(app)} == set(TRIES)


# Rights do not depend on the database; the tests of what is visible run on both.
@pytest.mark.sqlite_only
@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_do_what_the_contract_gives_it_and_nothing_else(
    client: FlaskClient, connection: Connection, home: Agency, worlds: dict[str, World], role: Role, nightly: bool
) -> None:
    who = caller(client, role, home if role in AGENCY else None)
    methods = {operation.name: operation.method for operation in declared_routes(client.application)}
    wrong = []
    for operation, (where, world) in itertools.product(TRIES, worlds.items()):
        # By day other agencies are tried where the answer may hang on them.
        may_differ = role in AGENCY and role in TRIES[operation].allowed and where == "foreign"
        if not (where == "own" or may_differ or nightly):
            continue
        status = expected(role, operation, where)
        call = prepared_call(operation, methods[operation], world)
        before = stored_state(connection) if status >= 400 else None
        with call(who) as answer:
            if answer.status_code != status:
                wrong.append(f"{operation} on {where}: {answer.status_code}, expected {status}: {answer.data[:200]!r}")
        if before is not None:
            changed = changed_tables(before, stored_state(connection))
            wrong += [f"{operation} on {where}: {status}, and changed {changed}"] if changed else []
    assert wrong == []


@pytest.mark.on_both
@pytest.mark.parametrize("role", list(Role))
def test_a_list_shows_own_and_child_and_never_foreign(
    client: FlaskClient, home: Agency, worlds: dict[str, World], role: Role
) -> None:
    who = caller(client, role, home if role in AGENCY else None)
    seen = {"own", "child"} if role in AGENCY else set(worlds)

    projects = {item["number"] for item in who.get("/projects").get_json()["items"]}
    numbers = {item["number"] for item in who.get("/projects?q=учёта").get_json()["items"]}
    exemptions = {item["id"] for item in who.get("/exemptions").get_json()["items"]}

    cases = {item["id"] for item in who.get("/cases").get_json().get("items", ())}
    flagged = {item["project"] for item in who.get("/flags?status=open").get_json()["items"]}

    assert (
        projects == numbers == {of.number for where in seen for of in (worlds[where].project, worlds[where].reviewed)}
    )
    assert cases == {worlds[where].case_id for where in seen if role in CASE_READERS}
    assert flagged == {worlds[where].reviewed.number for where in seen}
    assert exemptions == {worlds[where].exemption_id for where in seen}


@pytest.mark.parametrize("role", list(Role))
def test_a_restricted_project_is_nowhere_for_who_may_not_see_it(
    client: FlaskClient, home: Agency, worlds: dict[str, World], role: Role
) -> None:
    world = worlds["child"]
    supervisor = an_actor(Role.SUPERVISOR)
    with transaction():
        for secret in (world.project, world.reviewed):
            restrict_project(supervisor, find_project_to_change(supervisor, secret.number), True, "Secret")
    who = caller(client, role, home if role in AGENCY else None)
    methods = {operation.name: operation.method for operation in declared_routes(client.application)}
    sees = role in SEE_RESTRICTED

    for operation, tried in TRIES.items():
        if tried.owned and tried.of_project and methods[operation] == "GET":
            status = send(who, operation, "GET", world).status_code
            assert status == (403 if role not in tried.allowed else 200 if sees else 404), operation
    numbers = {item["number"] for item in who.get("/projects").get_json()["items"]}
    assert (world.project.number in numbers) == sees
    exempt = {item["id"] for item in who.get("/exemptions").get_json()["items"]}
    assert (world.exemption_id in exempt) == sees
    assert (world.reviewed.number in {item["project"] for item in who.get("/flags").get_json()["items"]}) == sees
    assert (world.case_id in {item["id"] for item in who.get("/cases").get_json().get("items", ())}) == sees


def test_nothing_answers_without_a_token(client: FlaskClient, worlds: dict[str, World]) -> None:
    nobody = Caller(client, None)
    for operation in declared_routes(client.application):
        answer = send(nobody, operation.name, operation.method, worlds["own"])
        assert operation.rule.startswith(API_PREFIX)
        assert answer.status_code == 401, operation.name
