"""Pages of approvals, and the notices about them."""

from __future__ import annotations

import re

from flask import Flask

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.projects.models import Project
from registry.requests.approval_kinds import propose_restriction
from tests.factories import PASSWORD, a_project, an_actor, an_agency, with_account
from tests.fixtures.web import SignedIn
from tests.notifications.readers import create_reader, queued_emails

RESTRICT = {"is_restricted": True, "reason": "State secret"}


def proposed(proposer: str = "dana") -> tuple[Project, int]:
    project = a_project()
    return project, propose_restriction(
        with_account(an_actor(Role.SUPERVISOR, name=proposer)), project.number, RESTRICT
    ).id


def test_a_supervisor_proposes_a_restriction_on_the_page_of_the_project(signed_in: SignedIn) -> None:
    project = a_project()

    page = signed_in(Role.SUPERVISOR).send(f"/projects/{project.number}/restrict", reason="State secret")

    assert "Your proposal is sent. Nothing changes until another supervisor approves it." in page.text
    assert "Waits for approval" in page.text


def test_another_supervisor_finds_it_on_home_and_approves_it(signed_in: SignedIn) -> None:
    project, approval_id = proposed()
    saule = signed_in(Role.SUPERVISOR)

    assert 'href="/approvals">Approvals</a>: 1</h2>' in saule.get("/home").text
    waiting = saule.get("/approvals").text.partition("All approvals")[0]
    assert "State secret" in waiting and re.search(r"Decide by: \d\d\.\d\d\.\d{4}<", waiting)
    page = saule.send(f"/approvals/{approval_id}/approval", f"/approvals/{approval_id}", reason="")

    assert "Approved. It has taken effect." in page.text
    assert "Remove the restriction" in saule.get(f"/projects/{project.number}").text


def test_its_page_names_another_person_to_who_proposed_it(signed_in: SignedIn) -> None:
    _, approval_id = proposed("supervisor.web")
    dana = signed_in(Role.SUPERVISOR)

    page = dana.get(f"/approvals/{approval_id}").text
    tried = dana.send(f"/approvals/{approval_id}/approval", f"/approvals/{approval_id}", reason="")

    assert "You proposed this: another person approves it." in page
    assert ">Approve<" not in page
    assert (tried.status_code, "You made this proposal. Another person must approve it." in tried.text) == (403, True)
    assert "Nothing waits for your decision." in dana.get("/approvals").text


def test_a_rejection_without_a_reason_is_displayed_again(signed_in: SignedIn) -> None:
    _, approval_id = proposed()

    page = signed_in(Role.SUPERVISOR).send(
        f"/approvals/{approval_id}/rejection", f"/approvals/{approval_id}", reason=""
    )

    assert page.status_code == 422
    assert "There is a problem" in page.text


def test_everybody_who_may_decide_but_the_proposer_gets_an_email(app: Flask) -> None:
    create_reader(Role.SUPERVISOR, name="dana")
    create_reader(Role.SUPERVISOR, name="saule")
    create_reader(Role.REVIEWER, name="reviewer")

    _, approval_id = proposed()

    assert queued_emails() == [("saule@readers.kz", "approval-waiting", [approval_id])]


def test_pages_of_what_a_proposal_is_about_lead_to_it(signed_in: SignedIn) -> None:
    project, approval_id = proposed()

    page = signed_in(Role.REVIEWER).get(f"/projects/{project.number}").text

    assert f'href="/approvals/{approval_id}"' in page
    assert "proposed by dana, waits for approval" in page


def test_a_reason_that_the_service_gives_is_in_the_language_of_the_page(signed_in: SignedIn) -> None:
    administrator = an_actor(Role.ADMINISTRATOR, name="first")
    add_person(administrator, NewPerson("new", Role.AGENCY_EDITOR, an_agency().id, "new@example.kz"), PASSWORD)
    supervisor = signed_in(Role.SUPERVISOR, language="ru")

    page = supervisor.get("/approvals").text

    reason = "Учётную запись создал или изменил тот, кто не может дать ей доступ."
    assert reason in page
    (address,) = set(re.findall(r'href="(/approvals/[0-9]+)"', page))
    assert reason in supervisor.get(address).text
