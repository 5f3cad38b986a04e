"""A row that an unknown constraint refuses is a mistake of the program or of the database: 500, and in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError
from werkzeug.test import TestResponse

from registry.accounts.models import NAME_UNIQUE
from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import Base, db, transaction, violates
from registry.projects.models import EXTERNAL_ID_UNIQUE
from tests.api.callers import Caller, caller
from tests.factories import a_bin, a_project, an_account, an_agency, project_values

pytestmark = pytest.mark.on_both

KNOWN = (
    *NAME_UNIQUE,
    EXTERNAL_ID_UNIQUE,
    "uq_agencies_bin",
    "uq_saved_views_account_id_name",
    "uq_policy_versions_version",
    "uq_aitu_links_peer_id",
    "uq_requests_waiting_agency",
    "uq_requests_waiting_project",
    "uq_watches_case_id_account_id",
    "uq_watches_project_id_account_id",
)


class World:
    """Callers, and a project of an agency, in a database that the tests may alter."""

    def __init__(self, app: Flask) -> None:
        client = app.test_client()
        self.agency: Agency = an_agency()
        self.project = a_project(self.agency).number
        self.administrator: Caller = caller(client, Role.ADMINISTRATOR)
        self.editor: Caller = caller(client, Role.AGENCY_EDITOR, self.agency)
        self.supervisor: Caller = caller(client, Role.SUPERVISOR)
        with transaction():
            self.account = an_account("program")

    def new_project(self) -> dict[str, object]:
        return {**project_values(), "agency": self.agency.bin}


@pytest.fixture
def world(own_app: Flask) -> Iterator[World]:
    with own_app.app_context():
        yield World(own_app)


def refuse_rows_of(table: str) -> None:
    """Let a constraint that the service does not know refuse every new and every changed row."""
    with db.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT another CHECK (false) NOT VALID"))
            return
        for event in ("INSERT", "UPDATE"):
            body = f"BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, 'another'); END"
            connection.execute(text(f"CREATE TRIGGER another_{table}_{event} {body}"))


# Each table whose rows are refused from then on, and what writes to it.
WRITES: tuple[tuple[str, *tuple[Callable[[World], TestResponse], ...]], ...] = (
    ("watches", lambda world: world.supervisor.put(f"/projects/{world.project}/watch", {})),
    (
        "saved_views",
        lambda world: world.supervisor.post("/views", {"name": "New", "list": "cases", "query": {"status": "new"}}),
    ),
    (
        "policy_versions",
        lambda world: world.supervisor.post("/policies", {"version": "2026.2", "based_on": "2026.1"}),
    ),
    (
        "requests",
        lambda world: world.editor.post(f"/projects/{world.project}/withdrawal", {"reason": "Registered twice."}),
    ),
    (
        "projects",
        lambda world: world.editor.post("/projects", world.new_project()),
        lambda world: world.editor.change(f"/projects/{world.project}", {"name_ru": "Другое имя"}),
        lambda world: world.editor.post("/projects/batch", {"items": [world.new_project()], "atomic": False}),
    ),
    (
        "agencies",
        lambda world: world.administrator.post(
            "/agencies", {"bin": a_bin(), "name_ru": "Орган", "kind": "central_body"}
        ),
    ),
    (
        "accounts",
        lambda world: world.administrator.post("/accounts", {"name": "another", "kind": "service", "role": "operator"}),
    ),
)


def test_unknown_constraint_is_no_conflict(world: World, caplog: pytest.LogCaptureFixture) -> None:
    for table, *writes in WRITES:
        refuse_rows_of(table)
        for write in writes:
            caplog.clear()
            with caplog.at_level(logging.ERROR, "registry"):
                answer = write(world)
            problem = (answer.status_code, answer.get_json()["type"])
            assert problem == (500, "urn:qaztech-registry:problem:internal-error"), table
            (logged,) = [record for record in caplog.records if record.exc_info]
            assert isinstance(logged.exc_info[1], IntegrityError) and "another" in str(logged.exc_info[1]), table


def test_names_that_are_compared_are_those_of_the_database(own_app: Flask) -> None:
    with own_app.app_context():
        inspector = inspect(db.engine)
        present = set()
        for table in Base.metadata.tables:
            present |= {each["name"] for each in inspector.get_unique_constraints(table)}
            present |= {each["name"] for each in inspector.get_indexes(table) if each["unique"]}
        db.session.remove()
    assert set(KNOWN) <= present


def test_constraint_that_is_violated_is_recognised_by_its_name(world: World) -> None:
    with pytest.raises(IntegrityError) as refused, transaction() as session:
        row = dict(session.execute(text("SELECT * FROM agencies")).mappings().one())
        names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
        session.execute(text(f"INSERT INTO agencies ({names}) VALUES ({values})"), row | {"id": 4711})
    assert violates(refused.value, "uq_agencies_bin")
    assert not violates(refused.value, EXTERNAL_ID_UNIQUE)
