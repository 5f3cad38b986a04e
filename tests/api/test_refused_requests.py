"""A request that is refused has changed nothing, and a token with the documented scopes does what they are for."""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection
from werkzeug.datastructures import FileStorage

from registry.accounts.models import account_named
from registry.accounts.roles import Role, Scope, scopes_of_role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import issue_own_token
from registry.agencies.models import Agency
from registry.api.blueprint import scopes_needed
from tests.api.access_matrix.roles import AGENCY
from tests.api.access_matrix.routes import TRIES, path_of, prepared
from tests.api.access_matrix.world import World
from tests.api.access_matrix.world_making import a_world
from tests.api.callers import MERGE_PATCH, Altered, Caller, code
from tests.api.routes import Operation, declared_routes
from tests.api.stored_state import changed_tables, stored_state, taken_back
from tests.factories import ADMINISTRATOR, PASSWORD, a_token, an_actor, an_agency, in_session

# Rights do not depend on the database.
pytestmark = pytest.mark.sqlite_only

# What an operation about others' records needs besides, as api.md says.
OF_OTHERS = {
    "revoke_token": Scope.READ,
    "read_one_import": Scope.READ,
    "list_import_errors": Scope.READ,
    "list_import_rows": Scope.READ,
    "run_import": Scope.READ,
    "answer_import": Scope.READ,
    "undo_import": Scope.READ,
    "download_marked_import": Scope.READ,
    # The scope for proposing it: a change of an agency.
    "cancel_proposal": Scope.PROJECTS_WRITE,
    # Here of an account that is not pending, and of a draft that was never activated: 409 for who sees them, else 404.
    "confirm_account": Scope.READ,
    "withdraw_policy_activation": Scope.AUDITS_RUN,
}
# A new token of one's own has all scopes of the role, so that one with fewer creates none without naming them.
WIDER_THAN_ITSELF = {"create_token"}


@pytest.fixture
def home(client: FlaskClient) -> Agency:
    return an_agency()


@pytest.fixture
def world(home: Agency) -> World:
    return a_world(home)


@pytest.fixture
def operations(client: FlaskClient, nightly: bool) -> list[tuple[Operation, Role]]:
    """Every operation at night, else every sixth; with one role that may call it."""
    declared = [(operation, TRIES[operation.name].sender) for operation in declared_routes(client.application)]
    return declared if nightly else declared[::6]


def with_scopes(client: FlaskClient, role: Role, home: Agency, scopes: set[Scope]) -> Caller:
    """A person's own token with these scopes only."""
    agency, name = home if role in AGENCY else None, f"has scopes as {role.value}"
    if account_named(name) is None:
        add_person(ADMINISTRATOR, NewPerson(name, role, agency.id if agency else None), PASSWORD)
    account = account_named(name)
    person = in_session(replace(an_actor(role, agency, name), account_id=account.id))
    return Caller(client, issue_own_token(person, scopes=scopes).text)


def test_token_with_the_documented_scopes_alone_may_what_they_are_for(
    client: FlaskClient,
    connection: Connection,
    operations: list[tuple[Operation, Role]],
    home: Agency,
    world: World,
) -> None:
    wrong = []
    for operation, role in operations:
        if operation.name in WIDER_THAN_ITSELF:
            continue
        scopes = {*scopes_needed(operation.permissions), *filter(None, [OF_OTHERS.get(operation.name)])}
        statuses = []
        # With all scopes of the role: some operations need another one before them, and answer 409.
        for granted in (scopes, set(scopes_of_role(role))):
            with taken_back(connection):
                call = prepared(operation.name, operation.method, world)
                with call(with_scopes(client, role, home, granted)) as answer:
                    statuses.append(answer.status_code)
        if statuses[0] != statuses[1]:
            wrong.append((operation.name, sorted(scopes), statuses))
    assert not wrong, wrong


def test_dry_run_without_the_scope_to_read_is_refused_before_it_runs(
    client: FlaskClient, connection: Connection, home: Agency, world: World
) -> None:
    runs = with_scopes(client, Role.OPERATOR, home, {Scope.AUDITS_RUN})
    before = stored_state(connection)
    answer = runs.post("/audits", {"dry_run": True})
    assert (answer.status_code, code(answer)) == (403, "scope-not-granted")
    assert changed_tables(before, stored_state(connection)) == []
    assert runs.post("/audits", {}).status_code == 201
    reads = with_scopes(client, Role.OPERATOR, home, {Scope.AUDITS_RUN, Scope.READ})
    assert reads.post("/audits", {"dry_run": True}).status_code == 201


def test_token_that_may_import_alone_imports_projects_and_agencies(
    client: FlaskClient, home: Agency, world: World
) -> None:
    imports = with_scopes(client, Role.ADMINISTRATOR, home, {Scope.IMPORTS_RUN})
    assert imports.post("/projects", {}).status_code == 403
    for kind, table in (
        ("projects", b"agency,external_id,name_ru,object_kind,work_type,stage,placement\n"),
        ("agencies", b"bin,name_ru,kind\n"),
    ):
        file = FileStorage(io.BytesIO(table), "table.csv", content_type="text/csv")
        answer = imports.form("/imports", {"kind": kind, "file": file})
        assert answer.status_code == 202, answer.get_json()


def test_wrong_bodies_old_tags_and_unknown_records_change_nothing(
    client: FlaskClient,
    connection: Connection,
    operations: list[tuple[Operation, Role]],
    home: Agency,
    world: World,
) -> None:
    wrong, seen = [], Counter[int]()
    for operation, role in operations:
        if operation.method == "GET":
            continue
        right = path_of(operation.name, world)
        unknown = re.sub(
            r"/[^/]*[0-9][^/]*", "/QT-2026-0999999-9" if "/projects/" in right else "/999999", right, count=1
        )
        for status, path, tag, wrong_body in (
            (422, right, "*", True),
            (412, right, '"old"', False),
            (404, unknown, "*", False),
        ):
            with taken_back(connection):
                call = prepared(operation.name, operation.method, world)
                who = Altered(client, a_token(role, home if role in AGENCY else None))
                who.path, who.tag = path, tag
                before = stored_state(connection)
                if wrong_body:
                    kind = MERGE_PATCH if operation.method == "PATCH" else "application/json"
                    answer = who.call(operation.method, path, json={"no_such_field": 1}, content_type=kind)
                else:
                    answer = call(who)
                seen[answer.status_code] += 1
                if answer.status_code >= 400:
                    changed = changed_tables(before, stored_state(connection))
                    wrong += [(operation.name, answer.status_code, changed)] if changed else []
                if answer.status_code < 400 and (status == 422 and operation.body is not None):
                    wrong.append((operation.name, answer.status_code, ["took an unknown field"]))
    assert not wrong, wrong
    assert (seen[404] > 6, seen[412] > 0, seen[422] > 8) == (True, True, True), seen
