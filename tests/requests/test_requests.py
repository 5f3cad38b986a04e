"""Requests: who asks, who confirms, what the API answers, whatever the kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, event, insert

from registry.accounts.models import account_named
from registry.accounts.roles import Actor, Role
from registry.accounts.same_person import change_owner
from registry.accounts.service import NewPerson, add_person, edit_account, person_named
from registry.accounts.tokens import issue
from registry.core.clock import today
from registry.core.database import db, table_of, transaction
from registry.projects.models import Project
from registry.requests.kinds import RequestNeedsAnotherPerson
from registry.requests.models import Request, RequestKind
from registry.requests.service import RequestAlreadyWaiting, ask, carry_out_due_requests, confirm
from tests.api.callers import caller, code, codes
from tests.cases.cast import audit
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, a_service_token, a_token, an_agency, bearer, restrict

ACT = {"act": "Decree No. 17", "reason": "The ministries merge."}


def tomorrow() -> str:
    return (today() + timedelta(days=1)).isoformat()


@pytest.fixture
def asked(client: FlaskClient, app: Flask) -> dict[str, object]:
    """A succession that an administrator proposed for tomorrow."""
    former, successor = an_agency(), an_agency()
    body = {"successor": successor.bin, "on": tomorrow(), **ACT}
    asker = caller(client, Role.ADMINISTRATOR)
    answer = asker.post(f"/agencies/{former.bin}/succession", body)
    assert answer.status_code == 201, answer.get_json()
    return {**answer.get_json(), "asker": asker, "former": former, "successor": successor}


def test_a_second_request_about_the_same_agency_is_a_conflict(client: FlaskClient, asked: dict[str, object]) -> None:
    body = {"successor": an_agency().bin, "on": tomorrow(), **ACT}

    answer = caller(client, Role.ADMINISTRATOR).post(f"/agencies/{asked['former'].bin}/succession", body)

    assert answer.status_code == 409
    assert answer.get_json()["type"].endswith(":request-already-waiting")


def test_who_asked_cannot_confirm_even_under_another_name(client: FlaskClient, asked: dict[str, object]) -> None:
    own = asked["asker"].post(f"/successions/{asked['id']}/confirmation", {})
    person = person_named(str(asked["asked_by"]))
    caller(client, Role.ADMINISTRATOR)
    edit_account(ADMINISTRATOR, person.account_id, {"name": "Renamed since", "role": Role.SUPERVISOR})
    renamed = caller(client, Role.SUPERVISOR, name="Renamed since")
    answer = renamed.post(f"/successions/{asked['id']}/confirmation", {})

    assert [each.status_code for each in (own, answer)] == [403, 403]
    assert answer.get_json()["type"].endswith(":request-needs-another-person")
    assert renamed.get(f"/successions/{asked['id']}").get_json()["state"] == "waiting"


def test_a_service_account_neither_asks_nor_confirms(client: FlaskClient, asked: dict[str, object]) -> None:
    headers = bearer(a_service_token(Role.ADMINISTRATOR))
    body = {"to": an_agency().bin, "on": tomorrow(), **ACT}

    asks = client.post(f"/api/v1/projects/{a_project().number}/transfer", json=body, headers=headers)
    confirms = client.post(f"/api/v1/successions/{asked['id']}/confirmation", json={}, headers=headers)

    assert [each.status_code for each in (asks, confirms)] == [403, 403]
    assert {each.get_json()["type"].rpartition(":")[2] for each in (asks, confirms)} <= {
        "request-needs-a-person",
        "role-not-allowed",
    }


@pytest.mark.parametrize("kind", ["succession", "division", "transfer"])
def test_two_administrators_move_no_project_to_an_agency_out_of_scope(client: FlaskClient, kind: str) -> None:
    project, private = a_project(), an_agency(kind="private")
    first, second = caller(client, Role.ADMINISTRATOR), caller(client, Role.ADMINISTRATOR, name="second")
    before = first.get(f"/projects/{project.number}").get_json()["agency"]
    subject, body = f"/agencies/{before}/succession", {"successor": private.bin, "on": today().isoformat()}
    if kind == "division":
        body |= {"kind": "division", "projects": [project.number]}
    if kind == "transfer":
        subject, body = f"/projects/{project.number}/transfer", {"to": private.bin, "on": today().isoformat()}
    asked = first.post(subject, {**body, **ACT}).get_json()
    address = f"/{'transfers' if kind == 'transfer' else 'successions'}/{asked['id']}"

    answer = second.post(f"{address}/confirmation", {})
    carried_out = carry_out_due_requests()

    assert (answer.status_code, code(answer)) == (403, "role-not-allowed")
    assert (carried_out, first.get(address).get_json()["state"]) == ([], "waiting")
    assert first.get(f"/projects/{project.number}").get_json()["agency"] == before
    assert second.post(f"{address}/cancellation", {}).get_json()["state"] == "cancelled"


def test_a_supervisor_sees_what_leaves_the_scope_and_who_reads_it_then(client: FlaskClient) -> None:
    former, private = an_agency(), an_agency(kind="private")
    projects = [a_project(former) for _ in range(3)]
    restrict(projects[0].number)
    audit()
    for agency in (former, private):
        a_token(Role.AGENCY_VIEWER, agency)
    administrator, supervisor = caller(client, Role.ADMINISTRATOR), caller(client, Role.SUPERVISOR)
    body = {"successor": private.bin, "on": tomorrow(), **ACT}
    merger = administrator.post(f"/agencies/{former.bin}/succession", body).get_json()
    transfer = administrator.post(
        f"/projects/{projects[1].number}/transfer", {"to": private.bin, "on": tomorrow(), **ACT}
    ).get_json()

    seen = supervisor.get(f"/successions/{merger['id']}").get_json()["effects"]
    by_administrator = administrator.get(f"/successions/{merger['id']}").get_json()["effects"]
    of_transfer = supervisor.get(f"/transfers/{transfer['id']}").get_json()["effects"]
    supervisor.post(f"/transfers/{transfer['id']}/refusal", {"reason": "No."})

    passing = {"people": 1, "service_accounts": 0, "drafts": 0, "agencies_below": 0}
    assert seen == {"projects": 3, "flags": 3, "cases": 3, "out_of_scope": 3, "restricted": 1, "readers": 2} | passing
    assert (by_administrator["projects"], by_administrator["restricted"]) == (2, 0)
    assert of_transfer == {"projects": 1, "flags": 1, "cases": 1, "out_of_scope": 1, "restricted": 0, "readers": 1}
    assert supervisor.get(f"/transfers/{transfer['id']}").get_json()["effects"] is None


def test_a_refused_request_has_its_reason_and_is_decided_once(client: FlaskClient, asked: dict[str, object]) -> None:
    supervisor = caller(client, Role.SUPERVISOR)
    without = supervisor.post(f"/successions/{asked['id']}/refusal", {})
    refused = supervisor.post(f"/successions/{asked['id']}/refusal", {"reason": "The act is not signed."})
    again = supervisor.post(f"/successions/{asked['id']}/confirmation", {})

    assert (without.status_code, codes(without)) == (422, {("/reason", "required")})
    assert (refused.get_json()["state"], refused.get_json()["decision_reason"]) == ("refused", "The act is not signed.")
    assert (again.status_code, again.get_json()["type"].rpartition(":")[2]) == (409, "request-not-waiting")


def test_a_cancelled_request_makes_room_for_another_one(client: FlaskClient, asked: dict[str, object]) -> None:
    cancelled = asked["asker"].post(f"/successions/{asked['id']}/cancellation", {})
    body = {"successor": an_agency().bin, "on": tomorrow(), **ACT}
    next_one = asked["asker"].post(f"/agencies/{asked['former'].bin}/succession", body)

    assert (cancelled.get_json()["state"], next_one.status_code) == ("cancelled", 201)


def test_lists_are_filtered_by_state_and_agency(client: FlaskClient, asked: dict[str, object]) -> None:
    auditor = caller(client, Role.AUDITOR)

    def ids(query: str) -> list[int]:
        return [item["id"] for item in auditor.get(f"/successions?{query}").get_json()["items"]]

    assert ids("") == ids("state=waiting") == ids(f"agency={asked['former'].bin}") == [asked["id"]]
    assert ids(f"agency={asked['successor'].bin}") == [asked["id"]]
    assert ids("state=confirmed,refused") == ids(f"agency={an_agency().bin}") == []
    assert auditor.get("/transfers").get_json()["items"] == []
    assert auditor.get("/successions?state=none").status_code == 400
    assert auditor.get(f"/transfers/{asked['id']}").status_code == 404


def test_an_agency_sees_requests_about_itself_only(client: FlaskClient, asked: dict[str, object]) -> None:
    seen = [
        caller(client, Role.AGENCY_VIEWER, agency).get(f"/successions/{asked['id']}").status_code
        for agency in (asked["former"], asked["successor"], an_agency())
    ]
    assert seen == [200, 200, 404]


def test_invalid_values_name_their_field(client: FlaskClient) -> None:
    for change, problem in [
        ({"successor": "000000000000"}, ("/successor", "bin-invalid")),
        ({"on": (date.today() - timedelta(days=3)).isoformat()}, ("/on", "date-before-today")),
        ({"on": "01.02.2027"}, ("/on", "expected-date")),
        ({"act": None}, ("/act", "required")),
        ({"kind": "fusion"}, ("/kind", "not-a-choice")),
        ({"kind": "division"}, ("/projects", "required")),
        ({"kind": "division", "projects": ["QT-2026-0000001-1"]}, ("/projects/0", "project-not-of-agency")),
        ({"kind": "merger", "projects": ["QT-2026-0000001-1"]}, ("/projects", "projects-only-in-division")),
        ({"projects": "QT-2026-0000001-1"}, ("/projects", "expected-project-numbers")),
        ({"version": 1}, ("/version", "unknown-field")),
    ]:
        body = {"successor": an_agency().bin, "on": tomorrow(), **ACT, **change}

        answer = caller(client, Role.ADMINISTRATOR).post(f"/agencies/{an_agency().bin}/succession", body)

        assert answer.status_code == 422, change
        assert problem in codes(answer), change


def test_who_owned_a_service_account_does_not_confirm_what_it_asked(client: FlaskClient, app: Flask) -> None:
    add_person(ADMINISTRATOR, NewPerson("owner", Role.REVIEWER), PASSWORD)
    owner, agency = account_named("owner"), an_agency()
    robot = issue(ADMINISTRATOR, "robot", Role.AGENCY_EDITOR, agency.id, timedelta(days=1), owner_account_id=owner.id)
    body = {"reason": "Registered twice."}
    path = f"/api/v1/projects/{a_project(agency).number}/withdrawal"
    asked = client.post(path, json=body, headers=bearer(robot.text)).get_json()
    reviewer = Actor("owner", Role.REVIEWER, None, "127.0.0.1", "tests", owner.id, is_person=True)

    with pytest.raises(RequestNeedsAnotherPerson):
        confirm(replace(reviewer, credential="session:of-tests"), RequestKind.WITHDRAWAL, asked["id"])
    program, successor = account_named("robot"), add_person(ADMINISTRATOR, NewPerson("new", Role.REVIEWER), PASSWORD)
    change_owner(ADMINISTRATOR, program.id, successor.account_id)
    with pytest.raises(RequestNeedsAnotherPerson):
        confirm(replace(reviewer, credential="session:of-tests"), RequestKind.WITHDRAWAL, asked["id"])


def test_request_that_somebody_else_makes_at_that_moment_does_not_end_the_transaction(app: Flask) -> None:
    project = a_project()

    def asked_meanwhile(_mapper: object, connection: Connection, request: Request) -> None:
        names = ("kind", "state", "agency_id", "project_id", "reason", "details", "asked_by", "asked_at")
        connection.execute(insert(table_of(Request)).values({name: getattr(request, name) for name in names}))

    event.listen(Request, "before_insert", asked_meanwhile, once=True)
    with transaction():
        with pytest.raises(RequestAlreadyWaiting):
            ask(ADMINISTRATOR, RequestKind.WITHDRAWAL, project.number, {"reason": "Twice.", "duplicate_of": None})
        db.session.get_one(Project, project.id).name_en = "Register"

    assert db.session.get_one(Project, project.id, populate_existing=True).name_en == "Register"
