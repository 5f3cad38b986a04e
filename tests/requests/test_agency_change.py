"""Kind and parent of an agency: proposed by an administrator, approved by a supervisor, on every path."""

from __future__ import annotations

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.audits.service import run_audit
from tests.api.callers import Caller, code, codes
from tests.factories import a_project, a_token, an_actor, an_agency, restrict
from tests.fixtures.web import SignedIn

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
