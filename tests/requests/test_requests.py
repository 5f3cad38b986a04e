"""Requests: who asks and confirms, changes of agencies, planned changes, notices, and restricted projects."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, event, insert, update

from registry.accounts.models import account_named
from registry.accounts.roles import Actor, Role
from registry.accounts.same_person import change_owner
from registry.accounts.service import NewPerson, add_person, edit_account, person_named
from registry.accounts.tokens import issue
from registry.agencies.models import Agency
from registry.audits.service import run_audit
from registry.core.clock import today
from registry.core.database import db, table_of, transaction
from registry.core.errors import Invalid
from registry.core.lists import Page
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from registry.projects.visibility import RESTRICTED_READ_ACTION
from registry.requests.kinds import RequestNeedsAnotherPerson
from registry.requests.models import Request, RequestKind
from registry.requests.queries import REQUEST_LIST, requests_of_project
from registry.requests.service import RequestAlreadyWaiting, ask, carry_out_due_requests, confirm
from registry.requests.succession import SuccessionPlanned, TransferPlanned
from tests.api.callers import Caller, caller, code, codes
from tests.cases.cast import AIGERIM, audit
from tests.factories import (
    ADMINISTRATOR,
    PASSWORD,
    a_project,
    a_service_token,
    a_token,
    an_actor,
    an_agency,
    bearer,
    restrict,
)
from tests.fixtures.cli import CommandLine
from tests.fixtures.web import SignedIn
from tests.notifications.readers import create_reader, delete_emails, queued_emails
from tests.present import Present

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


def test_a_second_request_about_an_agency_is_a_conflict_until_the_first_is_cancelled(
    asked: dict[str, Any],
) -> None:
    body = {"successor": an_agency().bin, "on": tomorrow(), **ACT}

    path = f"/agencies/{asked['former'].bin}/succession"
    answer = asked["asker"].post(path, body)

    assert (answer.status_code, code(answer)) == (409, "request-already-waiting")
    cancelled = asked["asker"].post(f"/successions/{asked['id']}/cancellation", {})
    assert (cancelled.get_json()["state"], asked["asker"].post(path, body).status_code) == ("cancelled", 201)


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


FIRST, SECOND = an_actor(Role.ADMINISTRATOR, name="first"), an_actor(Role.SUPERVISOR, name="second")
DAY = date(2026, 9, 30)
SUCCESSION, TRANSFER = RequestKind.SUCCESSION, RequestKind.TRANSFER


@pytest.fixture
def former(app: Flask, present: Present) -> Agency:
    present.set(DAY)
    return an_agency()


def in_days(days: int, **values: object) -> dict[str, object]:
    return {"on": DAY + timedelta(days=days), "act": "No. 17", "reason": "They merge.", **values}


def planned(kind: RequestKind, subject: str, values: dict[str, object]) -> Request:
    """A request that is asked and confirmed for its day."""
    return confirm(SECOND, kind, ask(FIRST, kind, subject, values).id)


def test_projects_of_a_planned_division_pass_on_once_and_no_succession_comes_before_it(former: Agency) -> None:
    passing, staying = a_project(former).number, a_project(former).number
    planned(SUCCESSION, former.bin, in_days(10, successor=an_agency().bin, projects=[passing]))

    with pytest.raises(Invalid) as error:
        ask(FIRST, SUCCESSION, former.bin, in_days(5, successor=an_agency().bin, projects=[staying, passing]))
    assert [(each.pointer, each.code) for each in error.value.problems] == [
        ("/projects/1", "project-passes-on-already")
    ]
    with pytest.raises(SuccessionPlanned) as conflict:
        ask(FIRST, SUCCESSION, former.bin, in_days(9, successor=an_agency().bin))
    assert conflict.value.params == {"bin": former.bin, "on": "2026-10-10"}
    assert ask(FIRST, SUCCESSION, former.bin, in_days(10, successor=an_agency().bin)).state == "waiting"


def test_nothing_is_planned_beside_a_planned_merger(former: Agency) -> None:
    listed = [a_project(former).number]
    planned(SUCCESSION, former.bin, in_days(10, successor=an_agency().bin))

    for values in (in_days(5, projects=listed), in_days(20)):
        with pytest.raises(SuccessionPlanned):
            ask(FIRST, SUCCESSION, former.bin, {**values, "successor": an_agency().bin})


def test_a_second_transfer_of_a_project_is_a_conflict(former: Agency) -> None:
    project = a_project(former).number
    planned(TRANSFER, project, in_days(10, to=an_agency().bin))

    with pytest.raises(TransferPlanned):
        ask(FIRST, TRANSFER, project, in_days(5, to=an_agency().bin))


def actor_of(name: str) -> Actor:
    person = person_named(name)
    return Actor(name, Role(person.role), None, account_id=person.account_id, is_person=True, credential="session:t")


def test_deciders_who_asked_and_the_successor_get_an_email(app: Flask, present: Present) -> None:
    present.set(DAY)
    create_reader(Role.ADMINISTRATOR, name="first")
    create_reader(Role.SUPERVISOR, name="second")
    create_reader(Role.REVIEWER, name="reviewer")
    former, successor = an_agency(), an_agency(email="office@successor.kz")
    values = {"successor": successor.bin, "on": DAY, "act": "No. 17", "reason": "They merge."}
    request = ask(actor_of("first"), RequestKind.SUCCESSION, former.bin, values)

    assert queued_emails() == [("second@readers.kz", "request-waiting", [request.id])]

    delete_emails()
    confirm(actor_of("second"), RequestKind.SUCCESSION, request.id)
    assert queued_emails() == [
        ("first@readers.kz", "request-decided", [request.id]),
        ("office@successor.kz", "request-carried-out", [request.id]),
    ]


def test_the_command_carries_out_what_is_due_once(own_app: Flask, registry: CommandLine) -> None:
    with own_app.app_context():
        values = {"successor": an_agency().bin, "on": today() + timedelta(days=1), "act": "No. 1", "reason": "So."}
        asker, decider = an_actor(Role.ADMINISTRATOR, name="first"), an_actor(Role.SUPERVISOR, name="second")
        request = ask(asker, RequestKind.SUCCESSION, an_agency().bin, values)
        request_id = confirm(decider, RequestKind.SUCCESSION, request.id).id
        with transaction() as session:
            session.execute(update(Request).values(on=today()))
        db.session.remove()

    first, second = (registry("requests", "carry-out", "--json").json for _ in range(2))

    assert (first, second) == ({"carried_out": [request_id], "failed": []}, {"carried_out": [], "failed": []})
    assert registry("requests", "carry-out").err.strip() == "Requests carried out: 0"


CHANGE = {"kind": "private", "act": "Decree No. 17", "reason": "It was sold."}


def proposed(administrator: Caller, agency: Agency, body: dict[str, object]) -> int:
    answer = administrator.post(f"/agencies/{agency.bin}/changes", body)
    assert answer.status_code == 202, answer.get_json()
    return int(answer.get_json()["id"])


def kind_of(who: Caller, agency: Agency) -> str:
    return str(who.get(f"/agencies/{agency.bin}").get_json()["kind"])


def test_an_administrator_alone_changes_neither_kind_nor_parent(administrator: Caller, agency: Agency) -> None:
    parent = an_agency()
    answers = [
        administrator.change(f"/agencies/{agency.bin}", body)
        for body in ({"kind": "private"}, {"parent_bin": parent.bin})
    ]

    assert [codes(answer) for answer in answers] == [
        {("/kind", "agency-change-needs-approval")},
        {("/parent_bin", "agency-change-needs-approval")},
    ]
    assert kind_of(administrator, agency) == "central_body"


def test_project_page_says_that_the_next_audit_clears_the_flags_of_an_agency_out_of_scope(
    administrator: Caller, supervisor: Caller, agency: Agency, signed_in: SignedIn
) -> None:
    page = f"/projects/{a_project(agency).number}"
    run_audit(an_actor(Role.SUPERVISOR))
    visit, cleared = signed_in(Role.REVIEWER), "The next audit clears these flags."
    assert cleared not in visit.get(page).text

    supervisor.post(f"/approvals/{proposed(administrator, agency, CHANGE)}/approval", {})

    assert cleared in visit.get(page).text and "Out of scope" in visit.get(page).text
    run_audit(an_actor(Role.SUPERVISOR))
    assert cleared not in visit.get(page).text and "Reasons for flagging" not in visit.get(page).text


def test_a_supervisor_approves_what_an_administrator_proposes(
    administrator: Caller, supervisor: Caller, agency: Agency
) -> None:
    approval_id = proposed(administrator, agency, CHANGE)
    another = supervisor.post(f"/agencies/{agency.bin}/changes", CHANGE)

    done = supervisor.post(f"/approvals/{approval_id}/approval", {})

    assert (another.status_code, code(another)) == (403, "role-not-allowed")
    assert done.get_json()["state"] == "approved"
    assert kind_of(administrator, agency) == "private"
    entry = supervisor.get(f"/journal?subject=agency:{agency.bin}&action=agency.changed").get_json()["items"][0]
    assert (entry["details"]["act"], entry["details"]["approval"]) == ("Decree No. 17", approval_id)


def test_the_approval_shows_how_many_projects_and_flags_leave_the_scope(
    administrator: Caller, supervisor: Caller, agency: Agency
) -> None:
    for _ in range(2):
        a_project(agency)
    run_audit(an_actor(Role.SUPERVISOR))

    shown = supervisor.get(f"/approvals/{proposed(administrator, agency, CHANGE)}").get_json()

    assert shown["effects"] == {"projects": 2, "out_of_scope": 2, "flags": 2, "cases": 2}
    assert {"name": "kind", "before": "central_body", "after": "private"} in shown["changes"]


def test_the_approval_shows_who_could_read_restricted_projects_below_another_parent(
    administrator: Caller, supervisor: Caller, agency: Agency
) -> None:
    parent = an_agency(an_agency())
    for role in (Role.AGENCY_VIEWER, Role.AGENCY_EDITOR):
        a_token(role, parent)
    restrict(a_project(agency).number)
    body = {"parent_bin": parent.bin, "act": "Decree No. 17", "reason": "Subordination."}

    effects = supervisor.get(f"/approvals/{proposed(administrator, agency, body)}").get_json()["effects"]

    assert (effects["restricted"], effects["readers"]) == (1, 2)


def test_a_proposal_of_the_present_values_is_an_error(administrator: Caller, agency: Agency) -> None:
    answer = administrator.post(f"/agencies/{agency.bin}/changes", CHANGE | {"kind": "central_body"})

    assert codes(answer) == {("/kind", "nothing-to-change")}


def test_its_form_leads_to_the_approval(signed_in: SignedIn, agency: Agency) -> None:
    administrator = signed_in(Role.ADMINISTRATOR)

    page = administrator.send(f"/agencies/{agency.bin}/change", kind="private", act="Decree No. 17", reason="Sold.")

    assert "Your proposal is sent. Nothing changes until a supervisor approves it." in page.text
    assert "Private" in page.text
    assert 'name="kind"' not in administrator.get(f"/agencies/{agency.bin}/edit").text


@pytest.fixture
def restricted(client: FlaskClient) -> tuple[Project, int]:
    """A restricted project, and the withdrawal that its agency asked for."""
    agency = an_agency()
    project = a_project(agency)
    path = f"/projects/{project.number}/withdrawal"
    asked = caller(client, Role.AGENCY_EDITOR, agency).post(path, {"reason": "Registered twice."}).get_json()
    restrict(project.number)
    return project, asked["id"]


def test_a_reviewer_neither_sees_nor_decides_it(client: FlaskClient, restricted: tuple[Project, int]) -> None:
    project, request_id = restricted
    reviewer = caller(client, Role.REVIEWER)

    assert reviewer.get("/withdrawals").get_json()["items"] == []
    assert reviewer.get(f"/withdrawals?project={project.number}").get_json()["items"] == []
    tries = [
        reviewer.get(f"/withdrawals/{request_id}"),
        reviewer.post(f"/withdrawals/{request_id}/confirmation", {}),
        reviewer.post(f"/withdrawals/{request_id}/refusal", {"reason": "No."}),
    ]
    assert [(answer.status_code, code(answer)) for answer in tries] == [(404, "request-not-found")] * 3
    assert (REQUEST_LIST.read(AIGERIM, {}, Page()).items, requests_of_project(AIGERIM, project.id)) == ([], [])


def test_a_supervisor_sees_it_and_each_read_is_journalled(client: FlaskClient, restricted: tuple[Project, int]) -> None:
    project, request_id = restricted
    supervisor = caller(client, Role.SUPERVISOR)

    listed = supervisor.get("/withdrawals").get_json()["items"]
    one = supervisor.get(f"/withdrawals/{request_id}").get_json()

    assert ([item["id"] for item in listed], one["project"]) == ([request_id], project.number)
    reads = db.session.query(JournalEntry.details).filter(JournalEntry.action == RESTRICTED_READ_ACTION)
    assert sorted(row.details for row in reads) == ['{"what":"request"}', '{"what":"requests"}']


def test_an_administrator_cannot_list_a_hidden_project_in_a_division(client: FlaskClient) -> None:
    agency = an_agency()
    hidden, seen = a_project(agency), a_project(agency)
    restrict(hidden.number)
    values = {"successor": an_agency().bin, "on": today().isoformat(), "act": "No. 17", "reason": "They divide."}

    answer = caller(client, Role.ADMINISTRATOR).post(
        f"/agencies/{agency.bin}/succession", {**values, "projects": [seen.number, hidden.number]}
    )

    assert (answer.status_code, codes(answer)) == (422, {("/projects/1", "project-not-of-agency")})


def test_equal_external_ids_name_no_hidden_project_of_either_agency(client: FlaskClient) -> None:
    agency, successor = an_agency(), an_agency()
    hidden, _seen, other = (a_project(agency, external_id=name) for name in ("H-1", "S-1", "T-1"))
    _other, seen, secret = (a_project(successor, external_id=name) for name in ("H-1", "S-1", "T-1"))
    for project in (hidden, secret):
        restrict(project.number)
    values = {"successor": successor.bin, "on": today().isoformat(), "act": "No. 17", "reason": "They merge."}

    asked = caller(client, Role.ADMINISTRATOR).post(f"/agencies/{agency.bin}/succession", values).get_json()
    path = f"/successions/{asked['id']}"

    def ids(shown: dict[str, Any]) -> list[str]:
        return [each["external_id"] for each in shown["equal_external_ids"]]

    assert [each["other_project"] for each in asked["equal_external_ids"]] == [seen.number]
    assert ids(caller(client, Role.SUPERVISOR).get(path).get_json()) == ["H-1", "S-1", "T-1"]
    of_agency = caller(client, Role.AGENCY_EDITOR, agency).get(path).get_json()
    assert ids(of_agency) == ["H-1", "S-1"] and other.number not in str(of_agency)
    assert caller(client, Role.AGENCY_EDITOR, an_agency(), "stranger").get(path).status_code == 404
