"""Forms whose session ended while they were filled in: the entries stay, and nothing is saved without a valid token."""

from __future__ import annotations

from flask import Flask

from registry.accounts.roles import Role
from registry.projects.service import find_project
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.fixtures.web import SignedIn, Visit


def test_entries_outlive_the_session(app: Flask, signed_in: SignedIn) -> None:
    agency = an_agency()
    visit = signed_in(Role.AGENCY_EDITOR, agency, name="clerk")
    step = visit.send("/register").request.path
    token = visit.token(step)
    entries = {"name_ru": 'Портал "один" <и>', "purpose": "Первая\r\nвторая", "agency": agency.bin}
    visit.client.delete_cookie("registry_session")

    kept = visit.client.post(step, data={"csrf_token": token, **entries})
    assert kept.status_code == 401
    assert "Your session has ended" in kept.text and "Портал &#34;один&#34; &lt;и&gt;" in kept.text
    assert "Первая\r\nвторая</textarea>" in kept.text

    visit.sign_in("clerk")
    resumed = visit.client.post(step, data={"resume": "yes", **entries})
    assert resumed.status_code == 200 and 'value="Портал &#34;один&#34; &lt;и&gt;"' in resumed.text
    assert "not saved yet" in resumed.text
    assert "Портал" not in visit.get(step).text

    assert visit.send(step, **entries).request.path.endswith("/work")
    assert "Портал" in visit.get(step).text


def test_form_of_an_earlier_session_is_shown_again_and_not_saved(signed_in: SignedIn) -> None:
    agency = an_agency()
    project = a_project(agency)
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    edit = f"/projects/{project.number}/edit/people"
    for token in ({}, {"csrf_token": "of another session"}):
        page = visit.client.post(edit, data={"version": "1", "responsible_name": "Әлия", **token})
        assert 'value="Әлия"' in page.text and "not saved yet" in page.text
    assert find_project(ADMINISTRATOR, project.number).version == 1


def test_entries_of_another_origin_are_not_kept(visit: Visit) -> None:
    answer = visit.client.post("/register/1/what", data={"name_ru": "Портал"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403 and "Портал" not in answer.text


def test_page_after_the_second_sign_in_says_where_the_form_is(signed_in: SignedIn) -> None:
    assert "Close this tab" in signed_in(Role.AGENCY_EDITOR).get("/sign-in/again").text
