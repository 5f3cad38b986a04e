"""Idempotency keys and concurrent edits; constraints of the database that mean something else."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import IntegrityError
from werkzeug.test import TestResponse

from registry.accounts.models import NAME_UNIQUE
from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import Base, db, transaction, violates
from registry.http.responses import StoredResponse
from registry.journal.service import JournalEntry
from registry.projects.models import EXTERNAL_ID_UNIQUE, Project
from tests.api.callers import BASE, Caller, caller, code, codes
from tests.factories import a_bin, a_project, a_token, an_account, an_agency, bearer, list_key, project_values
from tests.present import Present

AT_ONCE = 20


def how_many(column: object) -> int:
    return int(db.session.scalar(select(func.count(column))) or 0)


def test_the_same_request_again_gets_the_first_answer_again(editor: Caller, agency: Agency) -> None:
    sent = {"agency": agency.bin, **project_values()}

    first = editor.post("/projects", sent, Idempotency_Key="key 1")
    again = editor.post("/projects", sent, Idempotency_Key="key 1")

    assert (again.status_code, again.data) == (first.status_code, first.data) == (201, first.data)
    for name in ("Location", "ETag", "Content-Type", "Content-Language"):
        assert again.headers[name] == first.headers[name]
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert how_many(Project.id) == 1


def test_another_body_with_the_same_key_is_refused(editor: Caller, agency: Agency) -> None:
    sent = {"agency": agency.bin, **project_values()}
    editor.post("/projects", sent, Idempotency_Key="k")

    answer = editor.post("/projects", sent | {"stage": "pilot"}, Idempotency_Key="k")

    assert (answer.status_code, code(answer)) == (422, "idempotency-key-reused")
    assert how_many(Project.id) == 1


def test_error_response_is_not_stored(editor: Caller, agency: Agency) -> None:
    sent = {"agency": agency.bin, **project_values(external_id="X")}
    wrong = editor.post("/projects", sent | {"stage": "nonsense"}, Idempotency_Key="k")
    taken_by = a_project(agency, external_id="X")
    taken = editor.post("/projects", sent, Idempotency_Key="k")
    editor.change(f"/projects/{taken_by.number}", {"external_id": None})

    right = editor.post("/projects", sent, Idempotency_Key="k")

    assert [answer.status_code for answer in (wrong, taken, right)] == [422, 409, 201]


def test_a_key_is_its_principals_and_its_routes_own(
    client: object, editor: Caller, administrator: Caller, agency: Agency
) -> None:
    sent = {"agency": agency.bin, **project_values(external_id=None)}

    numbers = {who.post("/projects", sent, Idempotency_Key="k").get_json()["number"] for who in (editor, administrator)}
    check = editor.post("/projects/check", sent, Idempotency_Key="k")

    assert len(numbers) == 2
    assert check.status_code == 200


def test_two_tokens_of_one_principal_share_their_keys(client: object, agency: Agency) -> None:
    first, second = (caller(client, Role.AGENCY_EDITOR, agency, name="a.serikova") for _ in range(2))
    sent = {"agency": agency.bin, **project_values()}

    one = first.post("/projects", sent, Idempotency_Key="k")
    two = second.post("/projects", sent, Idempotency_Key="k")

    assert one.data == two.data


def test_response_to_a_wider_token_is_not_given_to_a_narrower_one(client: object) -> None:
    supervisor, operator = (caller(client, role, name="saule") for role in (Role.SUPERVISOR, Role.OPERATOR))
    path, sent = "/audits", {"dry_run": True}

    first = supervisor.post(path, sent, Idempotency_Key="k")
    narrower = operator.post(path, sent, Idempotency_Key="k")

    assert first.status_code == 201
    assert (narrower.status_code, code(narrower)) == (422, "idempotency-key-reused")
    assert supervisor.post(path, sent, Idempotency_Key="k").data == first.data


def test_a_key_is_forgotten_after_24_hours(client: object, agency: Agency, present: Present) -> None:
    present.set(date(2026, 6, 1))
    editor = Caller(client, a_token("agency_editor", agency, lifetime=None))
    sent = {"agency": agency.bin, **project_values(external_id=None)}

    def number() -> str:
        return str(editor.post("/projects", sent, Idempotency_Key="k").get_json()["number"])

    first = number()
    present.move(timedelta(hours=23, minutes=59))
    assert number() == first
    present.move(timedelta(minutes=2))
    assert number() != first
    assert how_many(StoredResponse.id) == 1


def test_an_upload_is_the_same_whatever_its_boundary(editor: Caller, agency: Agency) -> None:
    path = f"/projects/{a_project(agency).number}/documents"

    first = editor.upload(path, b"content", Idempotency_Key="k")
    again = editor.upload(path, b"content", Idempotency_Key="k")
    other = editor.upload(path, b"other", Idempotency_Key="k")

    assert first.data == again.data
    assert code(other) == "idempotency-key-reused"


def test_a_key_that_is_empty_too_long_or_not_ascii_is_refused(editor: Caller, agency: Agency) -> None:
    sent = {"agency": agency.bin, **project_values()}
    for key in ("", "x" * 201, "a\tb", "кілт"):
        answer = editor.post("/projects", sent, Idempotency_Key=key)
        assert (answer.status_code, codes(answer)) == (400, {("Idempotency-Key", "idempotency-key-not-usable")}), key
    assert editor.post("/projects", sent, Idempotency_Key="x" * 200).status_code == 201


def test_stored_response_is_not_returned_without_the_permission(
    supervisor: Caller, editor: Caller, agency: Agency
) -> None:
    number = a_project(agency, placement="on_platform").number
    list_key(agency, "k")
    sent = {"platform_key": "k", "verified_on": "2026-01-05", "evidence": "List"}

    done = supervisor.post(f"/projects/{number}/placement-verification", sent, Idempotency_Key="k")

    assert done.status_code == 200
    assert editor.post(f"/projects/{number}/placement-verification", sent, Idempotency_Key="k").status_code == 403


def test_posts_at_once_with_one_key_make_one_project(own_app: Flask) -> None:
    with own_app.app_context():
        agency = an_agency()
        sent = {"agency": agency.bin, **project_values()}
        headers = bearer(a_token("agency_editor", agency), Idempotency_Key="one")
        before = how_many(JournalEntry.seq)
    answers: list[tuple[int, bytes]] = []
    gate = threading.Barrier(AT_ONCE)

    def post() -> None:
        client = own_app.test_client()
        gate.wait()
        answer = client.post(f"{BASE}/projects", json=sent, headers=headers)
        answers.append((answer.status_code, answer.data))

    threads = [threading.Thread(target=post) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == AT_ONCE
    assert set(answers) == {answers[0]}
    assert answers[0][0] == 201
    with own_app.app_context():
        assert how_many(Project.id) == 1
        assert how_many(JournalEntry.seq) == before + 1


def test_contended_edits_lose_none(own_app: Flask) -> None:
    with own_app.app_context():
        agency = an_agency()
        number = a_project(agency, budget_kzt=0).number
        token = a_token("agency_editor", agency)

    def add_one() -> None:
        editor = Caller(own_app.test_client(), token)
        done = False
        while not done:
            read = editor.get(f"/projects/{number}")
            raised = read.get_json()["budget_kzt"] + 1
            answer = editor.patch(f"/projects/{number}", {"budget_kzt": raised}, If_Match=read.headers["ETag"])
            assert answer.status_code in (200, 412)
            done = answer.status_code == 200

    threads = [threading.Thread(target=add_one) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with own_app.app_context():
        assert db.session.scalar(select(Project.budget_kzt).where(Project.number == number)) == 10


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


@pytest.mark.on_both
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


@pytest.mark.on_both
def test_names_that_are_compared_are_those_of_the_database(own_app: Flask) -> None:
    with own_app.app_context():
        inspector = inspect(db.engine)
        present = set()
        for table in Base.metadata.tables:
            present |= {each["name"] for each in inspector.get_unique_constraints(table)}
            present |= {each["name"] for each in inspector.get_indexes(table) if each["unique"]}
        db.session.remove()
    assert set(KNOWN) <= present


@pytest.mark.on_both
def test_constraint_that_is_violated_is_recognised_by_its_name(world: World) -> None:
    with pytest.raises(IntegrityError) as refused, transaction() as session:
        row = dict(session.execute(text("SELECT * FROM agencies")).mappings().one())
        names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
        session.execute(text(f"INSERT INTO agencies ({names}) VALUES ({values})"), row | {"id": 4711})
    assert violates(refused.value, "uq_agencies_bin")
    assert not violates(refused.value, EXTERNAL_ID_UNIQUE)
