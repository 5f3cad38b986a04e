"""Approvals, whatever the kind: who proposes, who decides, what ends a proposal."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from registry.accounts.account_changes import change_role, disable_account
from registry.accounts.models import Person, account_named
from registry.accounts.roles import LOCAL, Actor, Role, Scope
from registry.accounts.service import edit_account
from registry.approvals.models import ApprovalKindCode, Proposal
from registry.approvals.service import NeedsTwoPeople, approve, propose
from registry.core.database import db, transaction
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from registry.requests.approval_kinds import propose_restriction
from tests.api.callers import Caller, caller, code, codes
from tests.factories import ADMINISTRATOR, a_project, a_service_token, an_actor, an_agency, bearer, restrict
from tests.fixtures.web import SignedIn
from tests.present import Present

REASON = {"is_restricted": True, "reason": "State secret"}


@pytest.fixture
def dana(client: FlaskClient) -> Caller:
    return caller(client, Role.SUPERVISOR, name="dana")


@pytest.fixture
def saule(client: FlaskClient) -> Caller:
    return caller(client, Role.SUPERVISOR, name="saule")


@pytest.fixture
def project(client: FlaskClient) -> Project:
    return a_project()


def proposed(who: Caller, project: Project) -> int:
    answer = who.put(f"/projects/{project.number}/restriction", REASON)
    assert answer.status_code == 202, answer.get_json()
    approval_id: int = answer.get_json()["id"]
    assert answer.headers["Location"] == f"/api/v1/approvals/{approval_id}"
    return approval_id


def is_restricted(who: Caller, project: Project) -> bool:
    return bool(who.get(f"/projects/{project.number}").get_json()["is_restricted"])


def test_a_proposal_changes_nothing_until_another_person_approves_it(
    dana: Caller, saule: Caller, project: Project
) -> None:
    approval_id = proposed(dana, project)
    before = is_restricted(dana, project)

    done = saule.post(f"/approvals/{approval_id}/approval", {"reason": "Agreed"})

    assert before is False
    assert is_restricted(dana, project) is True
    assert (done.status_code, done.get_json()["state"]) == (200, "approved")
    assert (done.get_json()["decided_by"], done.get_json()["decision_reason"]) == ("saule", "Agreed")
    entries = dana.get(f"/journal?subject=approval:{approval_id}").get_json()["items"]
    assert {(each["action"], each["principal"]) for each in entries} == {
        ("approval.proposed", "dana"),
        ("approval.approved", "saule"),
    }


def test_it_shows_what_it_changes(dana: Caller, saule: Caller, project: Project) -> None:
    approval_id = proposed(dana, project)

    shown = saule.get(f"/approvals/{approval_id}").get_json()

    assert shown["changes"] == [{"name": "is_restricted", "before": False, "after": True}]
    assert (shown["proposed_by"], shown["reason"], shown["project"]) == ("dana", "State secret", project.number)
    assert shown["needs_supervisor"] is True
    # A decided one does not show the value of now as the one before.
    saule.post(f"/approvals/{approval_id}/approval", {})
    decided = saule.get(f"/approvals/{approval_id}").get_json()
    assert decided["changes"] == [{"name": "is_restricted", "before": None, "after": True}]


def test_its_tag_is_another_one_when_what_it_changes_is(dana: Caller, project: Project) -> None:
    path = f"/approvals/{proposed(dana, project)}"
    tag = dana.get(path).headers["ETag"]
    assert dana.get(path, If_None_Match=tag).status_code == 304

    with transaction():
        db.session.get_one(Project, project.id).is_restricted = True

    assert dana.get(path, If_None_Match=tag).status_code == 200


def test_who_proposed_it_cannot_approve_it_under_another_name_neither(dana: Caller, project: Project) -> None:
    path = f"/approvals/{proposed(dana, project)}/approval"
    own = dana.post(path, {})
    account = account_named("dana")
    edit_account(ADMINISTRATOR, account.id, {"name": "dana.new"})

    for answer in (own, dana.post(path, {})):
        assert (answer.status_code, code(answer)) == (403, "needs-another-person")
    assert is_restricted(dana, project) is False


def test_two_accounts_with_one_address_are_one_person(dana: Caller, saule: Caller, project: Project) -> None:
    approval_id = proposed(dana, project)
    with transaction():
        for name, address in (("dana", "D.Akhmetova@gov.kz"), ("saule", "d.akhmetova@gov.kz")):
            account = account_named(name)
            db.session.query(Person).filter(Person.account_id == account.id).one().email = address

    answer = saule.post(f"/approvals/{approval_id}/approval", {})

    assert (answer.status_code, code(answer)) == (403, "needs-another-person")


def test_a_service_account_cannot_propose(client: FlaskClient, project: Project) -> None:
    token = a_service_token(Role.SUPERVISOR)

    answer = client.put(f"/api/v1/projects/{project.number}/restriction", json=REASON, headers=bearer(token))

    assert (answer.status_code, code(answer)) == (403, "needs-two-people")


def test_a_token_without_the_scope_of_decisions_cannot_approve(
    client: FlaskClient, dana: Caller, saule: Caller, project: Project
) -> None:
    approval_id = proposed(dana, project)
    token = saule.post("/tokens", {"scopes": ["read", "projects:write"]}).get_json()["token"]

    answer = client.post(f"/api/v1/approvals/{approval_id}/approval", json={}, headers=bearer(token))

    assert (answer.status_code, code(answer)) == (403, "scope-not-granted")


def test_a_role_that_does_not_decide_such_proposals_cannot_approve(
    client: FlaskClient, dana: Caller, project: Project
) -> None:
    approval_id = proposed(dana, project)

    answer = caller(client, Role.REVIEWER).post(f"/approvals/{approval_id}/approval", {})

    assert (answer.status_code, code(answer)) == (403, "role-not-allowed")


def test_a_rejection_needs_a_reason_and_changes_nothing(dana: Caller, saule: Caller, project: Project) -> None:
    approval_id = proposed(dana, project)
    without = saule.post(f"/approvals/{approval_id}/rejection", {})

    rejected = saule.post(f"/approvals/{approval_id}/rejection", {"reason": "No act"})

    assert codes(without) == {("/reason", "required")}
    assert rejected.get_json()["state"] == "rejected"
    assert is_restricted(dana, project) is False
    assert code(saule.post(f"/approvals/{approval_id}/approval", {})) == "approval-not-waiting"


def test_it_can_be_cancelled_and_proposed_again(dana: Caller, saule: Caller, project: Project) -> None:
    approval_id = proposed(dana, project)
    twice = dana.put(f"/projects/{project.number}/restriction", REASON)

    cancelled = dana.post(f"/approvals/{approval_id}/cancellation", {})

    assert (twice.status_code, code(twice)) == (409, "approval-already-waiting")
    assert cancelled.get_json()["state"] == "cancelled"
    assert proposed(dana, project) != approval_id


def test_after_thirty_days_it_has_expired_and_can_be_proposed_again(
    client: FlaskClient, project: Project, present: Present
) -> None:
    dana = an_actor(Role.SUPERVISOR, name="dana")
    with transaction():
        approval = propose_restriction(dana, project.number, REASON)
    approval_id, until = approval.id, approval.proposed_at + timedelta(days=30)
    present.set(until)
    reader = caller(client, Role.SUPERVISOR, name="saule")

    late = reader.post(f"/approvals/{approval_id}/approval", {})

    assert (late.status_code, code(late)) == (409, "approval-not-waiting")
    assert reader.get(f"/approvals/{approval_id}").get_json()["state"] == "expired"
    assert [each["id"] for each in reader.get("/approvals?state=expired").get_json()["items"]] == [approval_id]
    assert reader.get("/approvals?state=waiting").get_json()["items"] == []
    propose_restriction(dana, project.number, REASON)


def test_it_is_out_of_date_when_what_it_rests_on_has_changed(dana: Caller, saule: Caller, project: Project) -> None:
    approval_id = proposed(dana, project)
    with transaction():
        db.session.get_one(Project, project.id).is_restricted = True

    answer = saule.post(f"/approvals/{approval_id}/approval", {})

    assert (answer.status_code, code(answer)) == (409, "approval-out-of-date")


@pytest.mark.parametrize("lost", ["access", "role"])
def test_who_may_no_longer_propose_it_does_not_count_as_one_of_two_people(
    client: FlaskClient, dana: Caller, saule: Caller, project: Project, lost: str
) -> None:
    approval_id = proposed(dana, project)
    account = account_named("dana")
    if lost == "access":
        disable_account(ADMINISTRATOR, account.id)
    else:
        change_role(ADMINISTRATOR, account.id, Role.AGENCY_VIEWER, an_agency().id)

    answer = saule.post(f"/approvals/{approval_id}/approval", {})

    assert (answer.status_code, code(answer)) == (409, "approval-out-of-date")
    assert is_restricted(saule, project) is False
    assert proposed(saule, project) != approval_id
    assert saule.get(f"/approvals/{approval_id}").get_json()["state"] == "outdated"


def test_a_row_that_another_constraint_refuses_is_no_second_proposal(client: FlaskClient, project: Project) -> None:
    proposal = Proposal(
        "project:other", "State secret", {"is_restricted": True}, project_id=project.id, agency_id=10**6
    )

    with pytest.raises(IntegrityError), transaction():
        propose(an_actor(Role.SUPERVISOR), ApprovalKindCode.RESTRICTION, proposal)
        db.session.flush()


@pytest.mark.parametrize("state", ["rejected", "waiting"])
def test_reading_what_waits_is_journalled_once_whatever_is_listed_below_it(
    client: FlaskClient, signed_in: SignedIn, project: Project, state: str
) -> None:
    restrict(project.number)
    propose_restriction(an_actor(Role.SUPERVISOR, name="dana"), project.number, REASON | {"is_restricted": False})

    page = signed_in(Role.SUPERVISOR).get(f"/approvals?state={state}").text

    reads = select(JournalEntry.subject).where(JournalEntry.action == "restricted.read")
    assert project.number in page
    assert list(db.session.scalars(reads)) == [f"project:{project.number}"]


def test_a_command_counts_as_a_person_only_while_there_are_fewer_than_two_people(
    client: FlaskClient, project: Project
) -> None:
    command = Actor("local:root", Role.SUPERVISOR, source="cli", credential=LOCAL)
    caller(client, Role.SUPERVISOR, name="dana")
    approval = propose_restriction(an_actor(Role.SUPERVISOR, name="dana"), project.number, REASON)
    caller(client, Role.REVIEWER, name="aigerim")
    with pytest.raises(NeedsTwoPeople):
        approve(command, approval.id)
    aigerim = account_named("aigerim")
    disable_account(ADMINISTRATOR, aigerim.id)

    assert approve(command, approval.id).state == "approved"


def test_a_reader_without_restricted_projects_sees_no_approval_of_one(
    client: FlaskClient, dana: Caller, saule: Caller, project: Project
) -> None:
    approval_id = proposed(dana, project)
    reviewer = caller(client, Role.REVIEWER, name="aigerim")
    before = reviewer.get(f"/approvals/{approval_id}").status_code
    saule.post(f"/approvals/{approval_id}/approval", {})

    assert before == 200
    assert reviewer.get(f"/approvals/{approval_id}").status_code == 404
    assert reviewer.get("/approvals").get_json()["items"] == []


def test_agencies_see_no_approvals_of_kinds_that_they_do_not_decide(client: FlaskClient, dana: Caller) -> None:
    agency = an_agency()
    approval_id = proposed(dana, a_project(agency))
    administrator = caller(client, Role.AGENCY_ADMINISTRATOR, agency)

    assert administrator.get(f"/approvals/{approval_id}").status_code == 404
    assert administrator.get("/approvals").get_json()["items"] == []


def test_the_scope_of_decisions_is_all_that_a_token_needs_to_approve(
    dana: Caller, saule: Caller, project: Project
) -> None:
    approval_id = proposed(dana, project)
    account = account_named("saule")
    decides = Actor(
        "saule",
        Role.SUPERVISOR,
        account_id=account.id,
        is_person=True,
        credential="token:of-tests",
        scopes=frozenset({Scope.READ, Scope.DECISIONS_APPROVE}),
        is_admitted=True,
    )

    assert approve(decides, approval_id).state == "approved"
    assert is_restricted(dana, project) is True
