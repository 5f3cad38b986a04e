"""Scopes and address ranges of tokens at the API: every endpoint names the scope that is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from registry.accounts.models import account_named
from registry.accounts.roles import Role, Scope, StepUpRequired, scopes_of_role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import issue_own_token
from registry.agencies.models import Agency
from registry.api.blueprint import scopes_needed
from tests.api.access_matrix.routes import TRIES, send
from tests.api.access_matrix.world import World
from tests.api.access_matrix.world_making import a_world
from tests.api.callers import Caller, code
from tests.api.routes import declared_routes
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor, an_agency, in_session


@pytest.fixture
def home(client: FlaskClient) -> Agency:
    return an_agency()


@pytest.fixture
def world(home: Agency) -> World:
    return a_world(home)


def limited(client: FlaskClient, role: Role, *scopes: Scope) -> Caller:
    """A person's own token with these scopes only."""
    name = f"{role.value} with {len(scopes)}"
    if account_named(name) is None:
        add_person(ADMINISTRATOR, NewPerson(name, role), PASSWORD)
    account = account_named(name)
    person = in_session(replace(an_actor(role, name=name), account_id=account.id))
    return Caller(client, issue_own_token(person, scopes=scopes).text)


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.ADMINISTRATOR])
def test_token_without_a_scope_is_refused_where_it_is_needed(client: FlaskClient, world: World, role: Role) -> None:
    operations = list(declared_routes(client.application))
    wrong = []
    for scope in Scope:
        others = sorted(scopes_of_role(role) - {scope})
        who = limited(client, role, *others)
        for operation in operations:
            if role not in TRIES[operation.name].allowed or scope not in scopes_needed(operation.permissions):
                continue
            with send(who, operation.name, operation.method, world) as answer:
                body = answer.get_json()
                if (answer.status_code, code(answer)) != (403, "scope-not-granted") or scope not in body["detail"]:
                    wrong.append(f"{operation.name} without {scope}: {answer.status_code} {answer.data[:200]!r}")
    assert wrong == []


def test_step_up_is_answered_with_403() -> None:
    assert StepUpRequired(minutes=15).status == 403
